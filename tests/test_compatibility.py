"""The table of versions in docs/compatibility.md is what each version does."""

import importlib.util

import pytest

from tests.conftest import ROOT

spec = importlib.util.spec_from_file_location("make_compatibility", ROOT / "docs" / "make_compatibility.py")
make_compatibility = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_compatibility)


@pytest.mark.slow
@pytest.mark.skipif(not make_compatibility.FOLDER.exists(), reason=f"run: {make_compatibility.INSTALL}")
def test_compatibility_page_is_what_the_versions_do():
    assert make_compatibility.page() == make_compatibility.PAGE.read_text("utf-8")
