"""Rules of the vault, without I/O, clock or randomness."""
