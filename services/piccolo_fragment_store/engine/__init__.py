"""The use cases of keeping, over the ports. What touches the disk is plain code for worker threads."""
