"""Sources that find sandboxes; each yields the events of ``model``."""
