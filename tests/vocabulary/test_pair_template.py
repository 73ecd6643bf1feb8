"""Rows of two texts: special tokens, type ids and truncation."""

from __future__ import annotations

import json
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors

import tokemb
from tests.conftest import examples
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.vocabulary.pair_template import PairTemplate

LETTERS = "a b c d u v w"


def bert_like():
    return tokemb.fit_vocab([LETTERS], profile="whitespace", start="[CLS]", end="[SEP]")


def with_processor(processor):
    """Make an encoder with two separators between texts, as an example of a template with a list of tokens."""
    tokenizer = Tokenizer(models.WordLevel({"[PAD]": 0, "<s>": 1, "</s>": 2, "a": 3, "b": 4, "u": 5, "v": 6}))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if processor is not None:
        tokenizer.post_processor = processor
    return tokemb.Encoder.from_tokenizer(tokenizer, pad_token="[PAD]"), tokenizer


def template(pair, ids=(("<s>", 1), ("</s>", 2))):
    return processors.TemplateProcessing(single="<s> $A </s>", pair=pair, special_tokens=list(ids))


def as_tokens(encoder, pairs):
    """Return each row as tokens, with - for padding, and the type ids as digits."""
    tokens = [" ".join(encoder.vocabulary[index] or "-" for index in row) for row in pairs["ids"]]
    return [(row, "".join(map(str, types))) for row, types in zip(tokens, pairs["type_ids"], strict=True)]


# The semantics of KerasHub's MultiSegmentPacker, with the cases that its tests cover.
@pytest.mark.parametrize(
    ("first", "second", "settings", "row", "type_ids"),
    [
        ("a b c", "u v w", {"pair_truncation": "round_robin"}, "[CLS] a b [SEP] u v [SEP]", "0000111"),
        ("a b c", "u v w", {"pair_truncation": "waterfall"}, "[CLS] a b c [SEP] u [SEP]", "0000011"),
        ("a b", "u v w", {"pair_truncation": "waterfall"}, "[CLS] a b [SEP] u v [SEP]", "0000111"),
        (
            "a b c d",
            "u v w",
            {"maxlen": 8, "pair_truncation": "round_robin"},
            "[CLS] a b c [SEP] u v [SEP]",
            "00000111",
        ),
        ("a b c d", "u", {"pair_truncation": "round_robin"}, "[CLS] a b c [SEP] u [SEP]", "0000011"),
        ("a b c d", "u v", {"pair_truncation": "waterfall"}, "[CLS] a b c d [SEP] [SEP]", "0000001"),
        ("a", "u", {}, "[CLS] a [SEP] u [SEP] - -", "0001100"),
        ("a", "u", {"padding": "pre"}, "- - [CLS] a [SEP] u [SEP]", "0000011"),
        ("a", "u v", {"padding": "pre"}, "- [CLS] a [SEP] u v [SEP]", "0000111"),
        ("", "", {}, "[CLS] [SEP] [SEP] - - - -", "0010000"),
        ("a b c", "u v w", {"truncating": "pre"}, "[CLS] b c [SEP] v w [SEP]", "0000111"),
        ("a b c", "u v w", {"maxlen": 12}, "[CLS] a b c [SEP] u v w [SEP] - - -", "000001111000"),
        ("a b c", "u v w", {"maxlen": 3}, "[CLS] [SEP] [SEP]", "001"),
    ],
)
def test_pairs_are_packed_as_by_multi_segment_packer(first, second, settings, row, type_ids):
    encoder = bert_like()
    pairs = encoder.encode_pairs([first], [second], **{"maxlen": 7, **settings})
    assert as_tokens(encoder, pairs) == [(row, type_ids)]
    np.testing.assert_array_equal(pairs["attention_mask"], pairs["ids"] != 0)


@pytest.mark.parametrize(
    ("padding", "row", "type_ids"),
    [("post", "<s> a </s> </s> u v </s> [PAD]", "00001110"), ("pre", "[PAD] <s> a </s> </s> u v </s>", "00000111")],
)
def test_several_tokens_can_be_between_the_texts(padding, row, type_ids):
    encoder, _ = with_processor(template("<s> $A </s> </s> $B:1 </s>:1"))
    pairs = encoder.encode_pairs(["a"], ["u v"], maxlen=8, padding=padding)
    assert as_tokens(encoder, pairs) == [(row, type_ids)]


@pytest.mark.parametrize(("tokens", "row"), [({"start": "<"}, "< a u"), ({"end": ">"}, "a > u >"), ({}, "a u")])
def test_vocabulary_with_one_or_no_special_token_has_type_ids(tokens, row):
    encoder = tokemb.fit_vocab([LETTERS], profile="whitespace", **tokens)
    [(found, type_ids)] = as_tokens(encoder, encoder.encode_pairs(["a"], ["u"]))
    assert (found, type_ids) == (row, "0" * row.split().index("u") + "1" * row[row.index("u") :].count(" ") + "1")


@pytest.mark.parametrize(
    "processor",
    [
        None,
        processors.BertProcessing(("</s>", 2), ("<s>", 1)),
        processors.RobertaProcessing(("</s>", 2), ("<s>", 1)),
        processors.ByteLevel(),
        processors.Sequence([processors.ByteLevel(), template("<s> $A </s> $B:1")]),
        processors.Sequence([processors.ByteLevel()]),
        template("$B:2 <s>:5 $A:3 </s>"),
        template("$A $B <s>:7"),
    ],
    ids=str,
)
@pytest.mark.parametrize("padding", [("right", "post"), ("left", "pre")])
def test_every_post_processor_gives_the_rows_of_tokenizers(processor, padding):
    encoder, tokenizer = with_processor(processor)
    first, second = ["a b a", "", "b", "a b a b a"], ["u v", "v", "", "u u u u"]
    tokenizer.enable_truncation(7)
    tokenizer.enable_padding(length=9, direction=padding[0], pad_type_id=4)
    expected = tokenizer.encode_batch(list(zip(first, second, strict=True)))
    encoder = tokemb.Encoder.from_tokenizer(tokenizer)  # which knows the type id of padding
    pairs = encoder.encode_pairs(first, second)
    for name in ("ids", "type_ids", "attention_mask"):
        assert pairs[name].tolist() == [getattr(row, name) for row in expected]


def test_rows_of_tokens_are_looked_up_unchanged():
    encoder = bert_like()
    assert as_tokens(encoder, encoder.encode_pairs([["a", "b"]], [["u"]])) == [("[CLS] a b [SEP] u [SEP]", "000011")]


@pytest.mark.parametrize(
    "processor",
    [
        {"type": "Unheard"},
        {"type": "TemplateProcessing", "pair": [{"Sequence": {"id": "A", "type_id": 0}}], "special_tokens": {}},
        {"type": "Sequence", "processors": 2 * [{"type": "BertProcessing", "cls": ["c", 1], "sep": ["s", 2]}]},
        {"type": "BertProcessing", "cls": ["c", -1], "sep": ["s", 2]},
        {"type": "TemplateProcessing"},
    ],
    ids=str,
)
def test_unsupported_post_processor_is_an_error(processor):
    with pytest.raises(VocabularyError, match="post-processor|do not fit int32"):
        PairTemplate.of({"post_processor": processor})


def test_special_token_beyond_the_vocabulary_is_an_error():
    encoder, _ = with_processor(template("<s> $A </s> $B", [("<s>", 1), ("</s>", 99)]))
    assert encoder.input_dim == 100  # </s> follows a single text, too
    encoder, _ = with_processor(
        processors.TemplateProcessing(single="$A", pair="$A </s> $B", special_tokens=[("</s>", 99)])
    )
    with pytest.raises(VocabularyError, match="must have ids below 7, the input_dim"):
        encoder.encode_pairs(["a"], ["u"])


def test_saved_strategy_is_the_default_and_single_texts_are_truncated(tmp_path):
    encoder, tokenizer = with_processor(template("<s> $A </s> $B:1"))
    tokenizer.enable_truncation(5, strategy="only_second")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    encoder = tokemb.Encoder.load(tmp_path / "tokenizer.json")
    assert encoder.encode_ragged(["a b a b a"])[0].tolist() == [1, 3, 4, 3, 2]
    encoder = tokemb.Encoder.from_tokenizer(tmp_path / "tokenizer.json", pad_token="[PAD]")
    assert encoder.encode_pairs(["a b"], ["u v u"])["ids"].tolist() == [[1, 3, 4, 2, 5]]
    assert encoder.encode_pairs(["a b"], ["u v u"], pair_truncation="waterfall")["ids"].tolist() == [[1, 3, 4, 2, 5]]
    encoder.save(tmp_path / "v")
    assert json.loads((tmp_path / "v" / "tokenizer.json").read_text())["truncation"]["strategy"] == "OnlySecond"


@pytest.mark.parametrize(
    ("columns", "settings", "message"),
    [
        ((["a", "b"], ["u"]), {}, "same number of texts; first has more than the 1 of second"),
        (([], ["u"]), {}, "same number of texts; second has more than the 0 of first"),
        ((["a"], "u"), {}, "must be a column of texts, not one str"),
        ((["a"], ["u"]), {"pair_truncation": "both"}, "pair_truncation must be one of longest_first, only_first"),
        ((["a"], ["u"]), {"maxlen": 2}, "maxlen must be at least 3, the number of special tokens"),
        ((["a"], ["u v w"]), {"maxlen": 5, "pair_truncation": "only_first"}, "text of pair number 1 alone fills the 2"),
        ((["a"], ["u"]), {"padding": "left"}, "padding must be one of pre, post"),
    ],
)
def test_pairs_that_cannot_be_encoded_are_errors(columns, settings, message):
    with pytest.raises((ArgumentError, tokemb.errors.TextTypeError), match=message):
        bert_like().encode_pairs(*columns, **settings)


def test_ngrams_are_refused():
    with pytest.raises(ArgumentError, match="n-grams cannot be encoded as pairs"):
        tokemb.fit_vocab(["a b"], ngrams=2).encode_pairs(["a"], ["b"])


def test_many_pairs_in_batches_of_different_sizes_are_those_of_few(monkeypatch):
    encoder = bert_like()
    first, second = [" ".join(LETTERS[: 2 * (i % 7) + 1]) for i in range(50)], [LETTERS[: i % 13] for i in range(50)]
    expected = encoder.encode_pairs(first, second, maxlen=9)
    monkeypatch.setattr("tokemb.sources.texts.BATCH_BYTES", 30)
    monkeypatch.setattr("tokemb.sources.texts._ROWS_AT_ONCE", 2)
    for threads in (1, 3):
        pairs = encoder.encode_pairs(iter(first), np.array(second), maxlen=9, threads=threads)
        for name, array in expected.items():
            np.testing.assert_array_equal(pairs[name], array)


@pytest.fixture(scope="module")
def encoders():
    texts = ["a b c d u v w x y z abc uvw"] * 3
    settings = {"start": "[CLS]", "end": "[SEP]"}
    return [
        tokemb.fit_vocab(texts, **settings),
        tokemb.fit_vocab(texts, profile="keras", oov=False),
        tokemb.fit_vocab(texts, algorithm="bpe", max_size=20, **settings),
    ]


@examples(25)
@given(
    lengths=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=12),
    word=st.sampled_from(["a ", "abc uvw ", "new " * 2 + "a ", "\U0001f642 學"]),
    maxlen=st.integers(3, 24),
    pair_truncation=st.sampled_from(["longest_first", "round_robin", "waterfall", "only_first"]),
    truncating=st.sampled_from(["pre", "post", "post"]),
    number=st.integers(0, 2),
)
def test_long_texts_that_are_not_read_to_their_end_are_truncated_as_whole_ones(
    encoders, lengths, word, maxlen, pair_truncation, truncating, number
):
    encoder = encoders[number]
    first, second = ([word * pair[side] for pair in lengths] for side in (0, 1))
    settings = {"maxlen": maxlen, "truncating": truncating, "pair_truncation": pair_truncation}
    shape = encoder.pair_pad_truncate(maxlen, None, truncating, pair_truncation)
    columns = [pa.array(texts, pa.large_string()) for texts in (first, second)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tokemb.engine.SMALL_BYTES", 0)
        try:
            whole, first_lengths = encoder.encode_column_pairs(*columns, shape)
        except ArgumentError as error:
            with pytest.raises(ArgumentError, match=re.escape(str(error))):
                encoder.encode_pairs(first, second, **settings)
            return
        pairs = encoder.encode_pairs(first, second, **settings)
    np.testing.assert_array_equal(pairs["ids"], shape.pad(whole.rows, 0))
    type_ids = encoder.pair_template.padded_masks(first_lengths, whole.rows.lengths, maxlen).type_ids
    np.testing.assert_array_equal(pairs["type_ids"], type_ids)
