"""Bearer tokens, and limits on failed logins."""
