"""Facts about the machine and the versions."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import tokemb
from benchmarks.setting import ROOT, cores

LIBRARIES = (
    *("tensorflow", "keras", "tokenizers", "numpy", "pyarrow", "numba", "pyspark"),
    *("gigatoken", "nanotoken", "tiktoken", "model2vec"),
)


def machine() -> dict[str, str]:
    """Return facts about the machine and the versions, in the order of the page."""
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return {
        "processor": _processor(),
        "cores": str(cores()),
        "memory": _memory(),
        "load before the start": load,
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "tokemb": tokemb.__version__ + _commit(),
        **{name: _version(name) for name in LIBRARIES},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (AttributeError, OSError, ValueError):
        return "unknown"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    """Return the commit of the checkout, and whether it has uncommitted changes."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return f" ({done.stdout.strip()})" if done.returncode == 0 else ""
