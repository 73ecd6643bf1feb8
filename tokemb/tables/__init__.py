"""Tables: several categorical columns, and events grouped into sequences (docs/columns.md)."""

from __future__ import annotations

from tokemb.tables.column import Column, suggested_dim
from tokemb.tables.encoder import ColumnEncoder
from tokemb.tables.events import group_events
from tokemb.tables.values import MISSING

__all__ = ["MISSING", "Column", "ColumnEncoder", "group_events", "suggested_dim"]
