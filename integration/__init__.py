"""Whole circles on one machine: devices and the cloud as processes, scenarios, measurements."""
