"""How a release comes onto the device, and how a boot proves good."""
