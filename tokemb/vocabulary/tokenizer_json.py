"""Read, write and inspect the content of a ``tokenizer.json``, as the ``tokenizers`` library defines it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tokemb.errors import ArgumentError, VocabularyError, one_line
from tokemb.files.json_content import parse_json
from tokemb.vocabulary.json_parts import json_parts
from tokemb.vocabulary.tokenizers_library import HAS_COMPONENTS, Tokenizer

TokenizerJson = dict[str, Any]

# A tokenizer without components and with an empty model.
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

# These keys do not affect the ids.
_KEYS_WITHOUT_IDS = ("truncation", "padding", "decoder")

_COMPONENTS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
# The keys under which a component contains others.
_SEQUENCES = frozenset({"normalizers", "pretokenizers", "processors", "decoders"})

_LIBRARY = "the tokenizers library"
_LIBRARY_1 = "tokenizers 1.0 (pip install 'tokenizers<1' for 0.2x, which loads more)"

# Common names of the padding token, for files without padding.
_PAD_NAMES = ("[PAD]", "<pad>", "<|pad|>")


def tokenizer_json_of(tokenizer: Tokenizer) -> TokenizerJson:
    """Return the content of the file that ``tokenizer`` would be saved as."""
    specification: TokenizerJson = json.loads(tokenizer.to_str())
    return specification


def model_of(tokenizer: Tokenizer) -> dict[str, Any]:
    """Return the model of ``tokenizer`` with the exact numbers that it computes with.

    The library rounds numbers in a file to a neighbour of the nearest float now and then.
    """
    model: dict[str, Any] = json.loads(tokenizer.model.__getstate__())
    return model


def tokenizer_of(specification: TokenizerJson | bytes, name: str = "this tokenizer") -> Tokenizer:
    """Make the tokenizer of a specification.

    Args:
        specification: The content of a ``tokenizer.json``, or its bytes.
        name: The name of the tokenizer in errors.

    Raises:
        VocabularyError: If `tokenizers` cannot load it.
    """
    if isinstance(specification, bytes):
        return _load(specification.decode(), name)
    return _load(json.dumps(specification, ensure_ascii=False, default=dict), name)  # WordIds are no dictionary


def read_tokenizer(path: Path) -> tuple[Tokenizer, TokenizerJson]:
    """Read a ``tokenizer.json``. Raise ``VocabularyError`` if `tokenizers` cannot load it."""
    if not path.is_file():
        raise VocabularyError(f"there is no tokenizer.json at {path}")
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        raise VocabularyError(f"{path} is not a tokenizer.json: it is not UTF-8 text") from None
    tokenizer = _load(text, str(path))
    try:
        specification = parse_json(text, check_depth=False)  # `tokenizers` rejects more than 128 levels
    except ValueError as error:
        raise VocabularyError(f"{path} is not a tokenizer.json: {error}") from None
    return tokenizer, specification if is_as_saved(specification) else tokenizer_json_of(tokenizer)


def is_as_saved(specification: TokenizerJson) -> bool:
    """Return whether a file has the form that `tokenizers` saves. The library reads other forms too."""
    components = [specification.get(name) for name in _COMPONENTS]
    while components:
        component = components.pop()
        if component is None:
            continue
        if not isinstance(component, dict) or "type" not in component:
            return False
        for name in _SEQUENCES & set(component):
            components += component[name]
    return isinstance(specification.get("added_tokens"), list) and isinstance(specification.get("model"), dict)


def _load(text: str, name: str) -> Tokenizer:
    try:
        return Tokenizer.from_str(text)
    except BaseException as error:  # tokenizers raises plain Exception, or panics
        if not is_failure(error):
            raise
        library = _LIBRARY if HAS_COMPONENTS else _LIBRARY_1
        raise VocabularyError(
            f"{name} is not a tokenizer.json that {library} can load: {one_line(error):.300}"
        ) from error


def is_failure(error: BaseException) -> bool:
    """Return whether a Rust library failed. A panic raises PanicException, which is not an ``Exception``."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def fingerprint(specification: TokenizerJson, beyond: Mapping[str, Any] | None = None) -> str:
    """Return the SHA-256, in hexadecimal, of all keys that affect the ids.

    Args:
        specification: The content of a ``tokenizer.json``.
        beyond: What decides the ids beyond it. Its keys are none of a ``tokenizer.json``.
    """
    rules = {key: value for key, value in specification.items() if key not in _KEYS_WITHOUT_IDS}
    rules.update(beyond or {})
    digest = hashlib.sha256()
    for part in json_parts(rules, sort_keys=True):
        digest.update(part)
    return digest.hexdigest()


def ids_of_tokens(specification: TokenizerJson, tokenizer: Tokenizer) -> Mapping[str, int]:
    """Return the id of every token, including added tokens. ``tokenizer`` is made from ``specification``."""
    vocab: Mapping[str, int] | list[Any] = specification["model"]["vocab"]
    if isinstance(vocab, list):  # Unigram
        return tokenizer.get_vocab(with_added_tokens=True)
    # The same result as from `tokenizers`, without a copy, which would take most of the time for a small text.
    added = {token["content"]: tokenizer.token_to_id(token["content"]) for token in specification["added_tokens"]}
    others = {token: index for token, index in added.items() if index is not None and vocab.get(token) != index}
    return {**vocab, **others} if others else vocab


def unk_id(specification: TokenizerJson) -> int | None:
    """Return the id of tokens out of vocabulary, or ``None`` if the model has none."""
    model = specification["model"]
    if isinstance(model["vocab"], list):  # Unigram: pairs of token and score
        return model.get("unk_id")
    return model["vocab"].get(model.get("unk_token"))


def steps(component: dict[str, Any] | None, name: str) -> Iterator[dict[str, Any]]:
    """Yield the component, or the components of a sequence, which contains them under the key ``name``."""
    if component is None:
        return
    if component.get("type") != "Sequence":
        yield component
        return
    for step in component[name]:
        yield from steps(step, name)


def find_pad_id(tokenizer: Tokenizer, pad_token: str | None) -> int | None:
    """Return the id of padding: that of ``pad_token``, or that of the tokenizer. ``None`` if it has none.

    Raises:
        ArgumentError: If ``pad_token`` is not in the vocabulary.
    """
    if pad_token is not None:
        pad_id: int | None = tokenizer.token_to_id(pad_token)
        if pad_id is None:
            raise ArgumentError(f"pad_token must be a token of the vocabulary; received {pad_token!r}")
        return pad_id
    if tokenizer.padding:
        return int(tokenizer.padding["pad_id"])
    return next((index for index in map(tokenizer.token_to_id, _PAD_NAMES) if index is not None), None)
