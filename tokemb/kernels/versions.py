"""The versions of the compilers whose calling convention was tested."""

from __future__ import annotations

# The first version, and the first one that was not tested. setup.cfg has the same.
KNOWN_VERSIONS = {"numba": ((0, 61), (0, 69)), "llvmlite": ((0, 44), (0, 51))}


class UnknownCompilerError(Exception):
    """A compiler that was not tested, or that makes functions with other arguments than expected."""


def reason_unknown(package: str, version: str) -> str | None:
    """Return why a version of ``package`` is not one that was tested, or ``None``."""
    first, end = KNOWN_VERSIONS[package]
    numbers = tuple(int(number) if number.isdigit() else -1 for number in version.split(".")[:2])
    return None if first <= numbers < end else f"{package} {version} is not a version that it was tested with"
