"""Ids come back in from files, some megabytes at a time."""

from tokemb.reading_ids.open_ids import open_ids
from tokemb.reading_ids.source import IdBlock, IdsSource

__all__ = ["IdBlock", "IdsSource", "open_ids"]
