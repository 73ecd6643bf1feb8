"""A vocabulary: its tokens, their ids, and the settings that are saved with them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import Array
from tokemb._validation import UNIGRAMS, check_left_out
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.rows.corpus_statistics import CorpusStatistics
from tokemb.vocabulary.folder import BUCKETS, NGRAMS, SEGMENTER, table_from_parquet, vocabulary_table
from tokemb.vocabulary.oov_buckets import OovBuckets
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.pair_template import PairTemplate
from tokemb.vocabulary.segmenters.segmenter import Segmenter
from tokemb.vocabulary.special_tokens import SpecialTokens
from tokemb.vocabulary.tokenizer_json import TokenizerJson, fingerprint, ids_of_tokens, unk_id
from tokemb.vocabulary.tokenizers_library import Tokenizer, model_type

# Vocabularies have gaps where tokens were removed or reserved. Lists and tables have an entry for every id up to the
# highest. Without a limit, a file of one token with a high id would need gigabytes of memory.
_FREE_IDS = 1_000_000
_IDS_PER_TOKEN = 10


def check_highest_id(highest: int, tokens: int, token: str | None = None) -> None:
    """Raise ``VocabularyError`` if an id is far higher than the number of tokens.

    Args:
        highest: The highest id.
        tokens: The number of tokens.
        token: The token with this id, if it is known.
    """
    limit = _FREE_IDS + _IDS_PER_TOKEN * tokens
    if highest > limit:
        owner = "" if token is None else f" of {token!r:.60}"
        raise VocabularyError(
            f"ids in a vocabulary of {tokens:,} tokens must be at most {limit:,}; the id{owner} is {highest:,}"
        )


class Vocabulary:
    """Tokens, their ids and the saved settings. ``tokemb.Encoder`` adds encoding, and documents the attributes."""

    def __init__(
        self,
        specification: TokenizerJson,
        tokenizer: Tokenizer,
        *,
        pad_id: int | None,
        profile: str | None = None,
        oov: bool = True,
        settings: dict[str, Any] | None = None,
        corpus: CorpusStatistics | None = None,
        segmenter: Segmenter | None = None,
        ngrams: tuple[int, ...] = UNIGRAMS,
        table: pa.Table | bytes | None = None,
        known_fingerprint: str | None = None,
        buckets: OovBuckets | None = None,
    ) -> None:
        """Initialize the vocabulary. Users call ``fit_vocab``, ``Encoder.load`` or ``Encoder.from_tokenizer`` instead.

        Args:
            specification: The content of a ``tokenizer.json``.
            tokenizer: The tokenizer made from ``specification``. Its truncation and padding are removed.
            pad_id: The id of padding.
            profile: The name of the profile.
            oov: Whether a token out of vocabulary becomes the OOV id.
            settings: The arguments of ``fit_vocab``.
            corpus: Statistics of the corpus.
            segmenter: The segmenter that puts spaces between the words of a text.
            ngrams: The lengths of n-grams.
            table: The content of ``vocabulary.parquet`` as a table or as bytes.
            known_fingerprint: The fingerprint of ``specification``, if a folder vouches for it.
            buckets: The buckets of tokens out of vocabulary of a word vocabulary. Their ids have no tokens.

        Raises:
            VocabularyError: If an id does not fit int32 or is far higher than the number of tokens.
        """
        self._shape = PadTruncate.of(tokenizer)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._known_fingerprint = known_fingerprint
        self._ids = ids_of_tokens(specification, tokenizer)
        self._table = table
        self.specification = specification
        self.pad_id = pad_id
        self.unk_id = unk_id(specification) if oov else None
        self.oov = oov
        self.profile = profile
        self.algorithm = model_type(tokenizer).lower().replace("wordlevel", "word")
        self.settings = settings
        self.corpus = corpus
        self.segmenter = segmenter
        self.ngrams = ngrams
        self.buckets = buckets
        special_tokens = SpecialTokens.of(specification)
        self.input_dim = special_tokens.input_dim(
            max(max(self._ids.values(), default=0), pad_id or 0, self.oov_ids.stop - 1) + 1,
        )
        if self.input_dim > np.iinfo(np.int32).max:
            raise VocabularyError(f"ids must fit int32; the highest id of this tokenizer is {self.input_dim - 1}")
        hashed_ids = 0 if self.buckets is None else len(self.oov_ids)
        check_highest_id(self.input_dim - 1 - hashed_ids, len(self._ids))

    @property
    def options(self) -> dict[str, Any]:
        """The arguments that make this vocabulary again, besides the ``tokenizer.json`` and the tokenizer."""
        return {
            "pad_id": self.pad_id,
            "profile": self.profile,
            "oov": self.oov,
            "settings": self.settings,
            "corpus": self.corpus,
            "segmenter": self.segmenter,
            "ngrams": self.ngrams,
            "table": self._table,
            "buckets": self.buckets,
        }

    @property
    def oov_ids(self) -> range:
        """The ids of tokens out of vocabulary: ``unk_id``, or those of all buckets."""
        if self.unk_id is None:
            return range(0)
        return range(self.unk_id, self.unk_id + (1 if self.buckets is None else self.buckets.count))

    @property
    def is_hashed(self) -> bool:
        """Whether all tokens are hashed, because the vocabulary has buckets and no tokens besides reserved ones."""
        settings = self.settings or {}
        return "hash_buckets" in settings and self.input_dim == self.oov_ids.stop + len(settings.get("reserve", ()))

    @cached_property
    def vocabulary(self) -> list[str]:
        """The token of each id, ``input_dim`` strings. An id without a token has ``""``, a bucket that of OOV."""
        tokens = [""] * self.input_dim
        for token, index in self._ids.items():
            tokens[index] = token
        if self.buckets is not None:
            tokens[self.oov_ids.start : self.oov_ids.stop] = [tokens[self.oov_ids.start]] * self.buckets.count
        return tokens

    @cached_property
    def table(self) -> pa.Table:
        """The vocabulary as a table: ``id`` int32, ``token`` string, ``count`` and ``documents`` int64.

        ``count`` and ``documents`` are null where they are not known: for padding, ``[UNK]``, reserved tokens that do
        not occur in the corpus, and foreign vocabularies. ``documents`` is also null for subword models.
        """
        if isinstance(self._table, bytes):
            return table_from_parquet(self._table, self.input_dim)
        if self._table is None:
            missing = pa.nulls(self.input_dim, pa.int64())
            return vocabulary_table(self.vocabulary, missing, missing)
        return self._table

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, of everything that determines the ids. Truncation and padding are not included."""
        return self._known_fingerprint or fingerprint(self.specification, self.beyond_tokenizer_json)

    @property
    def beyond_tokenizer_json(self) -> dict[str, Any]:
        """The settings in ``tokemb.json`` that decide the ids and that a ``tokenizer.json`` cannot express."""
        ngrams = {} if self.ngrams == UNIGRAMS else {NGRAMS: list(self.ngrams)}
        segmenter = {} if self.segmenter is None else {SEGMENTER: self.segmenter.to_json()}
        buckets = {} if self.buckets is None else {BUCKETS: self.buckets.to_json()}
        return {**ngrams, **segmenter, **buckets}

    def require_no_segmenter(self, use: str) -> None:
        """Raise ``ArgumentError`` if there is a segmenter. ``use`` is what cannot run it, for example "Spark"."""
        if self.segmenter is not None:
            raise ArgumentError(
                f"{use} cannot segment texts with {self.segmenter}, which this vocabulary needs: encode texts with "
                "Encoder.encode or tokemb.encode_file"
            )

    @property
    def maxlen(self) -> int | None:
        """The saved ``maxlen``. ``None`` pads to the longest row."""
        return self._shape.pad_to

    @property
    def padding(self) -> str:
        """The saved side of padding: ``"pre"`` or ``"post"``."""
        return self._shape.padding

    @property
    def truncating(self) -> str:
        """The saved side of truncation: ``"pre"`` or ``"post"``."""
        return self._shape.truncating

    @property
    def splitting(self) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """The ``normalizer`` and the ``pre_tokenizer`` of the ``tokenizer.json``."""
        return self.specification.get("normalizer"), self.specification.get("pre_tokenizer")

    def pad_truncate(self, maxlen: int | None, padding: str | None, truncating: str | None) -> PadTruncate:
        """Return the saved truncation and padding, with the arguments that are not ``None`` in their place."""
        return self._shape.override(maxlen, padding, truncating)

    def pair_pad_truncate(
        self, maxlen: int | None, padding: str | None, truncating: str | None, pair_truncation: str | None
    ) -> PadTruncate:
        """Return the result of ``pad_truncate`` for rows of two texts. The arguments are those of ``encode_pairs``.

        Raises:
            ArgumentError: If an argument is invalid, ``maxlen`` has no room for the special tokens, or tokens are
                n-grams.
        """
        self.require_unigrams("encoded as pairs")
        shape = self._shape.override(maxlen, padding, truncating, pair_truncation)
        shape.room(self.pair_template)
        return shape

    def row_shape(
        self,
        maxlen: int | None,
        padding: str | None,
        truncating: str | None,
        *,
        overlap: int | None,
        is_pair: bool,
        pair_truncation: str | None,
        pairs_by: str,
    ) -> PadTruncate:
        """Return the truncation and padding of texts, of windows (with ``overlap``) or of pairs.

        Args:
            maxlen: As for ``pad_truncate``.
            padding: As for ``pad_truncate``.
            truncating: As for ``pad_truncate``.
            overlap: The number of tokens that two neighbouring windows share. ``None`` truncates texts or pairs.
            is_pair: Whether rows are pairs of texts.
            pair_truncation: As for ``pair_pad_truncate``.
            pairs_by: What the caller passes for pairs of texts, for messages.

        Raises:
            ArgumentError: If an argument is invalid, or has no effect together with another one.
        """
        if overlap is not None and truncating is not None:
            raise ArgumentError("truncating must be left out with overlap, with which texts are not truncated")
        if is_pair:
            return self.pair_pad_truncate(maxlen, padding, truncating, pair_truncation)
        check_left_out(f"for single texts: pass {pairs_by} for pairs of texts", pair_truncation=pair_truncation)
        if overlap is not None:
            self.require_unigrams("split into windows")
        return self.pad_truncate(maxlen, padding, truncating)

    def require_pad_id(self) -> int:
        """Return ``pad_id``.

        Raises:
            ArgumentError: If there is none.
        """
        if self.pad_id is None:
            raise ArgumentError(
                "this tokenizer names no padding token: use encode_ragged, or "
                "Encoder.from_tokenizer(path, pad_token=...) with one of its tokens"
            )
        return self.pad_id

    @property
    def start_id(self) -> int | None:
        """The id of the token that begins every row. ``None`` if ``fit_vocab`` got no ``start``."""
        return self._reserved_id("start")

    @property
    def end_id(self) -> int | None:
        """The id of the token that ends every row. ``None`` if ``fit_vocab`` got no ``end``."""
        return self._reserved_id("end")

    def _reserved_id(self, setting: str) -> int | None:
        token = (self.settings or {}).get(setting)
        return None if token is None else self._ids.get(token)

    @cached_property
    def pair_template(self) -> PairTemplate:
        """The special tokens and type ids of a row of two texts.

        Raises:
            VocabularyError: If the post-processor of the ``tokenizer.json`` is not one that tokemb supports.
        """
        template = PairTemplate.of(self.specification)
        if int(template.special_ids.max(initial=0)) >= self.input_dim:
            raise VocabularyError(
                f"special tokens between two texts must have ids below {self.input_dim}, the input_dim; "
                f"this tokenizer.json has the id {template.special_ids.max()}"
            )
        return template

    def require_no_start_and_end(self, use: str) -> None:
        """Raise ``ArgumentError`` if rows begin or end with tokens of their own.

        Args:
            use: What does not support them, as a noun, for example "a layer".
        """
        if self.start_id is not None or self.end_id is not None:
            raise ArgumentError(
                f"a vocabulary whose rows have start and end tokens cannot be {use}: fit one without start and end"
            )

    def require_unigrams(self, use: str) -> None:
        """Raise ``ArgumentError`` if tokens are n-grams.

        Args:
            use: What does not support them, as a participle, for example "decoded".
        """
        if self.ngrams != UNIGRAMS:
            raise ArgumentError(
                f"n-grams cannot be {use}; this vocabulary has ngrams={list(self.ngrams)}: fit one without ngrams"
            )

    def check_ids(self, ids: Array) -> None:
        """Check that all ids belong to the vocabulary.

        Args:
            ids: Integer array of any shape.

        Raises:
            ArgumentError: If an id is negative or not below ``input_dim``.
        """
        if ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < self.input_dim:
            outside = int(ids.max()) if int(ids.max()) >= self.input_dim else int(ids.min())
            raise ArgumentError(
                f"ids must be from 0 to {self.input_dim - 1}, the highest id of the vocabulary; received {outside}"
            )

    def saved_specification(self) -> TokenizerJson:
        """Return the content of the ``tokenizer.json`` to save, with a ``pad_id`` that its file does not name."""
        saved_pad_id = (self.specification.get("padding") or {}).get("pad_id")
        if self.pad_id in (None, saved_pad_id):
            return self.specification
        return self._shape.write(self.specification, self.pad_id, self.vocabulary[self.pad_id])


def check_vocabulary(name: str, value: object) -> None:
    """Check that an argument is a vocabulary and not, for example, its path.

    Args:
        name: The name of the argument.
        value: Its value.

    Raises:
        ArgumentError: If it is not an ``Encoder``.
    """
    if not isinstance(value, Vocabulary):
        raise ArgumentError(f"{name} must be a tokemb.Encoder; received {type(value).__name__}")
