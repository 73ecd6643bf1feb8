"""The ``tokenizers`` library. This is the only module of tokemb that imports it."""

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

__all__ = [
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
    "models",
    "normalizers",
    "pre_tokenizers",
    "processors",
    "trainers",
]
