from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import CORPORA, MIXED, python
from tests.vocabulary.test_profiles import split
from tokemb._validation import ALGORITHMS
from tokemb.vocabulary.profiles import PROFILES
from tokemb.vocabulary.tokenizer_json import tokenizer_json_of, tokenizer_of

pytestmark = pytest.mark.slow


def folder_bytes(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_order_is_by_count_then_by_bytes():
    texts = ["b é a 中 🙂 \ufb01", "é b"]
    assert tokemb.fit_vocab(texts).vocabulary == ["", "[UNK]", "b", "é", "a", "中", "ﬁ", "🙂"]
    assert tokemb.fit_vocab(texts, max_size=3).vocabulary == ["", "[UNK]", "b", "é", "a"]
    assert tokemb.fit_vocab(texts, min_count=2).vocabulary == ["", "[UNK]", "b", "é"]


@pytest.mark.parametrize("profile", ["whitespace", "keras", "text-vectorization"])  # each orders ties otherwise
@given(
    tokens=st.lists(st.sampled_from([*"abcdefg", "é", "[BOS]", "[UNK]"]), min_size=1),
    max_size=st.integers(1, 12),
    min_count=st.integers(1, 3),
)
def test_max_size_keeps_the_first_of_all_tokens(profile, tokens, max_size, min_count):
    counts = tokemb.TokenCounts.from_texts([["z", "[BOS]"] * 9, tokens], profile=profile)
    settings = {"min_count": min_count, "reserve": ["[BOS]"]}
    whole = tokemb.fit_vocab(counts, **settings).vocabulary
    assert tokemb.fit_vocab(counts, max_size=max_size, **settings).vocabulary == whole[: 3 + max_size]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_specification_is_what_the_library_writes(profile):
    encoder = tokemb.fit_vocab([*MIXED, '"\\\x7f\u2028'], profile=profile, maxlen=5, reserve=["[BOS]"])
    written = tokenizer_json_of(tokenizer_of(encoder.specification))
    assert json.dumps(encoder.specification) == json.dumps(written)


def test_reserved_tokens_come_first_and_are_not_counted_twice():
    encoder = tokemb.fit_vocab(
        ["[BOS] a a [UNK]", "[BOS] b [UNK]"], profile="whitespace", reserve=["[BOS]", "x"], max_size=1
    )
    assert encoder.vocabulary == ["", "[UNK]", "[BOS]", "x", "a"]
    assert encoder.encode(["[BOS] x a b [UNK]"]).tolist() == [[2, 3, 4, 1, 1]]
    assert encoder.table["count"].to_pylist() == [None, None, 2, None, 2]
    assert encoder.table["documents"].to_pylist() == [None, None, 2, None, 1]
    assert (encoder.corpus.tokens, encoder.corpus.oov) == (7, 3)  # b and twice [UNK]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_subword_or_word_vocabulary_holds_no_more_than_max_size(algorithm):
    encoder = tokemb.fit_vocab(MIXED, algorithm=algorithm, max_size=300, reserve=["[BOS]"])
    assert encoder.input_dim <= 303
    assert encoder.vocabulary[:3] == ["", "[UNK]", "[BOS]"]
    assert (encoder.pad_id, encoder.unk_id) == (0, 1)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_saved_counts_are_those_of_the_encoded_corpus(algorithm, corpus):
    encoder = tokemb.fit_vocab(corpus, algorithm=algorithm, max_size=30_000, min_count=2 if algorithm == "word" else 1)
    ids = encoder.encode_ragged(corpus).values.tolist()
    for row in encoder.table.to_pylist():
        assert row["count"] == (None if row["token"] in ("", "[UNK]") else ids.count(row["id"])), row
    assert encoder.corpus.encoded == len(ids)
    assert encoder.corpus.oov == ids.count(1)


def test_statistics():
    corpus = tokemb.fit_vocab(["a b b", "", "c", "a a a a"], max_size=1).corpus
    assert (corpus.rows, corpus.tokens, corpus.distinct) == (4, 8, 3)
    assert corpus.coverage == 5 / 8
    assert corpus.row_lengths == {0: 1, 1: 1, 3: 1, 4: 1}
    assert [corpus.length_quantile(share) for share in (0, 0.25, 0.5, 0.75, 0.76, 1)] == [0, 0, 1, 3, 4, 4]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("profile", [name for name in PROFILES if name != "keras"])
def test_the_order_of_the_texts_makes_no_difference(tmp_path, profile, algorithm):
    if profile == "chars" and algorithm != "word":
        pytest.skip("chars makes no words")
    texts = [text for corpus in CORPORA.values() for text in corpus[::2]]
    tokemb.fit_vocab(texts, profile=profile, algorithm=algorithm, max_size=5000).save(tmp_path / "a")
    random.Random(0).shuffle(texts)
    tokemb.fit_vocab(texts, profile=profile, algorithm=algorithm, max_size=5000).save(tmp_path / "b")
    assert folder_bytes(tmp_path / "a") == folder_bytes(tmp_path / "b")


@pytest.fixture(scope="module")
def folders_of_processes(tmp_path_factory):
    """The vocabularies of all algorithms that two processes fitted, in folders named like their numbers of threads."""
    here = tmp_path_factory.mktemp("processes")
    (here / "text.txt").write_text("\n".join(text for corpus in CORPORA.values() for text in corpus[::2]), "utf-8")
    code = (
        "import sys, pathlib, tokemb\n"
        "here = pathlib.Path(sys.argv[1])\n"
        "for name in sys.argv[3:]:\n"
        "    encoder = tokemb.fit_vocab(here / 'text.txt', algorithm=name, max_size=8000)\n"
        "    encoder.save(here / f'{name}-{sys.argv[2]}')\n"
    )
    for seed in "13":
        run = python(code, str(here), seed, *ALGORITHMS, PYTHONHASHSEED=seed, RAYON_NUM_THREADS=seed)
        assert run.returncode == 0, run.stderr
    return here


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_process_makes_the_same_folder(folders_of_processes, algorithm):
    first, other = (folder_bytes(folders_of_processes / f"{algorithm}-{seed}") for seed in "13")
    assert first == other


def test_bpe_is_what_tokenizers_trains_on_the_text_itself(corpus, tmp_path):
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.models import BPE
    from tokenizers.trainers import BpeTrainer

    encoder = tokemb.fit_vocab(corpus, algorithm="bpe", max_size=6000)
    tokenizer = Tokenizer(BPE(unk_token="[UNK]"))
    tokenizer.normalizer = PROFILES["words"].normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([PROFILES["words"].pre_tokenizer, pre_tokenizers.Metaspace()])
    trainer = BpeTrainer(vocab_size=6002, special_tokens=["", "[UNK]"], show_progress=False)
    tokenizer.train_from_iterator(corpus, trainer)
    encoder.save(tmp_path / "v")
    saved = json.loads((tmp_path / "v" / "tokenizer.json").read_bytes())
    assert json.loads(tokenizer.to_str())["model"] == saved["model"]


@given(st.lists(st.text("ab [UNK]PAD\0\n"), min_size=1), st.sampled_from(list(PROFILES)))
def test_what_a_text_spells_never_becomes_padding(texts, profile):
    try:
        encoder = tokemb.fit_vocab(texts, profile=profile)
    except tokemb.TokembError:
        return  # no token in these texts
    rows = encoder.encode_ragged([*texts, "[UNK]", "[PAD]", "\0", ""])
    assert 0 not in rows.values
    for text, row in zip(texts, rows, strict=False):
        assert len(row) == len(split(profile, text))
        assert all((index == 1) == (token == "[UNK]") for token, index in zip(split(profile, text), row, strict=True))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_size": 0}, "max_size must be an integer of at least 1; received 0"),
        ({"max_size": -1}, "received -1"),
        ({"max_size": 2.5}, "received 2.5"),
        ({"max_size": True}, "received True"),
        ({"min_count": 0}, "min_count must be an integer of at least 1; received 0"),
        ({"min_count": None}, "min_count must be"),
        ({"min_count": 3}, r"the corpus \(2 rows\) has none that occurs 3 times"),
        ({"min_count": 3, "algorithm": "bpe"}, "has none that occurs 3 times: lower min_count"),
        ({"algorithm": "bert"}, "algorithm must be one of word, bpe, wordpiece, unigram; received 'bert'"),
        (
            {"algorithm": "bpe", "profile": "chars"},
            'requires a profile that yields words; received profile="chars"',
        ),
        (
            {"algorithm": "bpe", "max_size": 2},
            "max_size must be at least 3, the number of distinct .*; received 2",
        ),
        (
            {"oov": False},
            'oov=False, which drops tokens out of vocabulary, requires profile="keras" and algorithm="word"',
        ),
        ({"reserve": "[BOS]"}, r"reserve must be a list of tokens, such as \['\[BOS\]'\]; received '\[BOS\]'"),
        ({"reserve": [""]}, "received ''"),
        ({"reserve": ["[UNK]"]}, r"received '\[UNK\]'"),
        ({"reserve": ["x", "x"]}, "received 'x'"),
        ({"maxlen": 0}, "maxlen must be"),
        ({"padding": "both"}, "padding must be"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(tokemb.TokembError, match=message):
        tokemb.fit_vocab(["a b", "b a"], **settings)


@pytest.mark.parametrize("texts", [[], [""], ["...", " \n"], [[]], [["", ""]]])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_empty_corpus(texts, algorithm):
    with pytest.raises(ValueError, match=rf"at least one token; the corpus \({len(texts)} rows\) has none"):
        tokemb.fit_vocab(texts, algorithm=algorithm)


@pytest.mark.parametrize("algorithm", ["bpe", "wordpiece", "unigram"])
@pytest.mark.parametrize("text", ["a", "a b", "aaaa", "中", "abc abd", "a" * 500])
def test_subwords_of_tiny_corpora(algorithm, text):
    encoder = tokemb.fit_vocab([text], algorithm=algorithm)
    assert encoder.decode(encoder.encode([text])) == [text] or (algorithm == "wordpiece" and len(text) > 100)


def test_subwords_of_tokens_with_spaces_are_refused():
    with pytest.raises(tokemb.TokembError, match="requires tokens without spaces; the counts contain 'a b'"):
        tokemb.fit_vocab([["a b"]], algorithm="bpe")


def test_the_name_of_unknown_tokens_is_never_a_word():
    """Not even without an id for them: `tokenizers` would take that id for every unknown word."""
    encoder = tokemb.fit_vocab([["[UNK]", "a"]], profile="keras", oov=False)
    assert encoder.vocabulary == ["", "a"]
    assert encoder.encode([["[UNK]", "b", "a"]]).tolist() == [[1]]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("reserve", [["a"], ["[PAD]", "a", "the", "▁"]])
def test_reserved_tokens_that_the_text_holds(algorithm, reserve):
    encoder = tokemb.fit_vocab(["a b c a", "b c", "the cat sat"], algorithm=algorithm, reserve=reserve)
    assert encoder.vocabulary[: 2 + len(reserve)] == ["", "[UNK]", *reserve]
    assert len(set(encoder.vocabulary)) == len(encoder.vocabulary) == encoder.input_dim == len(encoder.table)


@pytest.mark.parametrize("algorithm", ["bpe", "wordpiece", "unigram"])
@pytest.mark.parametrize("max_size", [10, 11, 12, 15, 40])
def test_max_size_is_kept_however_tight(algorithm, max_size):
    encoder = tokemb.fit_vocab(
        ["aaa bcd efg", "aab bcd hhh"], algorithm=algorithm, max_size=max_size + 8 * (algorithm == "wordpiece")
    )
    assert encoder.input_dim <= 2 + max_size + 8 * (algorithm == "wordpiece")
    assert 1 not in encoder.encode(["aaa bcd efg h"])


def test_settings_of_numpy_and_generators_can_be_saved(tmp_path):
    import numpy as np

    encoder = tokemb.fit_vocab(
        ["a b"], max_size=np.int64(3), min_count=np.int32(1), maxlen=np.int16(4), reserve=(t for t in ["[BOS]"])
    )
    encoder.save(tmp_path / "v")
    assert tokemb.Encoder.load(tmp_path / "v").settings == {"max_size": 3, "min_count": 1, "reserve": ["[BOS]"]}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_max_size_beyond_measure(algorithm):
    assert tokemb.fit_vocab(["a b"], algorithm=algorithm, max_size=2**31 - 1).input_dim <= 8
    with pytest.raises(tokemb.TokembError, match="max_size must be at most 2147483647"):
        tokemb.fit_vocab(["a b"], algorithm=algorithm, max_size=2**31)


@pytest.mark.parametrize("reserve", [5, None, ["\ud800"], [3]])
def test_reserved_tokens_that_are_none(reserve):
    with pytest.raises(tokemb.TokembError, match="reserve must"):
        tokemb.fit_vocab(["a b"], reserve=reserve)


def test_wrong_threads_are_an_error_for_counts_too():
    for source in (["a"], tokemb.TokenCounts.from_texts(["a"])):
        with pytest.raises(tokemb.TokembError, match="threads must be an integer of at least 1; received 0"):
            tokemb.fit_vocab(source, threads=0)
