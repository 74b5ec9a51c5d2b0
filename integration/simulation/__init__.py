"""Circles over years, without a byte: what the rules of the way of a file buy, counted event by event."""
