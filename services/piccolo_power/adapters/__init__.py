"""One file per external thing."""
