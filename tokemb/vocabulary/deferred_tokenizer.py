"""The tokenizer of a word vocabulary, made when it is first used."""

from __future__ import annotations

from functools import cached_property
from typing import Any, cast

from tokemb.vocabulary.tokenizer_json import TokenizerJson, tokenizer_of
from tokemb.vocabulary.tokenizers_library import HAS_COMPONENTS, Tokenizer


class DeferredTokenizer:
    """A ``Tokenizer`` that is made when it is first used, without truncation and padding.

    Fitting does not use it, nor do the kernels, and millions of words take seconds and gigabytes to load.

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

    @property
    def is_made(self) -> bool:
        """Whether the tokenizer was used."""
        return "_tokenizer" in vars(self)

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


def saved_tokenizer(specification: TokenizerJson, content: bytes) -> Tokenizer:
    """Return the tokenizer of a vocabulary folder. That of a word vocabulary is made when it is first used.

    Args:
        specification: The content of its ``tokenizer.json``.
        content: The bytes of that file.

    Raises:
        VocabularyError: If `tokenizers` cannot load it.
    """
    is_plain = not specification["added_tokens"] and specification.get("post_processor") is None
    if HAS_COMPONENTS and is_plain and _has_valid_words(specification["model"]):
        return cast("Tokenizer", DeferredTokenizer(specification))
    return tokenizer_of(content)


def _has_valid_words(model: dict[str, Any]) -> bool:
    """Return whether a model is a map from words to ids that the library would load."""
    vocab = model.get("vocab")
    if model.get("type") != "WordLevel" or not isinstance(vocab, dict) or not vocab:
        return False
    try:
        "".join(vocab).encode()  # JSON can express surrogates, which are no text
    except UnicodeEncodeError:
        return False
    return set(map(type, vocab.values())) == {int} and min(vocab.values()) >= 0 and max(vocab.values()) < 1 << 32
