"""The command line, one sibling for each group of commands."""
