"""What the engine needs of the world."""
