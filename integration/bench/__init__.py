"""How fast the main job is, beside what others do on the same machine in the same run. Judges nothing."""
