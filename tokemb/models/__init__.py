"""Embedding models: make, load, check and extend them, and look vectors up in them."""
