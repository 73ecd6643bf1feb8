"""Open untrusted HDF5 files only if all of their data is in the file itself.

HDF5 files can refer to other files. With links, external storage and virtual datasets, a reader can return the bytes of
any file on this machine. Filters can load plugins. Keras writes none of these.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from tokemb.errors import ModelError
from tokemb.files.expansion import is_bomb

if TYPE_CHECKING:
    import h5py

# Filters that are part of HDF5 and h5py: deflate, shuffle, checksums, szip, nbit, scale-offset and LZF.
_BUILT_IN_FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})


@contextmanager
def open_hdf5(source: Path | IO[bytes], name: str) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading after checking it.

    Args:
        source: A path, or an open file that supports seeking.
        name: The name of the file in errors.

    Raises:
        ModelError: If the file refers to anything outside itself, or declares more data than it stores.
        OSError: If it is not an HDF5 file, or is corrupt.
    """
    import h5py

    with h5py.File(source, "r") as file:
        _check(file, name)
        yield file


def _check(file: h5py.File, name: str) -> None:
    """Raise ``ModelError`` unless all groups and datasets are in the file and of a plausible size."""
    import h5py

    root = file["/"]
    groups, seen = [root], {h5py.h5o.get_info(root.id).addr}
    unpacked, stored = 0, file.id.get_filesize()
    while groups:
        group = groups.pop()
        for key in group:
            where = f"{group.name.rstrip('/')}/{key}"
            if type(group.get(key, getlink=True)) is not h5py.HardLink:
                raise _refused(name, f"{where} is a link to another object or file")
            item = group[key]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:  # several links may lead to one object, or form a cycle
                continue
            seen.add(address)
            if isinstance(item, h5py.Group):
                groups.append(item)
            elif isinstance(item, h5py.Dataset):
                unpacked += _check_size(item, where, name, stored)
    if is_bomb(unpacked, stored):
        raise _refused(name, f"its datasets declare {unpacked:,} bytes and the file has {stored:,}")


def _check_size(dataset: h5py.Dataset, where: str, name: str, file_size: int) -> int:
    """Return the size of a dataset in memory. Raise ``ModelError`` if reading it requires more than this file."""
    import h5py

    properties = dataset.id.get_create_plist()
    # These are low-level calls, since those of h5py.Dataset differ between versions.
    if properties.get_layout() not in (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED):
        raise _refused(name, f"the dataset {where} is virtual: its data is in other datasets or files")
    if properties.get_external_count():
        raise _refused(name, f"the dataset {where} has its data in another file")
    filters = [properties.get_filter(index)[0] for index in range(properties.get_nfilters())]
    for code in filters:
        if code not in _BUILT_IN_FILTERS:
            raise _refused(name, f"the dataset {where} requires the plugin of filter {code}")
    kind = dataset.id.get_type()
    if _holds_references(kind):
        raise _refused(name, f"the dataset {where} contains references to other objects")
    size = int(np.prod([kind.get_size(), *(dataset.shape or ())], dtype=object))
    stored = dataset.id.get_storage_size()
    offset = dataset.id.get_offset()  # None unless the data is contiguous
    if is_bomb(size, stored) or (offset is not None and offset + stored > file_size):
        raise _refused(name, f"the dataset {where} declares {size:,} bytes, which the file does not have")
    return size


def _holds_references(kind: Any) -> bool:  # noqa: ANN401 - h5py is untyped
    """Return whether values of an HDF5 type are, or contain, references to objects."""
    import h5py

    kinds = [kind]
    while kinds:
        kind = kinds.pop()
        category = kind.get_class()
        if category == h5py.h5t.REFERENCE:
            return True
        if category == h5py.h5t.COMPOUND:
            kinds += [kind.get_member_type(index) for index in range(kind.get_nmembers())]
        elif category in (h5py.h5t.ARRAY, h5py.h5t.VLEN):
            kinds.append(kind.get_super())
    return False


def _refused(name: str, reason: str) -> ModelError:
    return ModelError(f"{os.fspath(name)} was refused: {reason}; save the model again with Keras")


def release_frames(error: BaseException) -> None:
    """Clear the local variables of all frames in the tracebacks of an error and its causes.

    They can hold file handles of h5py, which call Python when they are freed. In a reference cycle that the garbage
    collector has not found, they exist until the interpreter ends, and freeing them then crashes the process.
    """
    import traceback

    pending, seen = [error], set()
    while pending:
        current = pending.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        traceback.clear_frames(current.__traceback__)
        pending += [other for other in (current.__cause__, current.__context__) if other is not None]
