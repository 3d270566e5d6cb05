"""What an article is: its record, its fields, its text. Pure."""
