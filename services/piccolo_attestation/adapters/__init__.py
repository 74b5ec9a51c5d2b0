"""One file per thing outside of this process."""
