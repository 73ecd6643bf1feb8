"""Ids come back in from files, some megabytes at a time."""

from tokemb.reading_ids.open_ids import find_ids, open_ids
from tokemb.reading_ids.source import IdBlock, IdsSource

__all__ = ["IdBlock", "IdsSource", "find_ids", "open_ids"]
