"""Full disks, interruptions and long runs: an output is whole or not there, and memory does not grow with it."""

from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
import pytest

from tests.conftest import python
from tests.outputs import FORMATS
from tokemb.formats import OutputOptions, open_writer

pytestmark = pytest.mark.slow

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files as Linux does")

RUN = """
import resource, sys
from pathlib import Path
import numpy as np, pyarrow as pa
from tests.peak import peak
from tokemb.formats import OutputOptions, open_writer
path, blocks, limit = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
numbers = np.random.default_rng(0)
kept = pa.record_batch({"text": [f"row {i}" for i in range(1000)], "n": list(range(1000))})
kept = kept.slice(0, 0 if path.suffix == ".npy" else 1000).select([] if path.suffix == ".npy" else ["text", "n"])
layout = OutputOptions("ids", np.dtype("int32"), (256,), kept.schema)
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
before = peak()
try:
    with open_writer(path, layout, force=True) as writer:
        for _ in range(blocks):
            ids = numbers.integers(0, 60_000, (1000, 256)).astype(np.int32)
            writer.append(ids, None, kept if kept.num_columns else None)
except OSError as error:
    print(error.strerror, error.filename)
    sys.exit(1)
print(peak() - before)
"""


@LINUX
@pytest.mark.parametrize("suffix", FORMATS)
def test_no_space_left(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"old")
    run = python(RUN, str(path), "3", "100000")
    assert (run.returncode, run.stdout) == (1, f"File too large {path}\n"), run.stderr
    assert "Exception ignored" not in run.stderr
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@LINUX
def test_no_space_for_the_archive_after_all_arrays_are_spooled(tmp_path):
    size = 3 * 1000 * 256 * 4
    run = python(RUN, str(tmp_path / "x.npz"), "3", str(size + 20_000))
    assert (run.returncode, run.stdout) == (1, f"File too large {tmp_path / 'x.npz'}\n"), run.stderr
    assert "Exception ignored" not in run.stderr
    assert not list(tmp_path.iterdir())


@LINUX
@pytest.mark.parametrize("suffix", FORMATS)
def test_memory_does_not_grow_with_the_output(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    run = python(RUN, str(path), "150", "0")  # 150 MB
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 130_000, "kilobytes"
    assert path.stat().st_size > 75_000_000


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("suffix", FORMATS)
def test_an_error_in_the_middle(tmp_path, suffix, error):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"old")
    kept = pa.record_batch({} if suffix == ".npy" else {"a": ["x", "y"]})
    layout = OutputOptions("ids", np.dtype("int32"), (2,), kept.schema)
    with pytest.raises(error), open_writer(path, layout, force=True) as writer:
        writer.append(np.zeros((2, 2), np.int32), None, kept if kept.num_columns else None)
        raise error
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
