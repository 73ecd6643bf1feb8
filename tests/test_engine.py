"""Whatever way texts go, however many threads: the ids and counts are those of the reference."""

from __future__ import annotations

import functools
import multiprocessing
import pickle
import threading

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

import tokemb
from tests.conftest import CORPORA, MIXED, python
from tests.test_parity_tokenizers import COMBINATIONS, TEXTS, fitted, foreign
from tokemb import engine
from tokemb.engine import scanner, walk
from tokemb.inspection import inspect
from tokemb.texts import STRINGS


@pytest.fixture(autouse=True)
def no_input_is_small(monkeypatch):
    monkeypatch.setattr(engine, "SMALL", 0)


def assert_same(rows, expected):
    np.testing.assert_array_equal(rows.row_splits, expected.row_splits)
    np.testing.assert_array_equal(rows.values, expected.values)
    assert rows.values.dtype == np.int32


def both(encoder, texts, threads=2):
    """The rows of the encoder's own way, after these of the reference."""
    column = pa.array(texts, STRINGS)
    chosen = encoder._encoding.engine
    return chosen._reference.encode(column, threads), chosen.encode(column, threads)


@pytest.mark.parametrize(("profile", "model"), COMBINATIONS)
def test_every_profile_and_model_is_scanned(profile, model, corpus):
    encoder, _ = fitted(profile, model)
    assert encoder.explain().way == "scanner"
    expected, rows = both(encoder, corpus)
    assert_same(rows, expected)
    assert_same(both(encoder, corpus)[1], expected)  # now that the pieces are known


@pytest.mark.parametrize(("profile", "model"), COMBINATIONS)
@given(texts=TEXTS)
def test_any_text(profile, model, texts):
    expected, rows = both(fitted(profile, model)[0], texts)
    assert_same(rows, expected)


@functools.cache
def load(path):
    return tokemb.Encoder.load(path)


@foreign
def test_foreign_files(path, corpus):
    expected, rows = both(load(path), corpus)
    assert_same(rows, expected)


@foreign
@given(texts=TEXTS)
def test_foreign_files_on_any_text(path, texts):
    expected, rows = both(load(path), texts)
    assert_same(rows, expected)


def word_level(normalizer, pre_tokenizer, added=()):
    """An encoder with these components that knows the words of ``MIXED``, as far as they come out of them."""
    tokenizer = Tokenizer(models.WordLevel({}, unk_token="[UNK]"))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    pieces = {
        piece
        for text in MIXED
        for piece, _ in pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(text) if normalizer else text)
    }
    tokenizer.model = models.WordLevel(
        {token: index for index, token in enumerate(["[UNK]", *sorted(pieces)[::2]])}, unk_token="[UNK]"
    )
    tokenizer.add_tokens(list(added))
    return tokemb.Encoder.from_tokenizer(tokenizer)


N, P = normalizers, pre_tokenizers
SCANNED = {
    "whitespace": (None, P.Whitespace()),
    "whitespace split": (None, P.WhitespaceSplit()),
    "bert": (N.BertNormalizer(), P.BertPreTokenizer()),
    "bert cased": (N.BertNormalizer(lowercase=False), P.BertPreTokenizer()),
    "bert accents": (N.BertNormalizer(strip_accents=False, handle_chinese_chars=False), P.BertPreTokenizer()),
    "bert raw": (N.BertNormalizer(clean_text=False, strip_accents=True, lowercase=False), P.BertPreTokenizer()),
    "lower": (N.Lowercase(), P.Whitespace()),
    "strip accents": (N.Sequence([N.NFD(), N.StripAccents(), N.Lowercase()]), P.WhitespaceSplit()),
    "nmt": (N.Nmt(), P.WhitespaceSplit()),
    "nfc": (N.NFC(), P.Whitespace()),
    "nfkc lower": (N.Sequence([N.NFKC(), N.Lowercase()]), P.Whitespace()),
    "nfkd": (N.NFKD(), P.Whitespace()),
    "replace": (N.Sequence([N.Replace("e", "EE"), N.Replace(Regex("[0-9]"), "#"), N.Lowercase()]), P.WhitespaceSplit()),
    "replace by more": (N.Replace("中", " zhong "), P.WhitespaceSplit()),
    "delete": (N.Replace(Regex("[aeiou]+"), ""), P.WhitespaceSplit()),
    "replace a text": (N.Replace("ing", "ION"), P.WhitespaceSplit()),
    "around": (N.Replace(Regex(r"(?<=\s)d(?=e)"), "D"), P.WhitespaceSplit()),
    "punctuation": (None, P.Punctuation()),
    "punctuation removed": (None, P.Punctuation("removed")),
    "punctuation runs": (None, P.Sequence([P.WhitespaceSplit(), P.Punctuation("contiguous")])),
    "digits": (None, P.Sequence([P.WhitespaceSplit(), P.Digits(individual_digits=True)])),
    "digit runs": (None, P.Sequence([P.Whitespace(), P.Digits(individual_digits=False)])),
    "delimiter": (N.Lowercase(), P.CharDelimiterSplit("e")),
    "split text": (None, P.Split(" ", "isolated")),
    "split class": (None, P.Split(Regex(r"[\s\p{P}]"), "removed")),
    "split classes": (None, P.Split(Regex(r"\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"), "removed", invert=True)),
    "split runs": (None, P.Split(Regex(r"[aeiou]+|\s"), "isolated")),
    "split contiguous": (None, P.Split(Regex(r"[a-e]|\s+"), "contiguous")),
    "overlapping": (None, P.Split(Regex(r"[a-g]+|[e-z]+"), "removed", invert=True)),
    "joined": (None, P.Split(Regex(r"\w+(?:[.'’-]\w+)*"), "removed", invert=True)),
    "joined in one script": (
        None,
        P.Split(Regex(r"\p{Greek}+(?:ς\p{Greek}+)*|[а-я]+(?:-[а-я]+)*"), "removed", invert=True),
    ),
    "characters": (N.Lowercase(), P.Split("", "isolated")),
    "then metaspace": (None, P.Sequence([P.WhitespaceSplit(), P.Metaspace(prepend_scheme="always")])),
    "then bytes": (None, P.Sequence([P.Whitespace(), P.ByteLevel(add_prefix_space=True)])),
}
NOT_SCANNED = {
    "prepend": (N.Prepend("_"), P.Whitespace()),
    "strip": (N.Strip(), P.Whitespace()),
    "spaces": (N.Replace(Regex(" {2,}"), " "), P.Whitespace()),
    "a space for many": (N.Replace(Regex(r"\s+"), "_"), P.Whitespace()),
    "bytes": (None, P.ByteLevel()),
    "metaspace": (None, P.Metaspace()),
    "then metaspace first": (None, P.Sequence([P.Whitespace(), P.Metaspace(prepend_scheme="first")])),
    "merged": (None, P.Punctuation("merged_with_previous")),
    "merged next": (None, P.Split(" ", "merged_with_next")),
    "look ahead": (None, P.Split(Regex(r"\s+(?!\S)|\s+"), "removed")),
    "scripts": (None, P.UnicodeScripts()),
    "lengths": (None, P.FixedLength(3)),
    "inverted": (None, P.Split(Regex(r"\w+"), "isolated", invert=True)),
}
MANY = st.lists(
    st.text()
    | st.text("abcdefgzEI' -’.,;09߀²½\t\n\r  e\u0301ßİŉÅ\u212b가\u1100\u1161\u302e\u302f\u0334中ςσΣЖж-")
    | st.sampled_from(MIXED),
    max_size=5,
)


@pytest.mark.parametrize("name", SCANNED)
@given(texts=MANY)
def test_components_on_any_text(name, texts):
    encoder = _word_level(name)
    assert encoder.explain().way == "scanner"
    expected, rows = both(encoder, texts)
    assert_same(rows, expected)


@pytest.mark.parametrize("name", SCANNED)
def test_components(name, corpus):
    encoder = _word_level(name)
    expected, rows = both(encoder, corpus)
    assert_same(rows, expected)


@pytest.mark.parametrize("name", NOT_SCANNED)
def test_what_is_not_proved_goes_to_the_reference(name):
    encoder = _word_level(name)
    assert encoder.explain().way == "reference"
    assert encoder.explain().reason
    expected, rows = both(encoder, MIXED)
    assert_same(rows, expected)


def _word_level(name, made={}):  # noqa: B006 - kept on purpose
    if name not in made:
        made[name] = word_level(*{**SCANNED, **NOT_SCANNED}[name])
    return made[name]


@pytest.mark.parametrize("normalized", [False, True])
@given(
    texts=st.lists(
        st.text("[MASK]maskéÉ <>\t") | st.sampled_from(["[MASK]", "x[MASK] ", "[mask]", "é", "É<"]), max_size=4
    )
)
def test_added_tokens_inside_the_text(normalized, texts):
    from tokenizers import AddedToken

    added = [
        AddedToken("[MASK]", normalized=normalized, lstrip=True),
        AddedToken("É<", normalized=normalized, single_word=True),
    ]
    encoder = word_level(N.Lowercase(), P.Whitespace(), added)
    expected, rows = both(encoder, texts)
    assert_same(rows, expected)


def test_a_vocabulary_without_unknown_token_fails_as_the_reference_does():
    tokenizer = Tokenizer(models.WordLevel({"a": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = P.Whitespace()
    encoder = tokemb.Encoder.from_tokenizer(tokenizer)
    assert encoder.encode_ragged(["a a", "a"]).values.tolist() == [0, 0, 0]
    with pytest.raises(tokemb.TokembError, match="UNK"):
        encoder.encode_ragged(["a", "a b"])


@pytest.mark.parametrize("threads", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("profile", ["words", "keras", "chars"])
def test_the_number_of_threads_changes_nothing(profile, threads):
    texts = MIXED * 20
    encoder = tokemb.fit_vocab(texts, profile=profile, max_size=50, threads=threads)
    alone = tokemb.fit_vocab(texts, profile=profile, max_size=50, threads=1)
    assert encoder.vocabulary == alone.vocabulary
    assert encoder.corpus == alone.corpus
    assert encoder.table == alone.table
    np.testing.assert_array_equal(
        encoder.encode(texts, maxlen=9, threads=threads), alone.encode(texts, maxlen=9, threads=1)
    )
    assert_same(encoder.encode_ragged(texts, threads=threads), alone.encode_ragged(texts, threads=1))


@pytest.mark.parametrize(
    "settings", [{"maxlen": 1}, {"maxlen": 7}, {"maxlen": 7, "padding": "pre"}, {"maxlen": 7, "truncating": "pre"}]
)
@pytest.mark.parametrize("oov", [True, False])
def test_padded_is_ragged_padded(oov, settings, corpus):
    encoder = tokemb.fit_vocab(MIXED[::2], profile="keras", oov=oov)
    expected, _ = both(encoder, corpus)
    if not oov:
        expected = expected.select(expected.values != encoder.input_dim)
    np.testing.assert_array_equal(encoder.encode(corpus, **settings), expected.pad(**settings))
    np.testing.assert_array_equal(encoder.encode(iter(corpus), **settings), expected.pad(**settings))
    np.testing.assert_array_equal(encoder.encode(pa.array(corpus), **settings), expected.pad(**settings))


@foreign
def test_padded_with_special_tokens(path, corpus):
    encoder = load(path)
    if encoder.pad_id is not None:
        expected = encoder.encode_ragged(corpus, maxlen=12).pad(12, value=encoder.pad_id)
        np.testing.assert_array_equal(encoder.encode(corpus, maxlen=12, padding="post", truncating="post"), expected)


def test_one_character_may_become_many():
    """More pieces than there is room for in the kernels go to the reference."""
    for times in (1, 15, 60, 2000):
        encoder = word_level(N.Replace("x", "a the " * times), P.WhitespaceSplit())
        for texts in (["q " * 2040 + "xxx y"] * 3, ["b x x y"], ["x" * 50 + " " + "x" * 50] * 2):
            expected, rows = both(encoder, texts)
            assert_same(rows, expected)


def test_an_added_token_that_takes_the_space_before_it():
    from tokenizers import AddedToken

    encoder = word_level(None, P.Split("", "isolated"), [AddedToken("<mask>", lstrip=True), AddedToken("[PAD]")])
    encoder.pad_id = encoder.vocabulary.index("[PAD]")
    rows = ["a" * 1900 + " " * 300 + "<mask>b"]
    for maxlen in (1950, 2030, 2044, 2300):
        expected = both(encoder, rows)[0].pad(maxlen, value=encoder.pad_id)
        np.testing.assert_array_equal(encoder.encode(rows, maxlen=maxlen), expected)


def test_an_unknown_word_is_an_error_wherever_it_stands():
    tokenizer = Tokenizer(models.WordLevel({"[PAD]": 0, "a": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = P.Whitespace()
    encoder = tokemb.Encoder.from_tokenizer(tokenizer)
    for words in (1, 5000):
        with pytest.raises(tokemb.TokembError, match="UNK"):
            encoder.encode(["a " * words + "zzz"], maxlen=1)


@pytest.mark.parametrize("number", [30, 200])
def test_many_added_tokens(number):
    from tokenizers import AddedToken

    added = [AddedToken(f"t{index}", normalized=True) for index in range(number)]
    encoder = word_level(N.Lowercase(), P.Whitespace(), added)
    assert encoder.explain().way == ("scanner" if number == 30 else "reference")
    expected, rows = both(encoder, [*MIXED, "a T7 t29x t199"])
    assert_same(rows, expected)


def test_an_encoder_can_be_pickled(corpus):
    for encoder in (tokemb.fit_vocab(MIXED, profile="keras", oov=False), tokemb.fit_vocab(MIXED, model="bpe")):
        encoder.encode(corpus)
        again = pickle.loads(pickle.dumps(encoder))
        assert again.fingerprint == encoder.fingerprint
        assert again.table == encoder.table
        np.testing.assert_array_equal(again.encode(corpus), encoder.encode(corpus))


def test_slices_of_arrow_arrays():
    encoder = tokemb.fit_vocab(MIXED)
    column = pa.array(["never read", *MIXED, "neither"], STRINGS).slice(1, len(MIXED))
    assert_same(encoder._encoding.engine.encode(column, 2), both(encoder, MIXED)[0])
    assert_same(encoder._encoding.engine.encode(column.slice(3, 0), 2), both(encoder, [])[0])


def test_a_huge_row():
    """Longer than a chunk, with pieces that are, and with nothing but separators."""
    texts = ["ab " * 300_000 + "x" * 100_000, "y" * 300_000, " " * 300_000, "", "é" * 50_000 + " z", "学" * 20_000]
    encoder = tokemb.fit_vocab(["ab x y z 学", "x" * 100_000])
    expected, rows = both(encoder, texts)
    assert_same(rows, expected)
    subwords = tokemb.fit_vocab(["ab x y z é 学"], model="bpe")
    expected, rows = both(subwords, [text[:5000] for text in texts])
    assert_same(rows, expected)


def test_pieces_are_learnt_in_many_walks_and_forgotten(monkeypatch):
    monkeypatch.setattr(walk, "_MISSING_BYTES", 64)
    monkeypatch.setattr(walk, "_MISSING_PIECES", 5)
    monkeypatch.setattr(scanner, "_MOST_PIECES", 20)
    encoder = tokemb.fit_vocab(MIXED, model="wordpiece", max_size=300)
    expected, rows = both(encoder, MIXED)
    assert_same(rows, expected)
    assert_same(both(encoder, MIXED[::-1])[1], both(encoder, MIXED[::-1])[0])
    counts = tokemb.TokenCounts.from_texts(MIXED, profile="keras")
    monkeypatch.undo()
    assert counts.tokens.equals(tokemb.TokenCounts.from_texts(MIXED, profile="keras").tokens)


@given(rows=st.lists(st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=40), max_size=9), max_size=9))
def test_pieces_of_every_length(rows):
    """Keys of short pieces are their bytes, of longer ones hashes."""
    texts = [" ".join(row) for row in rows]
    counts = tokemb.TokenCounts.from_texts(texts, profile="whitespace")
    assert dict(zip(counts.tokens.to_pylist(), counts.counts.tolist(), strict=True)) == {
        token: sum(row.count(token) for row in rows) for row in rows for token in row
    }


def test_nothing_hangs_when_threads_share_an_encoder():
    encoder = tokemb.fit_vocab(MIXED, model="bpe", max_size=300)
    expected, _ = both(encoder, MIXED)
    failures = []

    def work(texts, rows):
        for _ in range(5):
            if encoder.encode_ragged(texts).values.tolist() != rows:
                failures.append(texts)

    threads = [threading.Thread(target=work, args=(MIXED, expected.values.tolist())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


FORK = """
import logging, multiprocessing, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # that of Python 3.12 about threads and fork
import tokemb
from tokemb import engine
engine.SMALL = {small}
texts = ["deep learning is very deep"] * 50
encoder = tokemb.fit_vocab(texts)
first = encoder.encode(texts, maxlen=8)
def work(_):
    return encoder.encode(texts, maxlen=8)
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(all((each == first).all() for each in pool.map_async(work, range(6)).get(60)))
"""


@pytest.mark.parametrize("small", [0, 1 << 18])
def test_forked_workers_neither_hang_nor_warn(small):
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("this system does not fork")
    run = python(FORK.format(small=small))
    assert run.stdout == "True\n", run.stderr
    assert run.stderr.replace("tokemb compiles its kernels for this machine, once: some seconds\n", "") == ""


def test_explain_names_what_a_row_needs():
    encoder = tokemb.fit_vocab(MIXED, profile="keras")
    assert encoder.explain("plain").way == "scanner"
    assert str(encoder.explain("ΟΔΟΣ")) == "reference: what becomes of U+03A3 depends on the characters around it"


def test_inspect_tells_the_way(tmp_path):
    tokemb.fit_vocab(MIXED, profile="keras").save(tmp_path / "v")
    assert inspect(tmp_path / "v")["way"].startswith("scanner: ")
    assert inspect(tmp_path / "v", text="ΟΔΟΣ")["way"].startswith("reference: what becomes of U+03A3")
    (tmp_path / "x.npy").write_bytes(b"")
    with pytest.raises(tokemb.TokembError, match="no vocabulary"):
        inspect(tmp_path / "x.npy", text="a")


def test_small_inputs_do_without_numba():
    code = "import sys, tokemb; e = tokemb.fit_vocab(['a b']); e.encode(['a'], maxlen=3); print('numba' in sys.modules)"
    assert python(code).stdout == "False\n"


def test_corpora_are_there():
    assert "mixed" in CORPORA
