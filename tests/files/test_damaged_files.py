"""Files that are damaged at random give the right result or an error of one sentence, and never end the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import EXAMPLES, ROOT

pytestmark = pytest.mark.slow


def test_files_damaged_at_random_give_a_result_or_an_error(tmp_path):
    rounds = max(int(15 * EXAMPLES), 1)
    run = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", "tests.fuzz", str(tmp_path), "1", str(rounds)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert run.returncode == 0, (run.returncode, run.stderr[-2000:])
    assert run.stdout == ""
