"""The curves of a report equal what encoding every row gives."""

from __future__ import annotations

import gzip
import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import CORPORA, DATA, corpora
from tokemb.analysis.report.coverage import size_curve
from tokemb.analysis.report.drift import drift
from tokemb.analysis.report.frequencies import Frequencies
from tokemb.analysis.report.growth import heaps, zipf
from tokemb.analysis.report.row_lengths import length_curve, round_lengths
from tokemb.analysis.report.scripts import script_table, scripts_of
from tokemb.analysis.report.stability import compare
from tokemb.errors import ArgumentError, TextError, VocabularyError
from tokemb.vocabulary.tokenizer_json import tokenizer_of

WORDS = st.sampled_from(["a", "b", "c", "dd", "é", "的", "ж", "7", "[UNK]", "😀"])
TEXTS = st.lists(st.lists(WORDS, max_size=8).map(" ".join), min_size=1, max_size=12)
LENGTHS = st.lists(st.integers(0, 9), min_size=1, max_size=6)

REAL = [name for name in ("imdb", "tang", "mixed") if name in CORPORA]


def encoded_figures(texts, profile, size):
    """Return the shares of tokens, of distinct tokens of rows, and of rows that a vocabulary of ``size`` covers."""
    encoder = tokemb.fit_vocab(texts, profile=profile, max_size=size)
    every = tokemb.fit_vocab(texts, profile=profile)
    rows = [row.tolist() for row in encoder.encode_ragged(texts)]
    words = [row.tolist() for row in every.encode_ragged(texts)]
    tokens = [token for row in rows for token in row]
    # The ids of all words tell which words of a row are distinct; OOV words of both vocabularies share one id.
    pairs = [pair for row, known in zip(words, rows, strict=True) for pair in set(zip(row, known, strict=True))]
    return (
        sum(token != 1 for token in tokens) / len(tokens),
        sum(token != 1 for _, token in pairs) / len(pairs),
        sum(1 not in row for row in rows) / len(rows),
    )


def check_sizes(texts, profile, sizes):
    result = tokemb.report(texts, profile=profile, complete_rows=True)
    points = {point.size: point for point in result.sizes}
    for size in sizes:
        point = points[size]
        figures = (point.coverage, point.document_coverage, point.complete_rows)
        assert figures == pytest.approx(encoded_figures(texts, profile, size))
        assert point.embedding_mb == (size + 2) * result.dim * 4 / 1e6


@given(TEXTS)
def test_coverage_equals_that_of_encoded_rows(texts):
    if any(word != "[UNK]" for text in texts for word in text.split()):
        result = tokemb.report(texts, profile="whitespace")
        check_sizes(texts, "whitespace", [point.size for point in result.sizes])


@pytest.mark.parametrize("name", REAL)
def test_coverage_of_real_texts_equals_that_of_encoded_rows(name):
    sizes = [point.size for point in tokemb.report(CORPORA[name]).sizes]
    check_sizes(CORPORA[name], "words", sizes[:: max(len(sizes) // 4, 1)])


def padded_cells(lengths, batch_size, maxlen):
    """Return the number of ids, with padding, of batches of rows in this order."""
    kept = [min(length, maxlen) for length in lengths]
    batches = [kept[start : start + batch_size] for start in range(0, len(kept), batch_size)]
    return sum(max(batch) * len(batch) for batch in batches)


def brute_point(lengths, batch_size, maxlen):
    """Return the figures of a ``maxlen`` except the padding of shuffled batches."""
    kept = sum(min(length, maxlen) for length in lengths)
    bucketed = padded_cells(sorted(lengths), batch_size, maxlen)
    return (
        sum(length > maxlen for length in lengths) / len(lengths),
        1 - kept / sum(lengths) if sum(lengths) else 0,
        1 - kept / (len(lengths) * maxlen),
        1 - kept / bucketed if bucketed else 0,
    )


def figures(point):
    return point.truncated_rows, point.lost_tokens, point.fixed_padding, point.bucket_padding


def histogram(lengths):
    return {length: lengths.count(length) for length in sorted(set(lengths))}


@given(LENGTHS, st.integers(1, 7), st.integers(1, 10))
def test_padding_equals_that_of_all_orders_of_the_rows(lengths, batch_size, maxlen):
    (point,) = length_curve(histogram(lengths), [maxlen], batch_size)
    assert figures(point) == pytest.approx(brute_point(lengths, batch_size, maxlen))
    cells = np.mean([padded_cells(order, batch_size, maxlen) for order in itertools.permutations(lengths)])
    kept = sum(min(length, maxlen) for length in lengths)
    assert point.batch_padding == pytest.approx(1 - kept / cells if cells else 0)


@pytest.mark.parametrize("name", REAL)
def test_row_lengths_of_real_texts_equal_those_of_encoded_rows(name):
    lengths = tokemb.fit_vocab(CORPORA[name]).encode_ragged(CORPORA[name]).lengths.tolist()
    for point in tokemb.report(CORPORA[name], batch_size=8).lengths:
        assert figures(point) == pytest.approx(brute_point(lengths, 8, point.maxlen))
        assert point.batch_padding <= point.fixed_padding + 1e-9


def test_lengths_of_a_vocabulary_with_start_and_end_tokens_are_those_of_encoded_rows():
    texts = ["a b c d", "a", "", "a b", "b c d e f g"]
    encoder = tokemb.fit_vocab(texts, start="[BOS]", end="[EOS]")
    result = tokemb.report(encoder, untruncated=0.8, batch_size=2)
    assert [item.value for item in result.suggestions if item.argument == "maxlen"] == [6]
    assert [point.maxlen for point in result.lengths] == [3, 4, 6, 8]
    for point in result.lengths:
        kept = np.count_nonzero(encoder.encode(texts, maxlen=point.maxlen))
        lost = np.count_nonzero(encoder.encode(texts)) - kept
        assert point.fixed_padding == pytest.approx(1 - kept / (5 * point.maxlen))
        assert point.lost_tokens == pytest.approx(lost / 13)
        assert point.truncated_rows == sum(len(text.split()) + 2 > point.maxlen for text in texts) / 5
        lengths = sorted(min(len(text.split()) + 2, point.maxlen) for text in texts)
        assert point.bucket_padding == pytest.approx(1 - kept / padded_cells(lengths, 2, point.maxlen))


def test_row_lengths_without_rows_have_no_points():
    assert length_curve({}, [3], 2) == []
    assert round_lengths({}) == []


@given(TEXTS)
def test_growth_equals_the_expectation_of_each_token(texts):
    counts = tokemb.TokenCounts.from_texts(texts, profile="whitespace")
    frequencies = Frequencies.of_counts(counts)
    if not len(frequencies.counts):
        return
    growth = heaps(frequencies)
    assert growth.distinct[-1] == pytest.approx(len(frequencies.counts))
    assert growth.forecast_tokens == 10 * counts.total
    part = max(1e-3, 1 / counts.total)
    assert growth.distinct[0] == pytest.approx(sum(1 - (1 - part) ** int(n) for n in frequencies.counts))


def test_forecast_equals_the_distinct_tokens_of_ten_times_the_text():
    path = DATA / "imdb" / "train.tsv.gz"
    if not path.is_file():
        pytest.skip("no IMDB reviews")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        texts = [line.split("\t")[-1] for line in itertools.islice(file, 0, None, 5)]
    forecast = tokemb.report(texts[::10]).heaps.forecast_distinct
    assert forecast == pytest.approx(tokemb.TokenCounts.from_texts(texts).distinct, rel=0.05)


def test_zipf_exponent_of_a_power_law():
    counts = (1e6 / np.arange(1, 2001) ** 1.2).astype(int)
    texts = [[f"w{rank}"] * int(count) for rank, count in enumerate(counts[:200])]
    result = zipf(Frequencies.of_counts(tokemb.TokenCounts.from_texts(texts)))
    assert result.exponent == pytest.approx(1.2, abs=0.01)
    assert result.counts[0] == 1_000_000


def test_scripts_are_those_of_the_first_letter():
    tokens = ["the", "'tis", "不", "ａ", "и", "ไ", "한", "ア", "3rd", "42", "😀", "_", "²", "א", "µm"]
    names, numbers = scripts_of(tokemb.TokenCounts.from_texts([tokens]).tokens)
    assert [names[number] for number in numbers] == [
        *("latin", "latin", "han", "latin", "cyrillic", "thai", "hangul", "katakana", "latin", "digits"),
        *("symbols", "symbols", "digits", "hebrew", "greek"),
    ]


def test_script_table_lists_frequent_and_rare_tokens():
    counts = tokemb.TokenCounts.from_texts(["a a a b b c 不 不 9"])
    latin, han, digits = script_table(Frequencies.of_counts(counts), 2)
    assert (latin.script, latin.tokens, latin.share, latin.once) == ("latin", 3, 6 / 9, 1)
    assert (latin.frequent, latin.rare) == ([("a", 3), ("b", 2)], [("c", 1)])
    assert (han.frequent, han.rare, digits.rare) == ([("不", 2)], [], [])


def test_suggested_selection_covers_the_target():
    texts = [" ".join(f"w{i}" for i in range(1, n)) for n in range(2, 60)]
    result = tokemb.report(texts, coverage=0.9)
    chosen = {item.argument: item.value for item in result.suggestions}
    encoder = tokemb.fit_vocab(texts, max_size=chosen["max_size"], min_count=chosen["min_count"])
    assert encoder.input_dim == chosen["max_size"] + 2
    assert encoder.corpus.coverage >= 0.9
    assert tokemb.fit_vocab(texts, min_count=chosen["min_count"] + 1).corpus.coverage < 0.9
    assert np.mean(encoder.encode_ragged(texts).lengths <= chosen["maxlen"]) >= 0.95


def test_suggestion_leaves_out_tokens_that_occur_once():
    chosen = {item.argument: item.value for item in tokemb.report(["a a b b c d"], coverage=1).suggestions}
    assert (chosen["max_size"], chosen["min_count"]) == (2, 2)
    chosen = {item.argument: item.value for item in tokemb.report(["a b c d"]).suggestions}
    assert (chosen["max_size"], chosen["min_count"]) == (4, 1)


@pytest.mark.parametrize("name", REAL)
def test_report_of_a_vocabulary_equals_that_of_its_counts(name):
    counts = tokemb.TokenCounts.from_texts(CORPORA[name])
    assert tokemb.report(tokemb.fit_vocab(counts)).to_json() == tokemb.report(counts).to_json()
    small = tokemb.report(tokemb.fit_vocab(counts, max_size=50))
    points = {point.size: point for point in tokemb.report(counts).sizes}
    assert small.sizes[-1].coverage == points[50].coverage
    assert small.heaps is None
    assert small.sizes[-1].document_coverage is None
    assert small.distinct == counts.distinct


def test_report_of_subwords_counts_subwords():
    texts = ["low lower lowest slow slower"] * 5
    encoder = tokemb.fit_vocab(texts, algorithm="bpe", max_size=20)
    result = tokemb.report(encoder, on=texts)
    assert result.tokens == encoder.corpus.encoded
    assert result.unit == "words"
    assert [item.argument for item in result.suggestions] == ["output_dim"]
    assert result.drift.verdict == "stable"
    assert result.drift.oov == 0
    with pytest.raises(ArgumentError, match="counts must have the profile of the vocabulary, 'words'"):
        tokemb.report(encoder, on=tokemb.TokenCounts.from_texts(texts, profile="chars"))


def test_psi_equals_its_definition():
    reference, new = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.4, 0.2])
    result = compare("x", ["a", "b", "c"], reference, new, (1000, 1000), (1000, 1000))
    assert result.psi == pytest.approx(-0.1 * np.log(0.8) + 0.1 * np.log(4 / 3))
    assert result.chance == pytest.approx(13.816 * 2 / 1000, rel=0.03)  # the 99.9 % quantile of chi-squared
    assert result.verdict == "stable"


def test_chance_is_exceeded_once_in_a_thousand_samples_of_one_distribution():
    random, shares = np.random.default_rng(0), np.full(10, 0.1)
    exceeded = 0
    for _ in range(4000):
        first, second = random.multinomial(500, shares) / 500, random.multinomial(300, shares) / 300
        exceeded += compare("x", ["b"] * 10, first, second, (500, 300), (500, 300)).exceeds_chance
    assert exceeded <= 20


def halves(texts):
    order = np.random.default_rng(1).permutation(len(texts))
    return [[texts[i] for i in order[start::2]] for start in (0, 1)]


@pytest.mark.parametrize("name", [name for name in REAL if name != "mixed"])
def test_halves_of_a_corpus_do_not_drift(name):
    first, second = halves(CORPORA[name])
    assert tokemb.report(first, on=second).drift.verdict == "stable"


@pytest.mark.parametrize(("old", "new"), [("en", "ru"), ("en", "zh"), ("zh", "th"), ("ar", "hi")])
def test_change_of_language_is_significant_drift(old, new):
    names = [f"xquad.{language}.json.gz" for language in (old, new)]
    passages = corpora(rows=60)
    if not all(name in passages for name in names):
        pytest.skip("no XQuAD passages")
    result = tokemb.report(tokemb.fit_vocab(passages[names[0]]), on=passages[names[1]]).drift
    assert result.verdict == "significant"
    assert result.score() > 0.25
    assert result.oov > 0.5


def test_expected_oov_is_that_of_rows_left_out():
    texts = ["a b", "a a c c", "b a", "d"]
    left_out = 0
    for i, text in enumerate(texts):
        known = set(" ".join(texts[:i] + texts[i + 1 :]).split())
        left_out += sum(word not in known for word in text.split())
    reference = Frequencies.of_counts(tokemb.TokenCounts.from_texts(texts))
    assert drift(reference, reference, 0).expected_oov == left_out / 9


def test_drift_lists_new_and_vanished_tokens():
    result = tokemb.report(["a a b", "a b c"], on=["a d d", "e"], top=1).drift
    assert (result.new_tokens, result.new) == (2, [("d", 2)])
    assert (result.vanished_tokens, result.vanished) == (2, [("b", 2)])
    assert result.oov == 3 / 4
    assert result.mean_length == (3, 2)


def test_drift_of_counts_equals_that_of_texts():
    old, new = ["a b b", "c"] * 30, ["b", "d d"] * 20
    counts = [tokemb.TokenCounts.from_texts(texts) for texts in (old, new)]
    assert tokemb.report(counts[0], on=counts[1]) == tokemb.report(old, on=iter(new))


@pytest.mark.parametrize("on", [[], ["", " "]])
def test_drift_against_an_empty_corpus_raises(on):
    with pytest.raises(TextError, match=f"drift requires at least one token .* the new texts have {len(on)} rows"):
        tokemb.report(["a b"], on=on)


def test_report_without_tokens_raises():
    with pytest.raises(TextError, match="a report requires at least one token; the 2 rows have none"):
        tokemb.report(["", " "])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"coverage": 0}, "coverage must be a number greater than 0 and at most 1; received 0"),
        ({"untruncated": 1.5}, "untruncated must be a number"),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1"),
        ({"top": -1}, "top must be an integer of at least 0"),
        ({"threads": 0}, "threads must be an integer"),
    ],
)
def test_invalid_argument_raises(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        tokemb.report(["a"], **arguments)


def test_arguments_that_contradict_the_source_raise():
    counts = tokemb.TokenCounts.from_texts(["a b"])
    with pytest.raises(ArgumentError, match="profile must be left out or 'words'"):
        tokemb.report(counts, profile="chars")
    with pytest.raises(ArgumentError, match="complete_rows=True requires texts; received counts"):
        tokemb.report(counts, complete_rows=True)
    with pytest.raises(ArgumentError, match="can be read twice"):
        tokemb.report(iter(["a b"]), complete_rows=True)


def test_vocabulary_without_counts_raises():
    foreign = tokemb.Encoder.from_tokenizer(tokenizer_of(tokemb.fit_vocab(["a b"]).specification))
    with pytest.raises(VocabularyError, match="holds no counts"):
        tokemb.report(foreign)


def test_report_can_be_written_as_json():
    result = tokemb.report(["a b", "不 c"], on=["b"], complete_rows=True)
    assert json.loads(json.dumps(result.to_json()))["drift"]["verdict"] == result.drift.verdict


def test_size_curve_of_given_sizes():
    frequencies = Frequencies.of_counts(tokemb.TokenCounts.from_texts(["a a b"]))
    assert [point.coverage for point in size_curve(frequencies, [1, 2], 8)] == [2 / 3, 1]
