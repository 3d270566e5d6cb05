"""The rules of the HTTP specifications, as pure functions. Nothing here knows a framework."""
