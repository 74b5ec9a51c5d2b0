"""The rules of keeping: states and their order, capacity, ages, fences, and who may ask for what. Pure."""
