"""Records and listings as bytes, one module for each format."""
