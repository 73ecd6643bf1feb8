"""Pre-trained vectors for the tokens of a vocabulary, from any format."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tokemb._validation import check_choice
from tokemb.errors import ArgumentError, VectorsError
from tokemb.files.expansion import is_bomb
from tokemb.formats.npz_member import read_header
from tokemb.models.pretrained.detect_format import BEGINNING, FORMATS, dim_of, format_of, without_bom
from tokemb.models.pretrained.fasttext import read_fasttext
from tokemb.models.pretrained.pretrained_vectors import Gathered, Names, Pretrained
from tokemb.models.pretrained.stream import Stream
from tokemb.models.pretrained.word2vec_binary import read_binary
from tokemb.models.pretrained.word2vec_header import check_dim, header_of
from tokemb.models.pretrained.word2vec_text import read_text

_LABELS = {
    "glove": "GloVe text",
    "word2vec": "word2vec text",
    "word2vec-binary": "word2vec binary",
    "fasttext": "fastText model",
    "npz": "NumPy archive",
}


def load_vectors(
    source: Path | str | object,
    tokens: Sequence[str],
    *,
    format: str | None = None,  # noqa: A002 - what everyone calls it
    ignore_case: bool = False,
    lenient: bool = False,
) -> Pretrained:
    """Read the vectors of ``tokens``, and keep no others.

    ``source``: a file, which may be compressed with gzip, bzip2 or xz, or gensim's ``KeyedVectors``.
    ``tokens``: such as ``Encoder.vocabulary``; each once, but ``""``, which has no vector.
    ``format``: one of ``tokemb.models.pretrained.FORMATS``; by default what the content looks like.
    ``ignore_case``: a token that the file does not hold gets the first vector whose token equals it in lower case.
    ``lenient``: take the whole rows of a file of rows that is cut, or that holds more or fewer than its header says.

    A token that the file holds several times has its first vector there. fastText models make vectors for tokens that
    they do not hold from the n-grams of their characters.
    Raises ``VectorsError``, naming the place, for a file that is none of these or broken; ``ArgumentError`` for
    settings that cannot be.
    """
    return _gather(source, Gathered.of(tokens, ignore_case=ignore_case), format, lenient=lenient)


def tokens_of_vectors(source: Path | str | object, *, format: str | None = None, lenient: bool = False) -> list[str]:  # noqa: A002
    """The tokens that have a vector of their own, each once, in the order of the file.

    The arguments and errors are those of ``load_vectors``; tokens that are empty or not UTF-8 are left out.
    """
    names = Names.none_yet()
    _gather(source, names, format, lenient=lenient)
    return list(names.seen)


def _gather(source: Path | str | object, gathered: Gathered, format: str | None, *, lenient: bool) -> Pretrained:  # noqa: A002
    """Read from a file of any format, or an object, what ``gathered`` wants."""
    if format is not None:
        check_choice("format", format, FORMATS)
    if not isinstance(source, (Path, str)):
        return _from_object(source, gathered)
    with Stream(Path(source), lenient=lenient) as stream:
        beginning = stream.peek(BEGINNING)
        kind = format or format_of(stream.name, beginning)
        if kind == "npz":
            return _from_archive(Path(source), gathered)
        if kind == "fasttext":
            rows, dim = read_fasttext(stream, gathered)
        else:
            rows, dim = _read_rows(stream, kind, beginning, gathered, lenient=lenient)
    return gathered.result(stream.name, _LABELS[kind], rows, dim)


def _read_rows(stream: Stream, kind: str, beginning: bytes, gathered: Gathered, *, lenient: bool) -> tuple[int, int]:
    """Read GloVe's or word2vec's format; give the number of rows, and the size of a vector."""
    bom = without_bom(beginning)
    stream.skip(bom)
    if kind == "glove":
        dim = check_dim(stream.name, dim_of(stream.name, beginning[bom:]))
        return read_text(stream, None, dim, gathered, lenient=lenient), dim
    header = header_of(beginning[bom:])
    if header is None:
        raise VectorsError(f"{stream.name} must begin with a line of two numbers, rows and dim: is it glove?")
    check_dim(stream.name, header.dim)
    stream.skip(header.size)
    if kind == "word2vec":
        return read_text(stream, header, header.dim, gathered, lenient=lenient), header.dim
    return read_binary(stream, header, gathered, lenient=lenient), header.dim


def _from_object(source: Any, gathered: Gathered) -> Pretrained:  # noqa: ANN401 - whatever was passed
    """From gensim's ``KeyedVectors``, or what looks like it."""
    name = type(source).__name__
    try:
        keys, vectors = source.key_to_index, np.asarray(source.vectors)
        rows, dim = vectors.shape
    except (AttributeError, TypeError, ValueError):
        raise ArgumentError(f"vectors must be a file or KeyedVectors (a model's .wv); received {name}") from None
    for key, index in keys.items():
        row = gathered.row_for(key.encode("utf-8", "surrogatepass")) if isinstance(key, str) else None
        if row is not None:
            _put(gathered, row, vectors[index], f"{name}, {key!r}")
    if hasattr(source, "vectors_ngrams"):  # of fastText: it makes vectors for other words too
        for key, row in [(key.decode("utf-8", "surrogatepass"), row) for key, row in gathered.wanted.items()]:
            if not gathered.found[row] and (made := _made(source, key)) is not None:
                _put(gathered, row, made, f"{name}, {key!r}")
    return gathered.result(name, "vectors in memory", rows, dim)


def _put(gathered: Gathered, row: int, vector: npt.NDArray[np.floating], where: str) -> None:
    try:
        gathered.put(row, vector)
    except ValueError as error:
        raise VectorsError(f"{where}: {error}") from None


def _made(source: Any, token: str) -> Any:  # noqa: ANN401
    try:
        return source.get_vector(token)
    except KeyError:  # too short for an n-gram
        return None


def _check_sizes(archive: zipfile.ZipFile) -> None:
    """Raise ``ValueError`` if loading the two arrays takes far more memory than the file has bytes."""
    tokens, vectors = archive.getinfo("tokens.npy"), archive.getinfo("vectors.npy")
    for info in (tokens, vectors):
        read_header(archive, info, any_order=True)
    # NumPy's texts all take as much as the longest, so they may shrink by any factor. Vectors do not.
    if is_bomb(vectors.file_size, vectors.compress_size) or is_bomb(tokens.file_size, vectors.file_size):
        raise ValueError(f"it unpacks to tokens of {tokens.file_size:,} and vectors of {vectors.file_size:,} bytes")


def _from_archive(path: Path, gathered: Gathered) -> Pretrained:
    """From a ``.npz`` file with ``tokens`` (rows,) and ``vectors`` (rows, dim)."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            with zipfile.ZipFile(path) as members:
                _check_sizes(members)
            tokens, vectors = archive["tokens"], archive["vectors"]
    except Exception as error:  # a broken archive can make zipfile, zlib and NumPy raise anything
        raise VectorsError(f"{path} is no archive of tokens and vectors: {' '.join(str(error).split()):.200}") from None
    if tokens.dtype.kind != "U" or vectors.dtype.kind != "f" or vectors.ndim != 2 or tokens.shape != vectors.shape[:1]:
        raise VectorsError(
            f"{path} must hold tokens, text (rows,), and vectors, float (rows, dim); it holds {tokens.dtype} "
            f"{tokens.shape} and {vectors.dtype} {vectors.shape}"
        )
    check_dim(str(path), vectors.shape[1])
    for token, vector in zip(tokens.tolist(), vectors, strict=True):
        row = gathered.row_for(token.encode("utf-8", "surrogatepass"))
        if row is not None:
            _put(gathered, row, vector, f"{path}, {token!r}")
    return gathered.result(str(path), _LABELS["npz"], *vectors.shape)
