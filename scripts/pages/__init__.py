"""Generated documents, a module each."""
