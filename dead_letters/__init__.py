"""Records that were put aside: reading them, showing them, and sending them back, each once."""
