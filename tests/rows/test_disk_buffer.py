from __future__ import annotations

import sys

import pyarrow as pa
import pytest
from hypothesis import given

from tests.conftest import python
from tests.outputs import outputs
from tokemb import Ragged
from tokemb.errors import ArgumentError
from tokemb.rows.disk_buffer import DiskBuffer, check_padding


@given(outputs(ragged=True, name="ids"))
def test_what_comes_back_is_what_went_in(tmp_path, output):
    with DiskBuffer(tmp_path / "x.npy", output.layout.kept_columns) as spool:
        for rows, _, kept in output.blocks:
            spool.append(rows, kept)
        assert spool.rows == len(output.rows)
        assert spool.longest == max(map(len, output.rows), default=0)
        lengths = [len(row) for row in output.rows]
        assert dict(spool.row_lengths) == {length: lengths.count(length) for length in lengths}
        blocks = list(spool.blocks())
    assert [row.tolist() for rows, _ in blocks for row in rows] == output.rows
    if output.layout.kept_columns.names:
        assert pa.Table.from_batches([kept for _, kept in blocks], output.layout.kept_columns).equals(output.kept)
    assert not list(tmp_path.iterdir())


def test_a_slice_is_spooled_as_its_rows(tmp_path):
    rows = Ragged.from_rows([[1, 2], [3], [4, 5]])
    with DiskBuffer(tmp_path / "x.npy") as spool:
        spool.append(rows.slice(1, 3))
        assert [row.tolist() for block, _ in spool.blocks() for row in block] == [[3], [4, 5]]


def test_an_output_that_cannot_be_is_known_before(tmp_path):
    with pytest.raises(NotADirectoryError, match="folder of the output must exist"):
        DiskBuffer(tmp_path / "none" / "x.npy")
    with pytest.raises(IsADirectoryError):
        DiskBuffer(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files as Linux does")
def test_no_space_left(tmp_path):
    run = python(
        "import resource, sys, numpy as np; from pathlib import Path; from tokemb import Ragged\n"
        "from tokemb.rows.disk_buffer import DiskBuffer\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n"
        "    with DiskBuffer(Path(sys.argv[1])) as spool:\n"
        "        spool.append(Ragged.from_lengths(np.zeros(50_000, np.int32), np.full(50, 1000)))\n"
        "except OSError as error: print(error.strerror)\n",
        str(tmp_path / "x.npy"),
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "File too large\n", "")
    assert not list(tmp_path.iterdir())


def test_an_array_that_is_hardly_anything_but_padding():
    lengths = {10: 98_000, 20: 1900, 100_000: 100}
    with pytest.raises(
        ArgumentError,
        match=r"padding 100000 rows to the longest, 100000 ids, takes 40\.0 GB of which 99\.9% is padding; rows have "
        r"up to 10 \(50%\), 10 \(90%\), 20 \(99%\), 100000 \(100%\) ids: pass maxlen=20, or",
    ):
        check_padding(lengths, 100_000, 4)
    check_padding(lengths, 20, 4)
    check_padding({10: 980, 100_000: 1}, 100_000, 4)  # not large
    check_padding({10: 98_000, 180: 100_000}, 180, 400)  # large, and well filled
    check_padding({}, 5, 4)
    check_padding({0: 3}, 0, 4)
