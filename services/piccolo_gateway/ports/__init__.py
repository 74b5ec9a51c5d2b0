"""What the gateway needs of the device's other services, and of the machine."""
