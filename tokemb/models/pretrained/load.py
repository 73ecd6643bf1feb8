"""Load pre-trained vectors of any format for the tokens of a vocabulary."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tokemb._validation import VECTOR_FORMATS, check_choice
from tokemb.errors import ArgumentError, VectorsError, one_line
from tokemb.files.expansion import is_bomb
from tokemb.formats.npz_member import read_header
from tokemb.models.pretrained.detect_format import BEGINNING_SIZE, bom_size, detect_dim, detect_format
from tokemb.models.pretrained.fasttext import read_fasttext
from tokemb.models.pretrained.pretrained_vectors import EnoughTokens, Pretrained, TokenCollector, VectorCollector
from tokemb.models.pretrained.stream import Stream
from tokemb.models.pretrained.word2vec_binary import read_binary
from tokemb.models.pretrained.word2vec_header import check_dim, parse_header
from tokemb.models.pretrained.word2vec_text import read_text

_LABELS = {
    "glove": "GloVe text",
    "word2vec": "word2vec text",
    "word2vec-binary": "word2vec binary",
    "fasttext": "fastText model",
    "npz": "NumPy archive",
}


# The only array of archives that Chinese text classifiers for PyTorch write.
_EMBEDDINGS = "embeddings"


def load_vectors(
    source: Path | str | object,
    tokens: Sequence[str],
    *,
    format: str | None = None,  # noqa: A002 - the common name
    ignore_case: bool = False,
    lenient: bool = False,
) -> Pretrained:
    """Read the vectors of some tokens.

    A token that occurs several times in the file gets its first vector. fastText models make the vectors of tokens that
    they do not contain from character n-grams.

    Args:
        source: The path or URL of a file, which may be compressed with gzip, bzip2, xz or Zstandard, or gensim's
            ``KeyedVectors``.
        tokens: The tokens, such as ``Encoder.vocabulary``. They must be distinct, except ``""``, which has no vector.
        format: One of ``tokemb.models.pretrained.VECTOR_FORMATS``. ``None`` detects it from the content.
        ignore_case: Whether a token that is not in the file gets the first vector whose token becomes it in lower case,
            unless that token is one of ``tokens``. Tokens with capital letters are found as they are.
        lenient: Whether to accept a file that is truncated, or that has more or fewer rows than its header says. Its
            complete rows are read.

    Returns:
        The vectors, and which tokens have one.

    Raises:
        VectorsError: If the file has none of the formats or is damaged. The message names the file and row.
        ArgumentError: If an argument is invalid.
    """
    return _collect(source, VectorCollector.of(tokens, ignore_case=ignore_case), format, lenient=lenient)


def tokens_of_vectors(source: Path | str | object, *, limit: int | None = None) -> list[str]:
    """Return the tokens that have a vector, each once, in the order of the file.

    Tokens that are empty or not UTF-8 are dropped. The errors are those of ``load_vectors``.

    Args:
        source: The file or object.
        limit: The maximum number of tokens. The rest of the file is neither read nor checked.
    """
    collector = TokenCollector.empty(limit)
    with suppress(EnoughTokens):
        _collect(source, collector)
    return list(collector.tokens)


def _collect(
    source: Path | str | object,
    collector: VectorCollector,
    format: str | None = None,  # noqa: A002
    *,
    lenient: bool = False,
) -> Pretrained:
    """Read what ``collector`` needs from a file of any format, or from an object."""
    if format is not None:
        check_choice("format", format, VECTOR_FORMATS)
    if not isinstance(source, (Path, str)):
        return _read_object(source, collector)
    with Stream(source, lenient=lenient) as stream:
        beginning = stream.peek(BEGINNING_SIZE)
        kind = format or detect_format(stream.name, beginning)
        if kind == "npz":
            if "://" in stream.name:
                raise VectorsError(f"{stream.name} is a .npz file, which must be local: download it")
            return _read_archive(Path(source), collector)
        if kind == "fasttext":
            rows, dim = read_fasttext(stream, collector)
        else:
            rows, dim = _read_rows(stream, kind, beginning, collector, lenient=lenient)
    return collector.result(stream.name, _LABELS[kind], rows, dim)


def _read_rows(
    stream: Stream, kind: str, beginning: bytes, collector: VectorCollector, *, lenient: bool
) -> tuple[int, int]:
    """Read GloVe's or a word2vec format. Return the number of rows and the dimension."""
    bom = bom_size(beginning)
    stream.skip(bom)
    if kind == "glove":
        dim = check_dim(stream.name, detect_dim(stream.name, beginning[bom:]))
        return read_text(stream, None, dim, collector, lenient=lenient), dim
    header = parse_header(beginning[bom:])
    if header is None:
        raise VectorsError(
            f"{stream.name} must begin with a line of two integers, rows and dim: "
            'use load_vectors(..., format="glove") for text without this line'
        )
    check_dim(stream.name, header.dim)
    stream.skip(header.size)
    if kind == "word2vec":
        return read_text(stream, header, header.dim, collector, lenient=lenient), header.dim
    return read_binary(stream, header, collector, lenient=lenient), header.dim


def _read_object(source: Any, collector: VectorCollector) -> Pretrained:  # noqa: ANN401 - any object
    """Read gensim's ``KeyedVectors``, or an object with the same attributes."""
    name = type(source).__name__
    try:
        keys, vectors = source.key_to_index, np.asarray(source.vectors)
        rows, dim = vectors.shape
    except (AttributeError, TypeError, ValueError):
        raise ArgumentError(f"vectors must be a file or KeyedVectors (a model's .wv); received {name}") from None
    for key, index in keys.items():
        row = collector.row_for(key.encode("utf-8", "surrogatepass")) if isinstance(key, str) else None
        if row is not None:
            _put(collector, row, vectors[index], f"{name}, {key!r}")
    if hasattr(source, "vectors_ngrams"):  # fastText makes vectors for other words too
        for token, row in collector.row_of_token.items():
            key = token.decode("utf-8", "surrogatepass")
            if not collector.found[row] and (vector := _vector_from_ngrams(source, key)) is not None:
                _put(collector, row, vector, f"{name}, {key!r}")
    return collector.result(name, "vectors in memory", rows, dim)


def _put(collector: VectorCollector, row: int, vector: npt.NDArray[np.floating], location: str) -> None:
    try:
        collector.put(row, vector)
    except ValueError as error:
        raise VectorsError(f"{location}: {error}") from None


def _vector_from_ngrams(source: Any, token: str) -> Any:  # noqa: ANN401
    try:
        return source.get_vector(token)
    except KeyError:  # too short for an n-gram
        return None


def _check_sizes(archive: zipfile.ZipFile) -> None:
    """Raise ``ValueError`` if the two arrays take far more memory than the file has bytes."""
    tokens, vectors = archive.getinfo("tokens.npy"), archive.getinfo("vectors.npy")
    for info in (tokens, vectors):
        read_header(archive, info, any_order=True)
    # All strings of a NumPy array take as much as the longest, so they may be compressed by any factor. Vectors do not.
    if is_bomb(vectors.file_size, vectors.compress_size) or is_bomb(tokens.file_size, vectors.file_size):
        raise ValueError(f"it unpacks to tokens of {tokens.file_size:,} and vectors of {vectors.file_size:,} bytes")


def _read_embeddings(
    path: Path,
    members: zipfile.ZipFile,
    archive: Any,  # noqa: ANN401 - NumPy's
    collector: VectorCollector,
) -> Pretrained:
    """Read ``embeddings`` ``(ids, dim)``, the vectors in the order of the ids, without tokens."""
    info = members.getinfo(f"{_EMBEDDINGS}.npy")
    rows, *dims = read_header(members, info, any_order=True).shape
    if len(dims) != 1 or is_bomb(info.file_size, info.compress_size):
        raise ValueError(f"{_EMBEDDINGS} must be (ids, dim), and not unpack to far more bytes than the file has")
    if rows != collector.size:
        raise VectorsError(
            f"{path} contains {_EMBEDDINGS} of {rows:,} ids without their tokens, and the vocabulary has "
            f"{collector.size:,}: import the vocab.pkl that was written with it"
        )
    for row, vector in enumerate(archive[_EMBEDDINGS]):
        _put(collector, row, vector, f"{path}, id {row}")
    return collector.result(str(path), _LABELS["npz"], rows, check_dim(str(path), dims[0]))


def _read_archive(path: Path, collector: VectorCollector) -> Pretrained:
    """Read a ``.npz`` file with ``tokens`` ``(rows,)`` and ``vectors`` ``(rows, dim)``, or with ``embeddings``."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            with zipfile.ZipFile(path) as members:
                if archive.files == [_EMBEDDINGS]:
                    return _read_embeddings(path, members, archive, collector)
                _check_sizes(members)
            tokens, vectors = archive["tokens"], archive["vectors"]
    except VectorsError:
        raise
    except Exception as error:  # a broken archive can make zipfile, zlib and NumPy raise anything
        raise VectorsError(f"{path} is not an archive of tokens and vectors: {one_line(error):.200}") from None
    if tokens.dtype.kind != "U" or vectors.dtype.kind != "f" or vectors.ndim != 2 or tokens.shape != vectors.shape[:1]:
        raise VectorsError(
            f"{path} must hold tokens, strings (rows,), and vectors, float (rows, dim); it holds {tokens.dtype} "
            f"{tokens.shape} and {vectors.dtype} {vectors.shape}"
        )
    check_dim(str(path), vectors.shape[1])
    for token, vector in zip(tokens.tolist(), vectors, strict=True):
        row = collector.row_for(token.encode("utf-8", "surrogatepass"))
        if row is not None:
            _put(collector, row, vector, f"{path}, {token!r}")
    return collector.result(str(path), _LABELS["npz"], *vectors.shape)
