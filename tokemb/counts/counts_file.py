"""Read and write token counts as one Parquet file (docs/format.md)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tokemb._arrays import STRINGS, Int64
from tokemb._validation import UNIGRAMS, check_ngrams
from tokemb.errors import CountsError, one_line
from tokemb.files.arrow_files import open_parquet
from tokemb.files.atomic import atomic_file, check_output
from tokemb.files.json_content import check_format_version, parse_json
from tokemb.files.output_kind import Kind
from tokemb.files.parquet_tokens import COUNTS_KEY, read_tokens
from tokemb.vocabulary.profiles import PROFILES
from tokemb.vocabulary.segmenters.segmenter import Segmenter

FORMAT_VERSION = 2
"""The highest format version that is read. Files without n-grams and a segmenter have version 1."""

_INT64_MAX = int(np.iinfo(np.int64).max)

_SCHEMA = pa.schema({"token": STRINGS, "count": pa.int64(), "documents": pa.int64()})


class CountsContent(NamedTuple):
    """The content of a file of token counts. The fields are those of ``TokenCounts``."""

    profile: str
    tokens: pa.LargeStringArray
    counts: Int64
    documents: Int64
    row_lengths: Mapping[int, int]
    ngrams: tuple[int, ...]
    segmenter: Segmenter | None


def write_counts(content: CountsContent, path: Path, *, force: bool = False) -> None:
    """Write ``content`` to ``path``. The file appears complete or not at all.

    Args:
        content: The counts.
        path: The file.
        force: Whether to replace a file that does not contain counts.

    Raises:
        OutputExistsError: If such a file exists and ``force`` is false.
        OSError: If the file cannot be written.
    """
    beyond = {} if content.ngrams == UNIGRAMS else {"ngrams": list(content.ngrams)}
    beyond |= _segmenter_to_json(content.segmenter)
    metadata = {
        "format_version": FORMAT_VERSION if beyond else 1,
        "profile": content.profile,
        **beyond,
        "row_lengths": [list(pair) for pair in sorted(content.row_lengths.items())],
    }
    table = pa.table(
        [content.tokens, content.counts, content.documents], _SCHEMA.with_metadata({COUNTS_KEY: json.dumps(metadata)})
    )
    with atomic_file(path, _KIND, force=force) as temporary, temporary.open("wb") as file:
        # The tokens are distinct, so that a dictionary would only cost time and space.
        pq.write_table(table, file, compression="zstd", use_dictionary=False, write_page_checksum=True)


def holds_counts(path: Path) -> bool:
    """Return whether a file contains token counts, even if it is corrupt."""
    try:
        return COUNTS_KEY in (open_parquet(path).schema_arrow.metadata or {})
    except (pa.ArrowException, OSError):
        return False


_KIND = Kind("a file of token counts", holds_counts)


def check_target(path: Path, force: bool) -> None:
    """Raise the errors of ``write_counts`` for the file at ``path`` before any work is done."""
    check_output(path, _KIND, force=force)


def read_counts(path: Path) -> CountsContent:
    """Read a file of ``write_counts``.

    Raises:
        CountsError: If the file is missing, newer than this library, corrupt, or not a file of token counts.
    """
    if not path.is_file():
        raise CountsError(f"there are no token counts at {path}")
    try:
        with open_parquet(path) as file:
            metadata = (file.schema_arrow.metadata or {}).get(COUNTS_KEY)
            if metadata is None:
                raise CountsError(
                    f"{path} is a Parquet file without token counts: count texts with TokenCounts.from_texts"
                )
            profile, row_lengths, ngrams, segmenter = _parse_metadata(path, metadata)
        table = read_tokens(path, path.stat().st_size).select(_SCHEMA.names).cast(_SCHEMA).combine_chunks()
        table.validate(full=True)
    except CountsError:
        raise
    except (pa.ArrowException, KeyError, OSError, ValueError) as error:
        if (
            isinstance(error, OSError) and error.errno is not None
        ):  # an error of the disk: those of Arrow have no number
            raise
        raise CountsError(f"{path} is not a valid file of token counts: {one_line(error):.300}") from None
    _check(path, table, row_lengths)
    tokens, counts, documents = (column.combine_chunks() for column in table.columns)
    return CountsContent(profile, tokens, counts.to_numpy(), documents.to_numpy(), row_lengths, ngrams, segmenter)


def _segmenter_to_json(segmenter: Segmenter | None) -> dict[str, Any]:
    """Return the keys of a segmenter, with its dictionary in the place of the digest."""
    if segmenter is None:
        return {}
    dictionary = segmenter.user_dictionary
    content = {} if dictionary is None else {"user_dictionary": base64.b64encode(dictionary).decode()}
    return {"segmenter": {**segmenter.to_json(), **content}}


def _segmenter_from_json(content: Any) -> Segmenter | None:  # noqa: ANN401 - any JSON value
    """Return the segmenter of ``_segmenter_to_json``, or raise an error of Python."""
    if content is None:
        return None
    encoded = dict(content).pop("user_dictionary", None)
    return Segmenter.from_json(content, None if encoded is None else base64.b64decode(encoded, validate=True))


def _parse_metadata(path: Path, content: bytes) -> tuple[str, Mapping[int, int], tuple[int, ...], Segmenter | None]:
    """Return the profile, the number of rows of each length, the lengths of n-grams, and the segmenter."""
    try:
        metadata: dict[str, Any] = parse_json(content)
        version = int(metadata["format_version"])
        check_format_version(path, version, FORMAT_VERSION, CountsError)  # its other keys may differ
        profile = str(metadata["profile"])
        row_lengths = _parse_row_lengths(metadata["row_lengths"])
        segmenter = _segmenter_from_json(metadata.get("segmenter"))
        ngrams = check_ngrams(metadata.get("ngrams"))
    except CountsError:
        raise
    except (ValueError, KeyError, TypeError, OverflowError):
        raise CountsError(f"{path} has invalid metadata of token counts: count the texts again") from None
    if profile not in PROFILES:
        raise CountsError(
            f"{path} was counted with the profile {profile!r:.60}, which this tokemb does not know; "
            f"it knows {', '.join(PROFILES)}"
        )
    if any(length < 0 or rows < 0 for length, rows in row_lengths.items()):
        raise CountsError(f"{path} contains a negative number of rows or tokens: count the texts again")
    return profile, row_lengths, ngrams, segmenter


def _parse_row_lengths(pairs: Any) -> Mapping[int, int]:  # noqa: ANN401 - any JSON value
    """Return the number of rows of each length. Raise ``ValueError`` unless they are integers and occur once."""
    row_lengths = {length: rows for length, rows in pairs}
    if len(row_lengths) < len(pairs) or any(type(number) is not int for pair in row_lengths.items() for number in pair):
        raise ValueError("row_lengths must be pairs of integers, one pair for each length")
    return row_lengths


def _check(path: Path, table: pa.Table, row_lengths: Mapping[int, int]) -> None:
    if any(column.null_count for column in table.columns):
        raise CountsError(f"{path} contains a missing token or count: count the texts again")
    for name in ("count", "documents"):
        if (pc.min(table[name]).as_py() or 0) < 0:
            raise CountsError(f"{path} contains a negative number in the column {name}: count the texts again")
    occurrences = pc.value_counts(table["token"])
    repeated = occurrences.filter(pc.greater(occurrences.field("counts"), 1))
    if len(repeated):
        raise CountsError(
            f"{path} contains the token {repeated[0]['values'].as_py()!r:.60} twice: count the texts again"
        )
    counts, documents = table["count"].to_numpy(), table["documents"].to_numpy()
    limit = np.minimum(counts, min(sum(row_lengths.values()), _INT64_MAX))
    impossible = np.flatnonzero((documents > limit) | ((counts > 0) & (documents == 0)))
    if len(impossible):
        token = table["token"][impossible[0]].as_py()
        raise CountsError(
            f"{path} has {documents[impossible[0]]} rows with the token {token!r:.60}, which cannot be: "
            "count the texts again"
        )
    total = _sum_counts(counts)
    in_rows = sum(length * rows for length, rows in row_lengths.items())
    if total != in_rows:
        raise CountsError(f"{path} counts {total} tokens, but its rows have {in_rows}: count the texts again")


def _sum_counts(counts: Int64) -> int:
    """Return the sum of counts that are not negative. A sum of int64 would wrap around."""
    return (int((counts >> 32).sum()) << 32) + int((counts & 0xFFFFFFFF).sum())
