"""How large a device's image is, how long it takes to build, to boot and to renew."""
