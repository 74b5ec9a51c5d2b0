"""The updater's outside world: one file per external thing."""
