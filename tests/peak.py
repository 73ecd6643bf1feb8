"""The most memory that this process had, for children of tests."""

from __future__ import annotations

from pathlib import Path


def peak() -> int:
    """In kilobytes, on Linux.

    Not ``ru_maxrss``: a process takes that over from the one that started it, here one that may hold TensorFlow.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
