"""The device's own system: a release into the free slot, and whether a boot of it is good."""
