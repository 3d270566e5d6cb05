"""The only code that writes SQL. Each function takes the session of a transaction it is part of."""
