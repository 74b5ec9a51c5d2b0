"""The rules of trust, without I/O, clock or randomness."""
