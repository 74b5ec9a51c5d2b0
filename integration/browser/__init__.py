"""The real UI in a real browser, before a real circle."""
