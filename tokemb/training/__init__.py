"""Models that are trained on ids: the tasks of ``tokemb train`` (docs/training.md)."""
