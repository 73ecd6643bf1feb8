"""Models trained on ids: the parts of ``tokemb train`` (docs/training.md)."""
