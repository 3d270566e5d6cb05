"""What is claimed of Slugline: a module for each claim, with `TITLE` and `measure`."""
