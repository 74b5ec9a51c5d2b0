"""What the cloud does for a caller: logs and mailboxes over an object store."""
