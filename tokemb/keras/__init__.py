"""Keras integration: datasets that feed models, layers from text to ids, and the legacy preprocessing modules."""
