"""What the system says of a call that failed."""


def problem(error: OSError) -> str:
    """Return it in the system's words: ``Connection refused``."""
    return error.strerror or str(error)
