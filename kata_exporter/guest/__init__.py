"""What a guest may say: the schema of its metrics, and the scanner that holds it to that."""
