"""The response cache, and what invalidates it when the change feed moves."""
