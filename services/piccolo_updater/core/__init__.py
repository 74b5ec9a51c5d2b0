"""The rules of releases, without a disk or a network."""
