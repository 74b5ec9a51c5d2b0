"""The vault: holds the owner's keys while unlocked and walks every file's way in, out and back to health."""
