"""The database: engines, transactions, errors, tables. Only here is SQLite told from PostgreSQL."""
