"""Trust: the device's identity, its evidence, and the circle's roster."""
