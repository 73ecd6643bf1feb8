"""Recognize maps of tokens: HTML pages and images that name tokemb as their creator."""

from __future__ import annotations

from tokemb.files.output_kind import Kind

MAKER = "made with tokemb"
MAP = Kind.of_marker("a map by tokemb", MAKER)
