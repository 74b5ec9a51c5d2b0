"""The rules of the memory, without a database: paths, pruning, settings, the audit chain, page tokens."""
