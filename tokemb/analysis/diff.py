"""Differences between two vocabularies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tokemb.vocabulary.folder import BUCKETS, NGRAMS
from tokemb.vocabulary.tokenizer_json import TokenizerJson
from tokemb.vocabulary.vocabulary import Vocabulary

# The parts of a tokenizer.json that decide the ids. Tokens are compared separately.
_COMPONENTS = ("normalizer", "pre_tokenizer", "post_processor", "added_tokens", "model")


@dataclass(frozen=True)
class Token:
    """A token of one vocabulary.

    Attributes:
        token: The token.
        id: Its id.
        count: The number of its occurrences in the corpus. ``None`` if it is not known.
    """

    token: str
    id: int
    count: int | None


@dataclass(frozen=True)
class Difference:
    """The differences between a first and a second vocabulary.

    Attributes:
        same_ids: Whether every text gets the same ids from both.
        grown: Whether all tokens of the first have the same ids in the second, which may have more tokens.
        input_dim: The ``input_dim`` of both.
        only_first: The tokens that only the first has.
        only_second: The tokens that only the second has.
        moved: Both ids of each token whose id differs.
        components: The parts of ``tokenizer.json`` that differ, except the tokens.
        settings: Both values of each setting that differs: profile, model, oov, the ids of padding and of tokens out of
            vocabulary, truncation and padding, and the arguments of ``fit_vocab``.
        corpus: Both values of each corpus statistic that differs.
        counts: Both counts of each token whose counts are known and differ.
    """

    same_ids: bool
    grown: bool
    input_dim: tuple[int, int]
    only_first: list[Token]
    only_second: list[Token]
    moved: dict[str, tuple[int, int]]
    components: list[str]
    settings: dict[str, tuple[Any, Any]]
    corpus: dict[str, tuple[Any, Any]]
    counts: dict[str, tuple[int, int]]

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)


def diff(first: Vocabulary, second: Vocabulary) -> Difference:
    """Compare the tokens, ids, settings and counts of two vocabularies.

    Example:
        >>> import tokemb
        >>> first = tokemb.fit_vocab(["a b b"])
        >>> difference = tokemb.diff(first, tokemb.fit_vocab(["a b b", "a a c"]))
        >>> difference.same_ids, difference.moved
        (False, {'b': (2, 3), 'a': (3, 2)})
        >>> difference.only_second
        [Token(token='c', id=4, count=1)]
        >>> tokemb.diff(first, first.grow(["a a c"])).grown
        True
    """
    tokens, others = _tokens(first), _tokens(second)
    both = [(tokens[name], others[name]) for name in tokens if name in others]
    moved = {one.token: (one.id, other.id) for one, other in both if one.id != other.id}
    components = [
        name for name in _COMPONENTS if _component(first.specification, name) != _component(second.specification, name)
    ]
    settings = _changed_values(_settings(first), _settings(second))
    only_first = [token for name, token in tokens.items() if name not in others]
    only_second = [token for name, token in others.items() if name not in tokens]
    beyond = {"oov", "pad_id", "unk_id", NGRAMS, BUCKETS}
    is_extended = not (moved or only_first or components or settings.keys() & beyond)
    return Difference(
        same_ids=is_extended and not only_second and first.input_dim == second.input_dim,
        grown=is_extended,
        input_dim=(first.input_dim, second.input_dim),
        only_first=only_first,
        only_second=only_second,
        moved=moved,
        components=components,
        settings=settings,
        corpus=_changed_values(_corpus(first), _corpus(second)),
        counts={
            one.token: (one.count, other.count)
            for one, other in both
            if one.count is not None and other.count is not None and one.count != other.count
        },
    )


def _tokens(encoder: Vocabulary) -> dict[str, Token]:
    counts = encoder.table["count"].to_pylist()
    rows = enumerate(zip(encoder.vocabulary, counts, strict=True))
    others = encoder.oov_ids[1:]  # further buckets, which share the token of the first
    return {token: Token(token, index, count) for index, (token, count) in rows if token and index not in others}


def _component(specification: TokenizerJson, name: str) -> Any:  # noqa: ANN401 - any JSON
    component = specification.get(name)
    if name != "model" or not isinstance(component, Mapping):
        return component
    vocab = component["vocab"]
    scores = [score for _, score in vocab] if isinstance(vocab, list) else None  # of Unigram
    return {**component, "vocab": scores}


def _settings(encoder: Vocabulary) -> dict[str, Any]:
    names = ("oov", "pad_id", "unk_id", "maxlen", "padding", "truncating")
    values = {name: getattr(encoder, name) for name in names} | encoder.beyond_tokenizer_json
    return {"profile": encoder.profile, "model": encoder.algorithm, **values, **(encoder.settings or {})}


def _corpus(encoder: Vocabulary) -> dict[str, Any]:
    corpus = encoder.corpus
    return {name: getattr(corpus, name, None) for name in ("rows", "tokens", "distinct", "oov")}


def _changed_values(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = {**first, **second}
    return {name: (first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)}
