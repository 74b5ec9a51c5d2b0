"""Scenarios of a device under QEMU, each of some boots."""
