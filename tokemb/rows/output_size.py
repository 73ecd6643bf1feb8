"""Reject outputs that are larger than the free disk space, or that consist almost entirely of padding."""

from __future__ import annotations

from pathlib import Path

from tokemb.errors import ArgumentError
from tokemb.rows.ragged import Ragged

# Smaller outputs are not checked: if the disk is full, the error comes soon.
_MIN_CHECKED_BYTES = 100_000_000

# Larger outputs whose rows are padded to more than this many times the longest row are a mistake. A smaller factor is
# accepted, since a model may need a certain length.
_MAX_PADDING_FACTOR = 1000
_MIN_PADDED_BYTES = 1_000_000_000


def check_room(path: Path, size: int) -> None:
    """Raise ``ArgumentError`` if the disk of ``path`` has less than ``size`` free bytes."""
    if size < _MIN_CHECKED_BYTES:
        return
    import shutil  # only here, because shutil imports the archive formats

    folder = path if path.is_dir() else path.resolve().parent
    free = shutil.disk_usage(folder).free
    if size > free:
        raise ArgumentError(
            f"the rows take at least {_gigabytes(size)} in {path}, and the disk has {_gigabytes(free)} free: pass a "
            "smaller maxlen, or write to another disk"
        )


def check_length(rows: Ragged, maxlen: int, id_bytes: int, name: str = "maxlen") -> None:
    """Raise ``ArgumentError`` if ``maxlen`` is far longer than the first ``rows`` of a corpus.

    Args:
        rows: Some rows without padding.
        maxlen: The requested length.
        id_bytes: The bytes of each id in the output, for example those of its vector.
        name: The name of the argument, for the message.
    """
    size = len(rows) * maxlen * id_bytes
    if size <= _MIN_PADDED_BYTES:
        return
    longest = int(rows.lengths.max(initial=1))
    if maxlen > _MAX_PADDING_FACTOR * longest:
        raise ArgumentError(
            f"{name} must be at most {_MAX_PADDING_FACTOR:,} times the length of the longest row, {longest:,} ids in "
            f"the first {len(rows):,} rows, which take {_gigabytes(size)} if they are padded to {maxlen:,}: "
            f"pass {name}={longest}"
        )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
