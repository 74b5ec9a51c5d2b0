"""How the cost of a file grows with the circle and with the file."""
