"""The database: engines, transactions, errors, tables, and all that differs by dialect."""
