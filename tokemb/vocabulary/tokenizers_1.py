"""An adapter of ``tokenizers`` 1.0, which only loads, encodes and decodes, to the interface of version 0.2x.

Everything that version 1.0 cannot do raises one sentence.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from tokemb.errors import MissingPackageError
from tokemb.vocabulary.character_ranges import NEWER, Letters
from tokemb.vocabulary.without_expressions import without_expressions

# The texts that a tokenizer encodes when it is loaded. Version 1.0 reports most components that it lacks only then.
_PROBES = ["a", "Ab 1, c\n"]
# A part of the error for a word out of vocabulary if the vocabulary has no token for it.
_NO_UNK = "token from the vocabulary"

# Characters that are not in NEWER and that 1.0 treats differently: three that are punctuation marks, and one that is
# decomposed, in only one of the versions.
_OTHER_DIFFERENCES = "166D 2E43-2E44 1F16C"


def missing_components() -> NoReturn:
    """Raise the error for an operation that needs version 0.2x.

    Raises:
        MissingPackageError: Always.
    """
    from importlib.metadata import version  # a slow import

    raise MissingPackageError(
        "fitting, importing, growing and inspecting vocabularies requires tokenizers 0.2x; version "
        f"{version('tokenizers')} is installed, which only encodes and decodes: pip install 'tokenizers<1'"
    )


class MissingComponent:
    """Stand for a component that version 1.0 cannot make. Every use of it raises ``MissingPackageError``."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name.startswith("__"):  # Python looks up optional methods this way
            raise AttributeError(name)
        missing_components()


class MissingClass(MissingComponent):
    """Stand for a class of components. An instance can be made, because profiles are defined by such instances."""

    def __call__(self, *_: object, **__: object) -> MissingComponent:
        """Return a stand-in for the component."""
        return MissingComponent()


class MissingModule:
    """Stand for a module of classes of components."""

    def __getattr__(self, name: str) -> MissingClass:
        if name.startswith("__"):
            raise AttributeError(name)
        return MissingClass()


class Tokenizer1:
    """A ``Tokenizer`` of version 1.0 with the methods of version 0.2x that encode, decode and describe the vocabulary.

    Attributes:
        truncation: The truncation of the file, as version 0.2x describes it. It is not applied.
        padding: The padding of the file, as version 0.2x describes it. It is not applied.
        model_type: The type of the model.
    """

    _library: Any

    def __init__(self, *_: object) -> None:
        """Refuse to make a tokenizer from a model, as users of version 0.2x do."""
        missing_components()

    @classmethod
    def from_str(cls, text: str) -> Tokenizer1:
        """Load a ``tokenizer.json``.

        Raises:
            ValueError: If the library cannot load it, or would encode with other ids than the file states.
        """
        tokenizer = cls.__new__(cls)
        tokenizer._load(text)
        return tokenizer

    def _load(self, text: str) -> None:
        content = json.loads(text)
        loaded, self._prepare = without_expressions(content)
        self._knows_characters = _knows_characters(loaded)
        self._tokenizer = _from_text(self._library, text if loaded is content else json.dumps(loaded))
        model = content["model"]
        vocabulary = model["vocab"]
        if isinstance(vocabulary, list):  # Unigram: pairs of token and score
            vocabulary = {token: index for index, (token, _) in enumerate(vocabulary)}
        added = {token["content"]: token["id"] for token in content.get("added_tokens") or []}
        self._ids: dict[str, int] = {**vocabulary, **added}
        self._model_ids: dict[str, int] = vocabulary
        self._added = {index: token for token, index in added.items()}
        self._tokens = {index: token for token, index in self._ids.items()}
        self.model_type = model.get("type") or _inferred_type(model)
        self.truncation = _truncation(content.get("truncation"))
        self.padding = _padding(content.get("padding"))
        if len(self._tokens) < len(self._ids) or len(self._added) < len(added):
            raise ValueError("two tokens share an id, which only tokenizers<1 can load")
        if [self._tokens[index] for index in self._added] != self._tokenizer.decode_tokens(list(self._added)):
            raise ValueError("the ids of the added tokens differ from those of tokenizers<1")
        self._probe()

    def _probe(self) -> None:
        try:
            self.encode_batch(_PROBES)
        except ValueError as error:
            if _NO_UNK not in str(error):  # then the texts decide, as in version 0.2x
                raise

    def encode_batch(self, texts: Sequence[str], add_special_tokens: bool = True) -> list[Any]:
        """Encode texts, without truncation and padding."""
        if self._knows_characters:
            for text in texts:
                _check_characters(text)
        if self._prepare is not None:
            texts = [self._prepare(text) for text in texts]
        encodings: list[Any] = self._tokenizer.encode_batch(
            texts, add_special_tokens=add_special_tokens, padding=None, truncation=None
        )
        return encodings

    encode_batch_fast = encode_batch

    def decode_batch(self, rows: Sequence[Sequence[int]], skip_special_tokens: bool = True) -> list[str]:
        """Decode rows of ids."""
        return [self.decode(row, skip_special_tokens) for row in rows]

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        """Decode ids."""
        text: str = self._tokenizer.decode(ids, skip_special_tokens=skip_special_tokens)
        return text

    def get_vocab(self, with_added_tokens: bool = True) -> dict[str, int]:
        """Return the id of each token."""
        return dict(self._ids if with_added_tokens else self._model_ids)

    def get_added_tokens_decoder(self) -> dict[int, str]:
        """Return the content of the added token of each id."""
        return self._added

    def token_to_id(self, token: str) -> int | None:
        """Return the id of a token, or ``None``."""
        return self._ids.get(token)

    def id_to_token(self, index: int) -> str | None:
        """Return the token of an id, or ``None``."""
        return self._tokens.get(index)

    def no_truncation(self) -> None:
        """Forget the truncation of the file."""
        self.truncation = None

    def no_padding(self) -> None:
        """Forget the padding of the file."""
        self.padding = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name.startswith("_"):
            raise AttributeError(name)
        missing_components()


def adapt(library: Any) -> type[Tokenizer1]:  # noqa: ANN401
    """Return the adapter of the class ``tokenizers.Tokenizer`` of version 1.0."""
    return type("Tokenizer", (Tokenizer1,), {"_library": library, "__doc__": Tokenizer1.__doc__})


def _knows_characters(content: dict[str, Any]) -> bool:
    """Return whether the normalizer or the pre-tokenizer may use properties of characters."""
    pre_tokenizer = content.get("pre_tokenizer") or {}
    return bool(content.get("normalizer") or pre_tokenizer.get("type") not in ("CharDelimiterSplit", "FixedLength"))


@cache
def _differing() -> Letters:
    return Letters({"x": f"{NEWER} {_OTHER_DIFFERENCES}"})


def _check_characters(text: str) -> None:
    if text.isascii():
        return
    for character in set(text):
        if _differing()[ord(character)] == "x":
            raise ValueError(
                f"U+{ord(character):04X} may get other ids with tokenizers 1.0, which has tables of a newer Unicode "
                "than 0.2x: pip install 'tokenizers<1'"
            )


def _from_text(library: Any, text: str) -> Any:  # noqa: ANN401
    if hasattr(library, "from_str"):
        return library.from_str(text)
    from tempfile import TemporaryDirectory  # a slow import

    with TemporaryDirectory() as folder:  # the first release candidates only read files
        path = Path(folder) / "tokenizer.json"
        path.write_text(text, "utf-8")
        return library.from_file(path)


def _inferred_type(model: dict[str, Any]) -> str:
    """Return the type of a model of an old file, which does not state it, as the library infers it."""
    if "merges" in model:
        return "BPE"
    if "continuing_subword_prefix" in model:
        return "WordPiece"
    return "Unigram" if isinstance(model["vocab"], list) else "WordLevel"


def _truncation(content: dict[str, Any] | None) -> dict[str, Any] | None:
    if content is None:
        return None
    strategies = {"LongestFirst": "longest_first", "OnlyFirst": "only_first", "OnlySecond": "only_second"}
    direction = content.get("direction", "Right").lower()
    return {**content, "strategy": strategies[content["strategy"]], "direction": direction}


def _padding(content: dict[str, Any] | None) -> dict[str, Any] | None:
    if content is None:
        return None
    strategy = content["strategy"]
    content = {key: value for key, value in content.items() if key != "strategy"}
    length = strategy["Fixed"] if isinstance(strategy, dict) else None
    return {**content, "length": length, "direction": content["direction"].lower()}
