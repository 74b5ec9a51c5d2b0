"""A day in which nobody does anything, in a fraction of a day."""
