"""Devices as machines: the real units under a real systemd, each with its own network."""
