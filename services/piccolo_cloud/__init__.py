"""The central cloud: a blind keeper of backup logs and mailboxes on an object store."""
