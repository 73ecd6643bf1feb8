"""Refuse outputs that cannot be meant: larger than the free space of the disk, or next to nothing but padding."""

from __future__ import annotations

from pathlib import Path

from tokemb.errors import ArgumentError
from tokemb.rows.ragged import Ragged

# Below this many bytes nothing is checked: an error comes soon enough.
_WORTH_CHECKING = 100_000_000

# Rows padded to more than this many times the longest of them, in more than this many bytes, are a mistake. Rows of a
# given length that are mostly padding are not, as a model may need that length.
_ABSURD_FACTOR = 1000
_ABSURD_BYTES = 1_000_000_000


def check_room(path: Path, size: int) -> None:
    """Raise ``ArgumentError`` if ``size`` more bytes do not fit on the disk of ``path``."""
    if size < _WORTH_CHECKING:
        return
    import shutil  # here, so that small outputs do not wait for the archives that it knows

    folder = path if path.is_dir() else path.resolve().parent
    free = shutil.disk_usage(folder).free
    if size > free:
        raise ArgumentError(
            f"the rows take at least {_gigabytes(size)} in {path}, where {_gigabytes(free)} are free: pass a smaller "
            "maxlen, or write to another disk"
        )


def check_length(rows: Ragged, maxlen: int, id_bytes: int) -> None:
    """Raise ``ArgumentError`` if ``maxlen`` pads the first ``rows`` of a corpus absurdly.

    Args:
        rows: Some rows without padding.
        maxlen: The length that was asked for.
        id_bytes: Bytes of each id in the output, those of its vector for instance.
    """
    size = len(rows) * maxlen * id_bytes
    if size <= _ABSURD_BYTES:
        return
    longest = int(rows.lengths.max(initial=1))
    if maxlen > _ABSURD_FACTOR * longest:
        raise ArgumentError(
            f"maxlen must not pad rows to more than {_ABSURD_FACTOR:,} times their length: the first {len(rows):,} "
            f"rows have up to {longest:,} ids, and take {_gigabytes(size)} with {maxlen:,}: pass maxlen={longest}"
        )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
