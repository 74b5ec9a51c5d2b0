"""The gateway's rules: no I/O, no clock, no randomness; they are passed in."""
