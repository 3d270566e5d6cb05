"""What runs around the framework: the cached fast path, the audit, the request's context."""
