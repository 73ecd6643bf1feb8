"""A panic of the tokenizers library is an error in one sentence, as any other failure of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.conftest import command_here
from tokemb import Encoder
from tokemb.errors import VocabularyError

TOKENIZER = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": None,
    "decoder": None,
    "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1}, "unk_token": "[UNK]"},
}
BROKEN_MERGES = {
    "type": "BPE",
    "vocab": {"a": 0, "b": 1},
    "merges": [["a", "b"]],
    "dropout": None,
    "unk_token": None,
    "continuing_subword_prefix": "é",
    "end_of_word_suffix": None,
    "fuse_unk": False,
}


def write(path, **changes):
    path.write_text(json.dumps(TOKENIZER | changes))
    return path


def test_tokenizer_json_that_makes_the_library_panic_is_refused(tmp_path):
    path = write(tmp_path / "t.json", model=BROKEN_MERGES)
    with pytest.raises(VocabularyError, match=r"t\.json is not a tokenizer\.json that the tokenizers library can load"):
        Encoder.load(path)


def test_decoder_that_panics_is_an_error_of_decode(tmp_path):
    write(tmp_path / "t.json", decoder={"type": "Strip", "content": "a", "start": 1, "stop": 1})
    np.save(tmp_path / "ids.npy", np.array([[1]], np.int32))
    run = command_here("decode", "ids.npy", "--vocab", "t.json", cwd=tmp_path)
    assert run.returncode == 1
    assert run.stderr.startswith(b"Error: the tokenizer cannot decode these ids: ")


@pytest.mark.any_message
def test_panic_elsewhere_is_one_sentence(tmp_path, monkeypatch):
    class PanicException(BaseException):
        """As pyo3 raises it."""

    def panic(*_):
        raise PanicException("out of bounds")

    monkeypatch.setattr("tokemb.Encoder.load", panic)
    run = command_here("decode", "ids.npy", "--vocab", "v", cwd=tmp_path)
    assert (run.returncode, run.stderr) == (
        1,
        b"Error: unexpected PanicException: out of bounds (set TOKEMB_DEBUG=1 to see where)\n",
    )
