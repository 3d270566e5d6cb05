"""Routes for operators, under `/admin`."""
