"""Rules of the owner's keys and of what only they may sign."""
