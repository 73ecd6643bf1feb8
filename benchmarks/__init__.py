"""Comparisons of tokemb with its peers; ``python -m benchmarks`` runs them."""
