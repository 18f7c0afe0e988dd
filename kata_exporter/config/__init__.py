"""Settings: what they are, and how file, environment and flags give them."""
