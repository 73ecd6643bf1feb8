"""Read and replace files safely: atomic outputs, locks, temporary files, and checks of untrusted files."""
