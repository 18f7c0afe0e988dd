"""Commands. A user's mistake is one line on standard error, never a traceback."""
