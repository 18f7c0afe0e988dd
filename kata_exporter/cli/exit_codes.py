"""What the process ends with."""

OK = 0
FAILED = 1
"""Something that isn't the user's mistake; for ``scrape``, a sandbox that isn't up; for
``agent``, an agent that didn't do what it was asked."""
MISTAKE = 2
"""A wrong flag, a wrong configuration, a port in use: one line each on standard error."""
UNCONFIRMED = 3
"""What was asked for changes a guest, and the flag that says so is missing; nothing was sent."""
INTERRUPTED = 130
"""A signal ended what should have run to its end; 128 + SIGINT, as shells have it."""
