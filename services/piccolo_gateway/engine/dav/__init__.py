"""WebDAV's use cases: what its methods do to the owner's files."""
