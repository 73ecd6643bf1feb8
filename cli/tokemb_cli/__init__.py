"""The ``tokemb`` command."""
