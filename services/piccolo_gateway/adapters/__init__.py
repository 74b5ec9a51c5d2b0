"""One file for each local service's client, and for the machine."""
