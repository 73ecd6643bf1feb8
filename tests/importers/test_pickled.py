"""Pickles of Keras tokenizers are read without pickle; all other names are rejected."""

from __future__ import annotations

import builtins
import gzip
import os
import pickle
import struct
from collections import OrderedDict, defaultdict
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import DATA, MIXED
from tokemb.errors import VocabularyError
from tokemb.files.expansion import is_bomb
from tokemb.importers import pickled, read_foreign, verify
from tokemb.importers.pickled import read_pickle
from tokemb.importers.pickled_objects import PickledTokenizer

pytestmark = pytest.mark.keras

REAL = DATA.parent / "tokenizers" / "keras"
PATHS = [
    "keras.preprocessing.text",
    "keras_preprocessing.text",
    "keras.src.preprocessing.text",
    "keras.legacy.preprocessing.text",
    "tensorflow.python.keras.preprocessing.text",
    "tf_keras.src.preprocessing.text",
]


@pytest.fixture(scope="module")
def fitted():
    import tensorflow as tf

    tokenizer = tf.keras.preprocessing.text.Tokenizer(num_words=40, oov_token="<OOV>")
    tokenizer.fit_on_texts(MIXED)
    return tokenizer


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol(tmp_path, fitted, protocol):
    path = tmp_path / "tokenizer.pickle"
    path.write_bytes(pickle.dumps(fitted, protocol))
    imported = read_foreign(path)
    assert verify(imported, MIXED) == (len(MIXED), None)
    assert [row.tolist() for row in imported.encoder.encode_ragged(MIXED)] == fitted.texts_to_sequences(MIXED)


@pytest.mark.parametrize("module", PATHS)
@pytest.mark.parametrize("protocol", [0, 2])
def test_every_path_of_the_class(fitted, protocol, module):
    content = pickle.dumps(fitted, protocol)
    moved = content.replace(type(fitted).__module__.encode(), module.encode())
    assert moved != content
    assert read_pickle(moved).state["word_index"] == fitted.word_index


def test_an_old_pickle_that_lacks_attributes(tmp_path, fitted):
    lacking = type(fitted)()
    lacking.__dict__ = {"word_index": {"b": 1, "a": 2}, "num_words": None, "lower": True}
    (tmp_path / "t.pkl").write_bytes(pickle.dumps({"tokenizer": lacking, "maxlen": 5}))
    assert read_foreign(tmp_path / "t.pkl").encoder.encode_ragged(["A, b!"])[0].tolist() == [2, 1]


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=300),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
)


@given(PLAIN, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_containers_are_what_they_were(value, protocol):
    assert read_pickle(pickle.dumps(value, protocol)) == value


def test_dicts_of_collections():
    value = [OrderedDict(b=1, a=2), defaultdict(int, {"x": 1}), {3: "y"}]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert read_pickle(pickle.dumps(value, protocol)) == [{"b": 1, "a": 2}, {"x": 1}, {3: "y"}]
    # Python 2 wrote its str as bytes, and an OrderedDict with a list of pairs.
    assert read_pickle(b"ccollections\nOrderedDict\n((lp0\n(lp1\nU\x02\xc3\xa9aI7\naatR.") == {"é": 7}


class Calls:
    """An object whose pickle calls something."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


TOKENIZER = b"ckeras.preprocessing.text\nTokenizer\n"


def hostile():
    yield "system", pickle.dumps(Calls(os.system, "touch owned"))
    yield "builtins.eval", pickle.dumps(Calls(eval, "open('owned', 'w')"))
    yield (
        "builtins.exec",
        pickle.dumps({"word_index": Calls(exec, "open('owned', 'w')")}, 2).replace(b"__builtin__", b"builtins"),
    )
    yield "builtins.getattr", pickle.dumps(Calls(getattr, Calls(__import__, "os"), "system"))
    yield "io.open", pickle.dumps(OrderedDict(a=defaultdict(builtins.open)))
    yield "os.system", b"cos\nsystem\n(S'touch owned'\ntR."
    yield "os.system", b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0btouch owned\x85R."
    # Names with dots, which protocol 4 takes apart.
    yield "OrderedDict.fromkeys", b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.fromkeys\x93)R."
    yield (
        "Tokenizer.__init__.__globals__",
        (b"\x80\x04\x8c\x18keras.preprocessing.text\x8c\x1eTokenizer.__init__.__globals__\x93."),
    )
    yield "keras.preprocessing.text.os", b"ckeras.preprocessing.text\nos\n."
    yield "__main__.Tokenizer", b"c__main__\nTokenizer\n)\x81."
    # A class admitted, and used for what it is not.
    yield "call of builtins.int", b"cbuiltins\nint\n(S'5'\ntR."
    yield "call of builtins.object", b"cbuiltins\nobject\n(tR."
    yield "call of keras.preprocessing.text.Tokenizer", TOKENIZER + b"(S'x'\ntR."
    yield "call of copyreg._reconstructor", b"ccopyreg\n_reconstructor\n(cbuiltins\nobject\ncbuiltins\nobject\nNtR."
    yield (
        "call of copyreg._reconstructor",
        b"ccopyreg\n_reconstructor\n(ccollections\nOrderedDict\nNNtR.",
    )
    # BUILD on a class, on a container, with slots, with no dict.
    yield "corrupt", TOKENIZER + b"}S'__setstate__'\ncos\n".replace(b"cos\n", b"I1\n") + b"sb."
    yield "corrupt", TOKENIZER + b")\x81(N}S'__class__'\nI1\nstb."
    yield "corrupt", b"}}b."
    # Other ways to names and objects.
    yield "instruction INST", b"(S'touch owned'\nios\nsystem\n."
    yield "instruction OBJ", b"(cbuiltins\nint\no."
    yield "instruction EXT1", b"\x80\x02\x82\x01."
    yield "instruction PERSID", b"Pid\n."
    yield "instruction NEWOBJ_EX", b"\x80\x04cbuiltins\nint\n)}\x92."
    yield "instruction NEXT_BUFFER", b"\x80\x05\x97."
    # What takes memory or time.
    yield "corrupt", b"\x80\x04r\xff\xff\xff\x7f."
    yield "corrupt", b"\x80\x04\x8d" + struct.pack("<Q", 1 << 60) + b"a."
    yield "corrupt", b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b"."
    yield "key", b"\x80\x04})\x94" + b"".join(bytes([0x30, 0x68, k, 0x68, k, 0x86, 0x94]) for k in range(60)) + b"Ns."
    # Not whole.
    yield "corrupt", b"\x80\x04}"
    yield "corrupt", b"."
    yield "corrupt", b"\x80\x04h\x07."
    yield "corrupt", b"\x80\x04t."
    yield "corrupt", b""


@pytest.mark.parametrize(
    ("name", "content"), list(hostile()), ids=[f"{i}-{name}" for i, (name, _) in enumerate(hostile())]
)
def test_hostile_pickles_are_refused_by_name(tmp_path, monkeypatch, name, content):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tokenizer.pickle"
    path.write_bytes(content)
    with pytest.raises(VocabularyError, match=name):
        read_foreign(path)
    assert [item.name for item in tmp_path.iterdir()] == ["tokenizer.pickle"]


def test_attributes_that_look_like_methods_are_data():
    content = TOKENIZER + b")\x81}(S'__setstate__'\nI1\nS'__reduce__'\nI2\nub."
    assert read_pickle(content).state == {"__setstate__": 1, "__reduce__": 2}
    assert not hasattr(PickledTokenizer, "__setstate__")


def exponential():
    """A list of a hundred lists that Python writes with ten billion characters."""
    value = [0] * 10
    for _ in range(9):
        value = [value] * 10
    return value


LAYER = {"standardize": None, "split": "whitespace", "output_mode": "int"}


@pytest.mark.parametrize("value", [exponential(), 10**5000, -(10**5000)], ids=["list", "integer", "negative"])
@pytest.mark.parametrize(
    "around",
    [
        lambda value: {"word_index": {"a": 1}, "num_words": value},
        lambda value: {"word_index": {"a": 1}, "oov_token": value},
        lambda value: {"a": value, "b": 1},
        *(
            lambda value, name=name: {"config": {**LAYER, name: value}, "vocabulary": ["a"]}
            for name in ("name", "output_mode", "ngrams", "output_sequence_length")
        ),
    ],
)
def test_value_that_python_cannot_write_is_refused(tmp_path, around, value):
    content = around(value)
    (tmp_path / "t.pkl").write_bytes(pickle.dumps(content))
    if content.get("config", {}).get("name") is value:
        assert read_foreign(tmp_path / "t.pkl").encoder.vocabulary == ["", "[UNK]", "a"]
    else:
        with pytest.raises(VocabularyError):
            read_foreign(tmp_path / "t.pkl")


@pytest.mark.parametrize(
    "content",
    [
        {"[UNK]": 0, 5: 1},
        {5: 0, "<UNK>": 1, "<PAD>": 2},
        {"config": LAYER, "weights": [[["a"]], [2]]},
        {"config": {**LAYER, "output_sequence_length": -1}, "vocabulary": ["a"]},
    ],
)
def test_words_and_lengths_of_other_types_are_refused(tmp_path, content):
    (tmp_path / "t.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(VocabularyError):
        read_foreign(tmp_path / "t.pkl")


def test_a_million_lists_in_each_other(tmp_path):
    path = tmp_path / "deep.pkl"
    path.write_bytes(b"\x80\x04" + b"]" * 300_000 + b"a" * 299_999 + b".")
    with pytest.raises(VocabularyError, match="a pickled list"):
        read_foreign(path)
    path.write_bytes(TOKENIZER + b")\x81}(S'word_index'\n}S'a'\n" + b"]" * 300_000 + b"a" * 299_999 + b"sub.")
    with pytest.raises(VocabularyError, match="that of 'a' is a list"):
        read_foreign(path)


def repeated_calls():
    """Yield pickles of less than 10 kB that pass one object of 4 kB to 500 calls."""
    text = b"X" + struct.pack("<I", 4000) + b"a" * 4000
    many = b"}(" + b"".join(b"M" + struct.pack("<H", key) + b"N" for key in range(500)) + b"u"
    encode = b"c_codecs\nencode\nq\x00" + text + b"q\x01U\x06latin1q\x02]"
    yield "texts", encode + b"h\x00h\x01h\x02\x86Ra" * 500 + b"."
    yield "lists", b"c__builtin__\nset\nq\x00](" + b"N" * 4000 + b"eq\x01]" + b"h\x00h\x01\x85Ra" * 500 + b"."
    yield "attributes", TOKENIZER + b"q\x00" + many + b"q\x01]" + b"h\x00)\x81h\x01ba" * 500 + b"."


@pytest.mark.parametrize(("name", "content"), [pytest.param(*case, id=case[0]) for case in repeated_calls()])
def test_an_object_that_is_copied_by_many_calls_is_refused(name, content):
    with pytest.raises(VocabularyError, match="more memory than the file"):
        read_pickle(content)


def test_compressed_instructions_are_refused_if_they_make_far_more_objects_than_the_file_has_bytes(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(pickled, "is_bomb", partial(is_bomb, free=10_000))
    path = tmp_path / "t.pkl"
    for count, reason in ((5_000, "has neither ids"), (50_000, "more memory than the file")):
        path.write_bytes(gzip.compress(b"\x80\x02](" + b"N" * count + b"e."))
        with pytest.raises(VocabularyError, match=reason):
            read_foreign(path)


@given(st.data())
def test_broken_pickles_are_an_error_of_ours(tmp_path, data):
    content = bytearray(pickle.dumps({"word_index": {"b": 1, "a": 2}, "lower": True}, data.draw(st.integers(0, 5))))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    path = tmp_path / "t.pkl"
    path.write_bytes(content)
    try:
        read_foreign(path)
    except VocabularyError:
        pass


def test_the_pair_of_a_pickle_and_a_json():
    folder = REAL / "nmt_eng"
    if not folder.exists():
        pytest.skip("the artefacts are not at hand")
    first, second = (read_foreign(folder / name).encoder for name in ("tokenizer.json", "tokenizer.pkl"))
    assert first.fingerprint == second.fingerprint
    assert first.table.equals(second.table)
