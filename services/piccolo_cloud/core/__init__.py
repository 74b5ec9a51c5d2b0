"""The rules of the cloud, without a clock, a disk or a network."""
