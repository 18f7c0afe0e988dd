"""What the process ends with."""

OK = 0
FAILED = 1
"""Something that isn't the user's mistake; for ``scrape``, a sandbox that isn't up."""
MISTAKE = 2
"""A wrong flag, a wrong configuration, a port in use: one line each on standard error."""
INTERRUPTED = 130
"""A signal ended what should have run to its end; 128 + SIGINT, as shells have it."""
