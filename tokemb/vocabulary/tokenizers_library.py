"""The ``tokenizers`` library. This is the only module of tokemb that imports it.

Version 1.0 has only ``Tokenizer``. ``tokemb.vocabulary.tokenizers_1`` adapts it, and stands in for all other names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tokenizers

HAS_COMPONENTS = hasattr(tokenizers, "models")
"""Whether the library can make and query models, normalizers and pre-tokenizers. Version 1.0 cannot."""

NO_COMPONENTS = "tokenizers 1.0 encodes alone, because its normalizers and pre-tokenizers cannot be queried"
"""Why no other backend is used with version 1.0."""

if TYPE_CHECKING or HAS_COMPONENTS:
    from tokenizers import (
        BertWordPieceTokenizer,
        Encoding,
        Regex,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
        trainers,
    )
    from tokenizers.decoders import Decoder
    from tokenizers.models import Model
    from tokenizers.normalizers import Normalizer
    from tokenizers.pre_tokenizers import PreTokenizer
    from tokenizers.trainers import Trainer
else:
    from tokemb.vocabulary.tokenizers_1 import MissingClass, MissingModule, adapt

    Encoding = tokenizers.Encoding
    Tokenizer = adapt(tokenizers.Tokenizer)
    BertWordPieceTokenizer = Regex = MissingClass()
    Decoder = Model = Normalizer = PreTokenizer = Trainer = MissingClass()
    decoders = models = normalizers = pre_tokenizers = processors = trainers = MissingModule()

__all__ = [
    "HAS_COMPONENTS",
    "NO_COMPONENTS",
    "BertWordPieceTokenizer",
    "Decoder",
    "Encoding",
    "Model",
    "Normalizer",
    "PreTokenizer",
    "Regex",
    "Tokenizer",
    "Trainer",
    "decoders",
    "is_library_tokenizer",
    "library_version",
    "model_type",
    "models",
    "normalizers",
    "pre_tokenizers",
    "processors",
    "trainers",
]


def library_version() -> str:
    """Return the version of the library. Version 1.0 need not tell it."""
    return tokenizers.__version__


def is_library_tokenizer(value: object) -> bool:
    """Return whether ``value`` is a ``tokenizers.Tokenizer`` of the installed version."""
    return isinstance(value, tokenizers.Tokenizer)


def model_type(tokenizer: Tokenizer) -> str:
    """Return the type of the model of ``tokenizer``: ``"WordLevel"``, ``"BPE"``, ``"WordPiece"`` or ``"Unigram"``."""
    return type(tokenizer.model).__name__ if HAS_COMPONENTS else str(vars(tokenizer)["model_type"])
