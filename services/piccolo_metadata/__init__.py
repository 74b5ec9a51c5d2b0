"""The device's memory: one database, and its encrypted backup."""
