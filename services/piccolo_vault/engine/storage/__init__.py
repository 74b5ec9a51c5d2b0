"""Use cases of the way of a file: in, out, check, repair, burial."""
