"""What the engines need of the world, as Protocols."""
