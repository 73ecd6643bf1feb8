"""Files and folders that are written: locks, temporaries, atomic replacement, and what may be replaced."""
