"""Integrations with other libraries: Spark and scikit-learn."""
