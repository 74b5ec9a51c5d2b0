"""Use cases of the owner's keys: setup, unlock, generations, recovery, life in the circle."""
