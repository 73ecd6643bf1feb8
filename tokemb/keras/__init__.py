"""Keras: datasets that feed models, layers that turn text into ids, and the legacy preprocessing modules."""
