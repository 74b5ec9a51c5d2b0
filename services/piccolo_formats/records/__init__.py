"""The records of the format: one frozen class each, named as in docs/storage-format.md."""
