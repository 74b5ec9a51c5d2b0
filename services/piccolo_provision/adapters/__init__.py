"""The seed volume, the site, the memory, and the places under /run."""
