"""Use cases: each walks one way of a file or of the keys."""
