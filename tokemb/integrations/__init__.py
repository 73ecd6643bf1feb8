"""Other libraries: Spark and scikit-learn."""
