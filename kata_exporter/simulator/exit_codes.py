"""Exit codes of simulated processes, as a shell has them."""

SIGNALLED = 128
"""And the number of the signal that ended it."""
KILLED = SIGNALLED + 9
"""By SIGKILL."""
