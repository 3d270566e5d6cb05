"""The one edge that knows the web framework: routes, header fields, problems, tokens, uploads."""
