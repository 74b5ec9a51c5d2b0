"""How light and quick the face is: in a browser, beside curl, and under many requests."""
