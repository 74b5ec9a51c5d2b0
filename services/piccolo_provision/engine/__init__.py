"""What provision does, in order."""
