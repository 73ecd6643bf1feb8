"""Vocabularies: profiles, the ``tokenizer.json``, special tokens, truncation and padding, and vocabulary folders."""
