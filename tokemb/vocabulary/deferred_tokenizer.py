"""The tokenizer of a word vocabulary, made when it is first used."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from tokemb.vocabulary.tokenizer_json import TokenizerJson, tokenizer_of
from tokemb.vocabulary.tokenizers_library import Tokenizer


class DeferredTokenizer:
    """A ``Tokenizer`` that is made when it is first used, without truncation and padding.

    Fitting does not use it, and millions of words take seconds and gigabytes to load.

    Attributes:
        model: A model of the type of the specification, without its words.
        truncation: The truncation of the specification, or ``None``.
        padding: The padding of the specification, or ``None``.
    """

    def __init__(self, specification: TokenizerJson) -> None:
        """Initialize it with the content of a ``tokenizer.json`` that is known to be valid."""
        model = {**specification["model"], "vocab": {}}
        without_words = tokenizer_of({**specification, "model": model, "post_processor": None, "added_tokens": []})
        self._specification = specification
        self.model = without_words.model
        self.truncation = without_words.truncation
        self.padding = without_words.padding

    def no_truncation(self) -> None:
        """Remove the truncation."""
        self.truncation = None

    def no_padding(self) -> None:
        """Remove the padding."""
        self.padding = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any attribute of a Tokenizer
        if name.startswith("__"):  # pickle and copy ask before there are attributes
            raise AttributeError(name)
        return getattr(self._tokenizer, name)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return tokenizer_of({**self._specification, "truncation": None, "padding": None})
