"""The only code that writes SQL. Each function works in its caller's transaction."""
