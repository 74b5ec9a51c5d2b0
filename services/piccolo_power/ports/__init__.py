"""What the use case needs."""
