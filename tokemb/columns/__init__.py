"""Tables: several columns of categories, and events grouped into sequences (docs/columns.md)."""

from __future__ import annotations

from tokemb.columns.column import Column, suggested_dim
from tokemb.columns.encoder import ColumnEncoder
from tokemb.columns.events import group_events
from tokemb.columns.values import MISSING

__all__ = ["MISSING", "Column", "ColumnEncoder", "group_events", "suggested_dim"]
