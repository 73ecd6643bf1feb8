"""Reports that help to choose sizes before texts are encoded, and that measure drift afterwards."""
