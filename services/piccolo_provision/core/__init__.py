"""The rules of provision, without a clock, a disk or a network."""
