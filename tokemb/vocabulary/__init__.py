"""Vocabularies: profiles, the content of a ``tokenizer.json``, special tokens, truncation and padding, and folders."""
