"""The use cases, on top of the ports."""
