"""Exit codes of simulated processes, as a shell has them."""

NOT_FOUND = 127
"""Of a shell that can't find what it is to run."""
SIGNALLED = 128
"""And the number of the signal that ended it."""
KILLED = SIGNALLED + 9
"""By SIGKILL."""
