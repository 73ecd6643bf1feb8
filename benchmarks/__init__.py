"""Comparisons of tokemb with other libraries. ``python -m benchmarks`` runs them."""
