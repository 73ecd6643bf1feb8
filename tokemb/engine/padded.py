"""Where a way may put padded ids."""

from __future__ import annotations

from typing import NamedTuple

from tokemb._arrays import Int32


class PaddedTarget(NamedTuple):
    """Where and how padded ids are wanted.

    ``ids``: int32 (rows, maxlen). At most ``room`` ids of each row are put between those of special tokens, ``before``
    and ``after``, int32, then ``pad_id``. ``dropped``: an id that is left out, -1 for none.
    """

    ids: Int32
    room: int
    before: Int32
    after: Int32
    pad_id: int
    dropped_id: int
