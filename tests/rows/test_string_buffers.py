from __future__ import annotations

import sys

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokemb._arrays import STRINGS
from tokemb.rows.string_buffers import arrow_strings


@pytest.fixture(autouse=True, scope="module")
def no_pandas():
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "pandas", raising=False)
        yield


@given(st.lists(st.text()))
def test_strings_without_pandas_are_those_of_arrow(texts):
    strings = arrow_strings(texts)
    strings.validate(full=True)
    assert strings.equals(pa.array(texts, STRINGS))


def test_lone_surrogate_is_an_error():
    with pytest.raises(UnicodeEncodeError):
        arrow_strings(["a", "\ud800"])
