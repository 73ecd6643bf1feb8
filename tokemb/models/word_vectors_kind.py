"""Recognize files of token vectors: word2vec's text and binary formats, and ``.npz`` archives."""

from __future__ import annotations

import re
import zipfile
from functools import partial
from pathlib import Path

from tokemb.files.output_kind import Kind

# The longest first row of vectors, in bytes.
_LONGEST_ROW = 1 << 20


def vectors_kind(suffix: str) -> Kind:
    """Return the kind of files with ``suffix`` that ``export_vectors`` writes."""
    return Kind(f"a {suffix} file of token vectors", partial(_matches, suffix))


def _matches(suffix: str, path: Path) -> bool:
    if suffix == ".npz":
        return _is_archive(path)
    with path.open("rb") as file:
        header = re.fullmatch(rb"([0-9]+) ([0-9]+)\n", file.readline(64))
        if header is None:
            return False
        rows, dim = map(int, header.groups())
        if suffix == ".bin":
            return path.stat().st_size >= file.tell() + rows * (4 * dim + 1)
        return not rows or len(file.readline(_LONGEST_ROW).split(b" ")) == dim + 1


def _is_archive(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist()) == {"tokens.npy", "vectors.npy"}
    except zipfile.BadZipFile:
        return False
