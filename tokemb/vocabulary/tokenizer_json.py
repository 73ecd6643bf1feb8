"""The content of a ``tokenizer.json``, as the ``tokenizers`` library defines it, and what makes of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from tokemb.errors import ArgumentError, VocabularyError
from tokemb.files.json_content import parse_json

TokenizerJson = dict[str, Any]

# A tokenizer without any component, and a model that knows nothing.
BLANK: TokenizerJson = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": None,
    "post_processor": None,
    "decoder": None,
    "model": {"type": "WordLevel", "vocab": {}, "unk_token": ""},
}

# What says how rows are cut and filled, and how ids become text again, decides no id.
_NO_RULES = ("truncation", "padding", "decoder")

_COMPONENTS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
# Where components are in others.
_SEQUENCES = frozenset({"normalizers", "pretokenizers", "processors", "decoders"})

# What people call their padding token, in the files that say nothing of padding.
_PAD_NAMES = ("[PAD]", "<pad>", "<|pad|>")


def tokenizer_json_of(tokenizer: Tokenizer) -> TokenizerJson:
    """The content of the file that ``tokenizer`` would be saved as."""
    specification: TokenizerJson = json.loads(tokenizer.to_str())
    return specification


def tokenizer_of(specification: TokenizerJson | bytes, name: str = "this tokenizer") -> Tokenizer:
    """Make the tokenizer of a specification, or of its JSON; raise ``VocabularyError`` if the library cannot.

    ``name``: what the error calls it.
    """
    text = specification.decode() if isinstance(specification, bytes) else json.dumps(specification, ensure_ascii=False)
    return _load(text, name)


def read_tokenizer(path: Path) -> tuple[Tokenizer, TokenizerJson]:
    """Read a ``tokenizer.json``; raises ``VocabularyError`` if it is none that the library can load."""
    if not path.is_file():
        raise VocabularyError(f"there is no tokenizer.json at {path}")
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        raise VocabularyError(f"{path} is not a tokenizer.json: it is not UTF-8 text") from None
    tokenizer = _load(text, str(path))
    try:
        specification = parse_json(text, check_depth=False)  # the library refuses what it reads beyond 128 levels
    except ValueError as error:
        raise VocabularyError(f"{path} is not a tokenizer.json: {error}") from None
    return tokenizer, specification if _is_as_saved(specification) else tokenizer_json_of(tokenizer)


def _is_as_saved(specification: TokenizerJson) -> bool:
    """Whether a file has the form that the library saves: it also reads others, such as lists instead of objects."""
    components = [specification.get(name) for name in _COMPONENTS]
    while components:
        component = components.pop()
        if component is None:
            continue
        if not isinstance(component, dict):
            return False
        for name in _SEQUENCES & set(component):
            components += component[name]
    return isinstance(specification.get("added_tokens"), list) and isinstance(specification["model"], dict)


def _load(text: str, name: str) -> Tokenizer:
    try:
        return Tokenizer.from_str(text)
    except BaseException as error:  # tokenizers raises plain Exception, or panics
        if not is_failure(error):
            raise
        reason = " ".join(str(error).split())
        raise VocabularyError(
            f"{name} is not a tokenizer.json that the tokenizers library can load: {reason:.300}"
        ) from error


def is_failure(error: BaseException) -> bool:
    """Tell whether a Rust library failed; where it panics, it raises a PanicException, which is no Exception."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def fingerprint(specification: TokenizerJson) -> str:
    """SHA-256, in hexadecimal, of what decides the ids: everything but truncation, padding and decoder."""
    rules = {key: value for key, value in specification.items() if key not in _NO_RULES}
    canonical = json.dumps(rules, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def ids_of_tokens(specification: TokenizerJson, tokenizer: Tokenizer) -> dict[str, int]:
    """The id of every token, added ones too; ``tokenizer`` is made from ``specification``."""
    model = specification["model"]
    # What the library would say, without a copy of it, which takes longer than all else for a small text.
    if model.get("type") == "WordLevel" and all(
        added["content"] in model["vocab"] for added in specification["added_tokens"]
    ):
        ids: dict[str, int] = model["vocab"]
        return ids
    return tokenizer.get_vocab(with_added_tokens=True)


def unk_id(specification: TokenizerJson) -> int | None:
    """The id that unknown tokens get, or ``None`` if the model has none."""
    model = specification["model"]
    if isinstance(model["vocab"], list):  # Unigram: pairs of token and score
        return model.get("unk_id")
    return model["vocab"].get(model.get("unk_token"))


def steps(component: dict[str, Any] | None, name: str) -> Iterator[dict[str, Any]]:
    """The components that a component is: itself, or those of a sequence, which holds them as ``name``."""
    if component is None:
        return
    if component.get("type") != "Sequence":
        yield component
        return
    for step in component[name]:
        yield from steps(step, name)


def find_pad_id(tokenizer: Tokenizer, pad_token: str | None) -> int | None:
    """The id that rows are padded with: that of ``pad_token``, or what the tokenizer says; ``None`` if it does not.

    Raises ``ArgumentError`` if there is no such token.
    """
    if pad_token is not None:
        pad_id: int | None = tokenizer.token_to_id(pad_token)
        if pad_id is None:
            raise ArgumentError(f"pad_token must be a token of the vocabulary; received {pad_token!r}")
        return pad_id
    if tokenizer.padding:
        return int(tokenizer.padding["pad_id"])
    return next((index for index in map(tokenizer.token_to_id, _PAD_NAMES) if index is not None), None)
