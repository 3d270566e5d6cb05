"""Health checks, and the explanation of a negotiation."""
