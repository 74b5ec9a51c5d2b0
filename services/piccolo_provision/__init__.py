"""Individuates a device at boot: a seed volume and its site make one image this node."""
