"""BPE by gigatoken: the same ids, whatever it is given, and without it."""

from __future__ import annotations

import functools
import json
import logging
import multiprocessing
import pickle
import random
import re
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

import tokemb
from tests.conftest import EXAMPLES, MIXED, TOKENIZERS, python, use_kernels
from tests.test_parity_tokenizers import TEXTS
from tokemb._arrays import STRINGS
from tokemb.engine.compatibility import reason_unsupported
from tokemb.engine.gigatoken import _VERSIONS, Gigatoken
from tokemb.engine.insert_special_tokens import text_for_room
from tokemb.engine.reference import Reference
from tokemb.engine.self_test import COMMON_STRINGS, self_test
from tokemb.engine.unicode_version import has_newer_characters
from tokemb.rows.ragged import Ragged
from tokemb.rows.string_buffers import string_buffers
from tokemb.vocabulary.special_tokens import SpecialTokens
from tokemb.vocabulary.tokenizer_json import tokenizer_of

gigatoken = pytest.importorskip("gigatoken")

pytestmark = pytest.mark.slow


@functools.cache
def trained_text():
    """A byte-level BPE file of our own: 600 tokens, and three special ones."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|end|>", "<s>", "</s>"],
    )
    tokenizer.train_from_iterator([text for text in (*MIXED, *COMMON_STRINGS[-200:]) if text], trainer)
    return tokenizer.to_str()


def trained(**changes):
    specification = json.loads(trained_text())
    for name, value in changes.items():
        of = specification if name in specification else specification["model"]
        of[name] = value
    return specification


def byte_level(**changes):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True, **changes}


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": invert}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": [*steps, byte_level(use_regex=False)]}


LLAMA = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
OURS = {
    "gpt2": trained(),
    "space first": trained(pre_tokenizer=byte_level(add_prefix_space=True)),
    "llama": trained(pre_tokenizer=sequence(split(LLAMA))),
    "composed": trained(normalizer={"type": "NFC"}),
}


def files():
    for name, specification in OURS.items():
        yield pytest.param(specification, id=name)
    for path in sorted(TOKENIZERS.glob("*/tokenizer.json")) if TOKENIZERS.is_dir() else ():
        specification = json.loads(path.read_text("utf-8"))
        try:
            tokenizer_of(specification)
        except tokemb.errors.VocabularyError:
            continue
        if reason_unsupported(specification) is None:
            yield pytest.param({**specification, "truncation": None, "padding": None}, id=path.parent.name)


each_file = pytest.mark.parametrize("specification", list(files()))


def texts_of(rows):
    return pa.array(rows, STRINGS)


_WAYS: dict[int, tuple[Gigatoken, Reference]] = {}


def ways(specification):
    """Gigatoken, loaded, and the reference; kept, since loading takes a while."""
    if id(specification) not in _WAYS:
        reference = Reference(tokenizer_of(specification))
        way = Gigatoken(specification, reference, 0)
        way.encode(texts_of([]))
        assert way.reason_unavailable() is None
        _WAYS[id(specification)] = way, reference
    return _WAYS[id(specification)]


def assert_same(rows, expected):
    assert rows.values.dtype == np.int32
    assert rows.row_splits.dtype == np.int64
    np.testing.assert_array_equal(rows.row_splits, expected.row_splits)
    np.testing.assert_array_equal(rows.values, expected.values)


@each_file
def test_real_texts(specification, corpus):
    way, reference = ways(specification)
    assert_same(way.encode(texts_of(corpus)), reference.encode(texts_of(corpus)))


@each_file
@given(rows=TEXTS)
def test_any_text(specification, rows):
    way, reference = ways(specification)
    assert_same(way.encode(texts_of(rows)), reference.encode(texts_of(rows)))


@each_file
def test_random_pieces_around_added_tokens(specification):
    way, reference = ways(specification)
    chance = random.Random(1)
    added = [token["content"] for token in specification["added_tokens"]]
    pieces = [*added, *(text for text in COMMON_STRINGS if 0 < len(text) < 9), *map(chr, range(0x3000, 0x3100, 7))]
    rows = ["".join(chance.choices(pieces, k=chance.randrange(1, 9))) for _ in range(2000)]
    assert_same(way.encode(texts_of(rows)), reference.encode(texts_of(rows)))


@each_file
def test_every_code_point(specification):
    """Each between letters, before a contraction, and among marks that change places where it is not one.

    Without the dial for more examples, of a file every eighth, and others of other files.
    """
    way, reference = ways(specification)
    codes = [*range(0xD800), *range(0xE000, 0x32000, 3), *range(0x32000, 0x33500, 7), *range(0xE0000, 0xE0200)]
    if EXAMPLES <= 1:
        codes = codes[len(specification["added_tokens"]) % 8 :: 8]
    rows = texts_of([f"a{chr(code)}'d \u0327{chr(code)}\u0301\u0345{chr(code)} 1{chr(code)}1" for code in codes])
    assert_same(way.encode(rows), reference.encode(rows))


def test_young_characters_are_found():
    young = ["\U00032e59", "\u0899", "a\u1715b", "\u0378", "\U0001193d", "x" * 100 + "\U00016ea7"]
    old = ["", "a", "é", "“quoted”—", "中文", "🙂", "\ud7a3", "\ue000", "ကြောင်း", "ৎ", "𝕳", "\uffff", "Ω"]
    assert has_newer_characters(texts_of(young)).all()
    assert not has_newer_characters(texts_of(old)).any()
    mixed = texts_of([*old, *young] * 50)
    assert has_newer_characters(mixed.slice(7, 90)).tolist() == [row in young for row in mixed.slice(7, 90).to_pylist()]
    many = ["plain text " * 9] * 500 + young
    assert np.flatnonzero(has_newer_characters(texts_of(many))).tolist() == [*range(500, 506)]


def test_rows_with_young_characters_are_put_in_their_places():
    way, reference = ways(OURS["composed"])
    for rows in (["\u0301\u0899"], ["a", "\u0301\u0899x", "", "b c"] * 3, ["\u0301\u0899", ""], ["", "\u0301\u0899"]):
        assert_same(way.encode(texts_of(rows)), reference.encode(texts_of(rows)))


def test_the_way_is_really_taken(monkeypatch):
    way, _ = ways(OURS["gpt2"])
    monkeypatch.setattr(way._reference, "_tokenizer", None)  # it would fail
    assert len(way.encode(texts_of(["only gigatoken is there"])).values)


def test_slices_and_empty_arrays():
    way, reference = ways(OURS["gpt2"])
    texts = texts_of(MIXED)
    for part in (texts.slice(3, 5), texts.slice(1, 1), texts.slice(len(texts)), texts.slice(2, 0), texts_of([])):
        offsets, data = string_buffers(part)
        rows = part.to_pylist()
        assert [bytes(data[a:b]).decode() for a, b in zip(offsets, offsets[1:], strict=False)] == rows
        assert_same(way.encode(part), reference.encode(texts_of(rows)))
    assert_same(way.encode(texts_of([])), Ragged.from_rows([]))
    assert_same(way.encode(texts_of(["", ""])), Ragged.from_rows([[], []]))


def test_the_number_of_threads_changes_nothing():
    way, _ = ways(OURS["gpt2"])
    texts = texts_of(MIXED * 20)
    assert_same(way.encode(texts, threads=1), way.encode(texts))
    assert_same(way.encode(texts, threads=3), way.encode(texts))


ENOUGH_FOR_THREADS = MIXED * 600


def _in_child(queue, way):
    rows = way.encode(texts_of(ENOUGH_FOR_THREADS))
    queue.put((rows.values, rows.row_splits))


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*")
def test_a_forked_child_does_not_wait_for_the_parents_threads():
    way, _ = ways(OURS["gpt2"])
    expected = way.encode(texts_of(ENOUGH_FOR_THREADS))  # by the parent's threads
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(queue, way))
    child.start()
    try:
        values, row_splits = queue.get(timeout=60)
    finally:
        child.kill()
        child.join()
    assert_same(Ragged(values, row_splits), expected)


def test_a_copy_loads_for_itself():
    way, reference = ways(OURS["gpt2"])
    again = pickle.loads(pickle.dumps(way))
    assert again._backend is None
    assert_same(again.encode(texts_of(MIXED)), reference.encode(texts_of(MIXED)))
    assert again._backend is not None


def test_little_text_does_not_load_it():
    way = Gigatoken(OURS["gpt2"], Reference(tokenizer_of(OURS["gpt2"])), 1000)
    for text in ("a" * 600, "b" * 399):
        way.encode(texts_of([text]))
        assert way._backend is None
    way.encode(texts_of(["c"]))
    assert way._backend is not None


# What keeps a file from it

WORD = {"type": "WordLevel", "vocab": {"a": 0, "[UNK]": 1}, "unk_token": "[UNK]"}
ADDED = {
    "id": 700,
    "content": "<x>",
    "single_word": False,
    "lstrip": False,
    "rstrip": False,
    "normalized": False,
    "special": False,
}
OBJECTIONS = {
    "not BPE": trained(model=WORD),
    "dropout": trained(dropout=0.1),
    "marks parts of words": trained(end_of_word_suffix="</w>"),
    "split texts into words": trained(pre_tokenizer=byte_level(use_regex=False)),
    "not a Split followed by ByteLevel": trained(pre_tokenizer=None),
    "space before every word": trained(
        pre_tokenizer={"type": "Sequence", "pretokenizers": [split(LLAMA), byte_level(add_prefix_space=True)]}
    ),
    "removes or merges": trained(pre_tokenizer=sequence(split(LLAMA, "MergedWithPrevious"))),
    "different meanings": trained(pre_tokenizer=sequence(split(r"\p{N}{1,3}+|\p{L}++"))),
    "whole words only": trained(added_tokens=[{**ADDED, "single_word": True}]),
    "another id": trained(added_tokens=[{**ADDED, "content": "a"}]),
    "white space that others contain": trained(added_tokens=[{**ADDED, "rstrip": True}, {**ADDED, "content": "  "}]),
    "after normalization": trained(normalizer={"type": "NFC"}, added_tokens=[{**ADDED, "normalized": True}]),
    "overlap": trained(added_tokens=[{**ADDED, "normalized": True}, {**ADDED, "content": "<x"}]),
}


@pytest.mark.parametrize("reason", OBJECTIONS)
def test_files_that_it_would_get_wrong_are_left_alone(reason):
    assert reason in reason_unsupported(OBJECTIONS[reason])
    way = Gigatoken(OBJECTIONS[reason], Reference(tokenizer_of(trained())), 0)
    way.encode(texts_of(["a"]))
    assert reason in way.reason_unavailable()


@pytest.mark.parametrize(("one", "other"), [("<x", "<x>"), ("x>", "<x>"), ("<x>>", "x>"), ("§±", "±¶ß"), ("±¶ß", "§±")])
def test_overlapping_added_tokens(one, other):
    for first, second in ((one, other), (other, one)):
        tokens = [{**ADDED, "content": first, "normalized": True}, {**ADDED, "content": second}]
        assert "overlap" in reason_unsupported(trained(added_tokens=tokens))
    tokens = [{**ADDED, "content": one, "normalized": True}, {**ADDED, "content": "[MASK]"}]
    assert reason_unsupported(trained(added_tokens=tokens)) is None


def test_older_files_without_a_type_are_candidates():
    specification = trained()
    del specification["model"]["type"]
    assert reason_unsupported(specification) is None


def test_a_file_that_it_refuses_is_no_fault(caplog):
    specification = trained(normalizer={"type": "Lowercase"})
    reference = Reference(tokenizer_of(specification))
    way = Gigatoken(specification, reference, 0)
    assert_same(way.encode(texts_of(MIXED)), reference.encode(texts_of(MIXED)))
    assert "does not support this file" in way.reason_unavailable()
    assert not caplog.records


# When it is wrong


class Broken:
    """A gigatoken whose first id of one text is wrong, or that fails on it."""

    def __init__(self, backend, text, error=None):
        self.backend, self.text, self.error, self.vocab_size = backend, text, error, backend.vocab_size

    def encode_batch(self, texts, parallel):
        rows = self.backend.encode_batch(texts, parallel=parallel)
        for row, text in enumerate(texts.to_list()):
            if text == self.text:
                if self.error is not None:
                    raise self.error
                rows.layout.content.data[rows.layout.offsets.data[row]] += 1
        return rows


def broken(monkeypatch, text, error=None):
    original = gigatoken.Tokenizer.from_json
    monkeypatch.setattr(gigatoken.Tokenizer, "from_json", lambda data: Broken(original(data), text, error))
    reference = Reference(tokenizer_of(OURS["gpt2"]))
    return Gigatoken(OURS["gpt2"], reference, 0), reference


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_wrong_id_in_the_battery_leads_back(monkeypatch, caplog):
    way, reference = broken(monkeypatch, "☃️")
    for _ in range(2):
        assert_same(way.encode(texts_of([*MIXED, "☃️"])), reference.encode(texts_of([*MIXED, "☃️"])))
    (message,) = warnings(caplog)
    assert "'\\u2603\\ufe0f'" in message and "the ids are correct, but it is slower" in message
    assert "gave other ids" in way.reason_unavailable()


@pytest.mark.parametrize("error", [ValueError("no such thing"), type("PanicException", (BaseException,), {})("oh")])
def test_a_failure_leads_back(monkeypatch, caplog, error):
    for text in ("☃️", "a text that is not in the battery"):
        caplog.clear()
        way, reference = broken(monkeypatch, text, error)
        assert_same(way.encode(texts_of([text])), reference.encode(texts_of([text])))
        (message,) = warnings(caplog)
        assert str(error) in message
        monkeypatch.undo()


def test_an_interruption_is_not_a_failure(monkeypatch):
    way, _ = broken(monkeypatch, "a text that is not in the battery", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        way.encode(texts_of(["a text that is not in the battery"]))
    assert way.reason_unavailable() is None


def test_the_battery_holds_the_added_tokens():
    specification = trained(added_tokens=[{**ADDED, "id": 600}])
    reference = Reference(tokenizer_of(specification))
    deaf = Reference(tokenizer_of(trained(added_tokens=[])))
    assert self_test(reference.encode, reference.encode, specification) is None
    assert "<x>" in self_test(deaf.encode, reference.encode, specification)


def test_the_battery_is_varied():
    assert len(set(COMMON_STRINGS)) > 500
    characters = set("".join(COMMON_STRINGS))
    assert set(map(chr, range(160))) <= characters
    assert len(characters) > 450


# Without it

ENCODE_TWICE = """
import json, logging, sys
logging.basicConfig(format="SAID %(name)s %(levelname)s %(message)s")
{before}
import pyarrow as pa
from tokemb.engine.gigatoken import Gigatoken
from tokemb.engine.reference import Reference
from tokemb.engine.insert_special_tokens import text_for_room
from tokemb.vocabulary.special_tokens import SpecialTokens
from tokemb.vocabulary.tokenizer_json import tokenizer_of
specification = json.load(open(sys.argv[1]))
reference = Reference(tokenizer_of(specification))
texts = pa.array(["a text", "", "another"], pa.large_string())
for _ in range(2):
    way = Gigatoken(specification, reference, 0)
    assert way.encode(texts).values.tolist() == reference.encode(texts).values.tolist()
print(way.reason_unavailable())
"""
NOT_THERE = "sys.modules['gigatoken'] = None"
VERSION = "import importlib.metadata as m; was = m.version; m.version = lambda name: {!r}"


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (NOT_THERE, "gigatoken is not installed"),
        (VERSION.format("0.9.9"), "gigatoken 0.9.9 is not a version"),
        (VERSION.format("0.11.0rc1"), "gigatoken 0.11.0rc1 is not a version"),
        (VERSION.format("unknown"), "gigatoken unknown is not a version"),
    ],
)
def test_without_a_gigatoken_to_use(tmp_path, before, reason):
    (tmp_path / "tokenizer.json").write_text(json.dumps(OURS["gpt2"]))
    run = python(ENCODE_TWICE.format(before=before), str(tmp_path / "tokenizer.json"))
    assert run.returncode == 0, run.stderr
    assert reason in run.stdout
    (said,) = re.findall("SAID.*", run.stderr)
    assert said.startswith(f"SAID tokemb WARNING {reason}") and "pip install tokemb[subword]" in said


@pytest.mark.parametrize("is_installed", [True, False])
def test_bpe_with_automata_is_encoded_by_gigatoken_if_it_is_installed(tmp_path, monkeypatch, is_installed):
    monkeypatch.setattr(Gigatoken, "may_be_used", is_installed)
    (tmp_path / "tokenizer.json").write_text(json.dumps(OURS["gpt2"]))
    encoder = tokemb.Encoder.load(tmp_path / "tokenizer.json")
    assert encoder.explain().backend == ("gigatoken" if is_installed else "scanner")


def test_nothing_is_imported_before_it_is_needed(tmp_path):
    (tmp_path / "tokenizer.json").write_text(json.dumps(OURS["gpt2"]))
    code = (
        "import sys, tokemb; tokemb.Encoder.load(sys.argv[1]).encode_ragged(['a']);"
        "print([name for name in ('gigatoken', 'awkward') if name in sys.modules])"
    )
    run = python(code, str(tmp_path / "tokenizer.json"))
    assert run.stdout == "[]\n", run.stderr


def test_the_supported_versions_are_those_of_the_extra():
    from tests.conftest import ROOT

    assert f"gigatoken>={'.'.join(map(str, _VERSIONS[0]))},<{'.'.join(map(str, _VERSIONS[1]))}" in (
        ROOT / "setup.cfg"
    ).read_text("utf-8")


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("around", [SpecialTokens(), SpecialTokens((601,), (602, 603))])
def test_lists_are_encoded_as_they_are(name, around):
    way, reference = ways(OURS[name])
    rows = [*MIXED, "\U00032e59'd", "", "é"]
    assert_same(way.encode_list(rows, around), around.add_special_tokens(reference.encode(texts_of(rows))))
    assert way.encode_list([], around) is None
    for wrong in ([None], ["a", 1], ["a", "\ud800"], [["a"]], [b"a"], [b"a", "a"], ["a", b"a"]):
        assert way.encode_list(wrong, around) is None
    assert way.reason_unavailable() is None, "it is still trusted"


@pytest.mark.parametrize("kernels", [False, True])
def test_room_for_special_tokens(kernels, monkeypatch):
    """Long rows get their special tokens in place."""
    use_kernels(monkeypatch, kernels)
    way, reference = ways(OURS["composed"])
    around = SpecialTokens((601,), (602, 603))
    rows = ["more than a few words " * count + text for count, text in enumerate(MIXED * 3)] + ["\u0301\u0899", ""]
    assert text_for_room(rows, around)
    for threads in (1, 2, 5, None):
        assert_same(way.encode_list(rows, around, threads), around.add_special_tokens(reference.encode(texts_of(rows))))


def test_an_encoder_says_what_is_wrong_with_a_list():
    encoder = tokemb.Encoder.from_tokenizer(tokenizer_of(OURS["gpt2"]))
    encoder._encoding.engine._scan_plan = "a pipeline that only gigatoken supports"
    way = encoder._encoding.engine._gigatoken
    way._worth_loading = 0
    assert_same(encoder.encode_ragged(MIXED), ways(OURS["gpt2"])[1].encode(texts_of(MIXED)))
    assert way._backend is not None
    with pytest.raises(tokemb.TokembError, match=r"texts\[1\] is missing"):
        encoder.encode_ragged(["a", None])
    with pytest.raises(tokemb.TokembError, match="lone surrogate"):
        encoder.encode_ragged(["a", "\ud800"])


@pytest.mark.parametrize("change", [lambda rows: rows.append("more"), lambda rows: rows.clear()])
def test_a_list_that_changes_while_it_is_encoded(change, monkeypatch):
    """By another thread: the usual way, which takes it part by part, does it, and gigatoken is not blamed."""
    way, _ = ways(OURS["gpt2"])
    rows = ["a few words", "\U00032e59", "é"]

    class Changing:
        def encode_batch(self, texts, parallel):
            encoded = backend.encode_batch(texts, parallel=parallel)
            change(rows)
            return encoded

    backend = way._backend
    monkeypatch.setattr(way, "_backend", Changing())
    assert way.encode_list(rows, SpecialTokens()) is None
    assert way.reason_unavailable() is None, "it is still trusted"
