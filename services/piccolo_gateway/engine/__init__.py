"""The gateway's use cases, over ports."""
