"""Whatever the profile, the model or the file: the ids are those of `tokenizers`."""

from __future__ import annotations

import functools
import tempfile
from itertools import cycle, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

import tokemb
from tests.conftest import CORPORA, EXAMPLES, MIXED, ROOT, TOKENIZERS, examples
from tokemb.errors import ArgumentError
from tokemb.vocabulary.profiles import PROFILES

pytestmark = pytest.mark.slow

COMBINATIONS = [
    (profile, algorithm)
    for profile in PROFILES
    for algorithm in ("word", "bpe", "wordpiece", "unigram")
    if algorithm == "word" or profile != "chars"
]
SETTINGS = [
    {},
    {"maxlen": 8},
    {"maxlen": 8, "padding": "pre", "truncating": "pre"},
    {"maxlen": 1, "padding": "pre", "truncating": "post"},
]
# Characters that trouble splitting: unusual cases and spaces, controls, joiners, marks, astral planes, parts of tokens.
NASTY = st.text(
    "aAbΣσςİıßŉǅ'’ \t\n\r\x00\x1f\x85\xa0\u3000\u200b\u200c\u200d\ufe0f\u0301\u0308\u20e3"
    "中カー한กีहि🙂🏽▁#[]UNKPAD<s>.-_1½²"
)
TEXTS = st.lists(st.text() | NASTY | st.sampled_from(MIXED), max_size=5)


@functools.cache
def fitted(profile, algorithm):
    """An encoder, and the tokenizer in the file that it saves."""
    encoder = tokemb.fit_vocab(MIXED, profile=profile, algorithm=algorithm, max_size=500, reserve=["[BOS]"])
    with tempfile.TemporaryDirectory() as folder:
        encoder.save(Path(folder) / "v")
        reference = Tokenizer.from_file(f"{folder}/v/tokenizer.json")
    reference.no_padding()
    return encoder, reference


# By default, every setting with every profile and with every algorithm, but not with all pairs of these.
SAVED = [
    (profile, algorithm, settings)
    for profile, algorithm in COMBINATIONS
    for settings in SETTINGS
    if not settings or profile == "words" or algorithm == "word" or EXAMPLES > 1
]


@pytest.mark.parametrize(("profile", "algorithm", "settings"), SAVED, ids=str)
def test_saved_tokenizer_json_gives_the_same_ids_in_tokenizers(tmp_path, profile, algorithm, settings):
    encoder = tokemb.fit_vocab(MIXED, profile=profile, algorithm=algorithm, max_size=500, **settings)
    encoder.save(tmp_path / "v")
    reloaded = tokemb.Encoder.load(tmp_path / "v")
    reference = Tokenizer.from_file(str(tmp_path / "v" / "tokenizer.json"))
    for corpus in CORPORA.values():
        texts = corpus[::3] if settings else corpus  # which differ in nothing but how rows are cut and padded
        expected = [encoding.ids for encoding in reference.encode_batch(texts)]
        ids = encoder.encode(texts)
        assert ids.dtype == np.int32
        assert ids.tolist() == expected
        np.testing.assert_array_equal(reloaded.encode(texts), ids)


@pytest.mark.parametrize(("profile", "algorithm"), COMBINATIONS)
@given(texts=TEXTS)
def test_encoder_gives_the_ids_of_tokenizers_for_any_text(profile, algorithm, texts):
    encoder, reference = fitted(profile, algorithm)
    rows = encoder.encode_ragged(texts)
    assert [row.tolist() for row in rows] == [encoding.ids for encoding in reference.encode_batch(texts)]
    assert 0 not in rows.values  # padding
    for text, row in zip(texts, rows, strict=True):  # the other texts make no difference
        assert encoder.encode_ragged([text])[0].tolist() == row.tolist()


@pytest.mark.parametrize("profile", PROFILES)
def test_vocabulary_equals_that_of_the_word_level_trainer(profile, corpus):
    from tokenizers.models import WordLevel
    from tokenizers.trainers import WordLevelTrainer

    splitting = PROFILES[profile]
    trained = Tokenizer(WordLevel({}, unk_token="[UNK]"))
    if splitting.normalizer:
        trained.normalizer = splitting.normalizer
    trained.pre_tokenizer = splitting.pre_tokenizer
    trainer = WordLevelTrainer(vocab_size=10**6, min_frequency=2, special_tokens=["", "[UNK]"], show_progress=False)
    texts = [*corpus, *corpus[::3]]  # in a few Thai messages no text occurs twice
    trained.train_from_iterator(texts, trainer)
    vocabulary = tokemb.fit_vocab(texts, profile=profile, min_count=2).vocabulary
    if splitting.ties == "ascending":  # the trainer's own order
        assert vocabulary == sorted(trained.get_vocab(), key=trained.get_vocab().__getitem__)
    assert set(vocabulary) == set(trained.get_vocab())


def test_bert_profile_splits_as_the_bert_of_tokenizers(corpus):
    """`tokenizers`' own BERT: its components, taken from its own class."""
    from tokenizers.implementations import BertWordPieceTokenizer

    original = BertWordPieceTokenizer()
    splitting = PROFILES["bert"]
    for text in corpus:
        normal = original.normalize(text)
        assert splitting.normalizer.normalize_str(text) == normal
        expected = original._tokenizer.pre_tokenizer.pre_tokenize_str(normal)
        assert splitting.pre_tokenizer.pre_tokenize_str(normal) == expected


def _loadable():
    for path in sorted(TOKENIZERS.glob("*/tokenizer.json")) if TOKENIZERS.is_dir() else ():
        try:
            Tokenizer.from_file(str(path))
        except Exception:  # noqa: S112 - two files are there because nobody can load them
            continue
        yield path


FOREIGN = list(_loadable())
foreign = pytest.mark.parametrize("path", FOREIGN, ids=lambda path: path.parent.name)


@functools.cache
def _foreign(path):
    """An encoder, and a tokenizer that does not pad; both take their time to load."""
    reference = Tokenizer.from_file(str(path))
    reference.no_padding()
    return tokemb.Encoder.load(path), reference


@foreign
def test_foreign_file_gives_the_ids_of_tokenizers_for_real_texts(path):
    reference = Tokenizer.from_file(str(path))
    encoder, _ = _foreign(path)
    vocabulary = reference.get_vocab(with_added_tokens=True)
    assert encoder.input_dim == max(vocabulary.values()) + 1
    assert all(encoder.vocabulary[index] == token for token, index in vocabulary.items())
    padding = reference.padding
    for corpus in CORPORA.values():
        expected = [encoding.ids for encoding in reference.encode_batch(corpus)]
        if padding is None:
            assert [row.tolist() for row in encoder.encode_ragged(corpus)] == expected
        else:
            # Where the file pads to a fixed length and does not truncate, `tokenizers` leaves longer rows longer.
            length = max(map(len, expected))
            expected = [row + [padding["pad_id"]] * (length - len(row)) for row in expected]
            assert encoder.encode(corpus).tolist() == expected


@foreign
def test_maxlen_leaves_room_for_special_tokens(path):
    encoder, reference = _foreign(path)
    before = reference.truncation
    try:
        for direction, truncating in (("right", "post"), ("left", "pre")):
            reference.enable_truncation(6, direction=direction)
            for corpus in CORPORA.values():
                expected = [encoding.ids for encoding in reference.encode_batch(corpus)]
                rows = encoder.encode_ragged(corpus, maxlen=6, truncating=truncating)
                assert [row.tolist() for row in rows] == expected
    finally:
        reference.enable_truncation(**before) if before else reference.no_truncation()


@foreign
@given(texts=TEXTS)
def test_foreign_file_gives_the_ids_of_tokenizers_for_any_text(path, texts):
    encoder, reference = _foreign(path)
    assert [row.tolist() for row in encoder.encode_ragged(texts)] == [e.ids for e in reference.encode_batch(texts)]


VOCABULARIES = sorted((ROOT / "vocab").glob("*.vocab/tokenizer.json"))
PAIR_SETTINGS = st.fixed_dictionaries(
    {
        "maxlen": st.none() | st.integers(1, 14),
        "padding": st.sampled_from(["post", "pre"]),
        "truncating": st.sampled_from(["post", "pre"]),
        "pair_truncation": st.sampled_from(["longest_first", "only_first", "only_second"]),
    }
)
SIDES = {"post": "right", "pre": "left"}
pairs_of_files = pytest.mark.parametrize("path", [*FOREIGN, *VOCABULARIES], ids=lambda path: path.parent.name)


@functools.cache
def _pair_encoder(path):
    """Return an encoder with a padding id, and a tokenizer."""
    encoder = tokemb.Encoder.load(path.parent) if path in VOCABULARIES else _foreign(path)[0]
    reference = Tokenizer.from_file(str(path))  # another one, whose padding and truncation tests may change
    if encoder.pad_id is None:
        encoder = tokemb.Encoder.from_tokenizer(path, pad_token=encoder.vocabulary[3])
    return encoder, reference


def assert_same_pairs(path, pairs, settings):
    """Compare pairs with those of `tokenizers`, which has no message for pairs that cannot be truncated."""
    encoder, reference = _pair_encoder(path)
    if not encoder.oov:  # a tokenizer.json cannot express that tokens are dropped
        pairs = [tuple(encoder.decode(encoder.encode_ragged(pair))) for pair in pairs]
    columns = [list(column) for column in zip(*pairs, strict=True)] or [[], []]
    saved = encoder.pad_truncate(None, None, None)
    maxlen = settings["maxlen"] = settings["maxlen"] or saved.truncate_to or saved.pad_to
    reference.no_truncation()
    if maxlen:
        side = SIDES[settings["truncating"]]
        if maxlen < reference.num_special_tokens_to_add(True):
            with pytest.raises(ArgumentError, match="maxlen must be at least"):
                encoder.encode_pairs(*columns, **settings)
            return
        reference.enable_truncation(maxlen, direction=side, strategy=settings["pair_truncation"])
    reference.enable_padding(direction=SIDES[settings["padding"]], length=maxlen, pad_id=encoder.pad_id)
    try:
        expected = reference.encode_batch(pairs)
    except Exception:
        with pytest.raises(ArgumentError, match="must leave at least one id"):
            encoder.encode_pairs(*columns, **settings)
        return
    encoded = encoder.encode_pairs(*columns, **settings)
    assert list(encoded) == ["ids", "type_ids", "attention_mask"]
    for name, array in encoded.items():
        assert array.dtype == (np.bool_ if name == "attention_mask" else np.int32)
        assert array.tolist() == [getattr(encoding, name) for encoding in expected], name


@pairs_of_files
def test_pairs_of_real_texts_are_those_of_tokenizers(path):
    choices = product(["longest_first", "only_second", "only_first"], ["post", "pre"], ["post", "pre"], [None, 40, 9])
    for corpus, (strategy, truncating, padding, maxlen) in zip(CORPORA.values(), cycle(choices), strict=False):
        pairs = list(zip(corpus[::4], corpus[1::4], strict=False))
        settings = {"pair_truncation": strategy, "truncating": truncating, "padding": padding, "maxlen": maxlen}
        assert_same_pairs(path, pairs, settings)


@pairs_of_files
@examples(8)
@given(pairs=st.lists(st.tuples(NASTY, NASTY | st.sampled_from(MIXED)), max_size=4), settings=PAIR_SETTINGS)
def test_pairs_of_any_texts_are_those_of_tokenizers(path, pairs, settings):
    assert_same_pairs(path, pairs, settings)


@foreign
def test_foreign_vocabulary_decodes_as_tokenizers_after_it_is_saved(path, tmp_path):
    encoder, reference = _foreign(path)
    encoder.save(tmp_path / "v")
    reloaded = tokemb.Encoder.load(tmp_path / "v")
    assert reloaded.fingerprint == encoder.fingerprint
    rows = reloaded.encode_ragged(MIXED)
    np.testing.assert_array_equal(rows.values, encoder.encode_ragged(MIXED).values)
    if encoder.pad_id != encoder.unk_id:
        assert reloaded.decode(rows) == reference.decode_batch(
            [[i for i in row.tolist() if i != encoder.pad_id] for row in rows]
        )
