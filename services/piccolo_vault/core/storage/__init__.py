"""Rules of the way of a file."""
