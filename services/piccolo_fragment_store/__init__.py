"""Keeps other owners' fragments on this device's disk, and never one of its own owner's."""
