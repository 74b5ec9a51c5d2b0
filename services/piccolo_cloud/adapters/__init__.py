"""The cloud's outside world: one file per external thing."""
