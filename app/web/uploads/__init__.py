"""Request bodies: size limits, decompression, multipart forms."""
