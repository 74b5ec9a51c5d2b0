"""What every Piccolo process shares: the shape of a service, and nothing about what any service does."""
