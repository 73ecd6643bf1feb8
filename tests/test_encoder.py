from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

import tokemb
from tests.conftest import MIXED
from tokemb import Encoder, Ragged

EMPTY = ({}, {"maxlen": 3}, {"maxlen": 3, "padding": "pre"})


def test_the_example_of_the_articles():
    """Index "deep learning is very deep" as 1 2 3 4 1, and embed it with six latent factors a word."""
    text = ["deep learning is very deep"]
    encoder = tokemb.fit_vocab(text, profile="keras", oov=False)
    assert encoder.encode(text).tolist() == [[1, 2, 3, 4, 1]]
    assert tokemb.fit_vocab(text).encode(text).tolist() == [[2, 4, 3, 5, 2]]

    matrix = np.arange(encoder.input_dim * 6, dtype=np.float32).reshape(-1, 6)
    model = tokemb.embedding_model(encoder, output_dim=6, vectors=matrix)
    ids = encoder.encode(text)
    vectors = tokemb.embed(model, ids)
    assert vectors.shape == (1, 5, 6)
    np.testing.assert_array_equal(vectors[0], matrix[[1, 2, 3, 4, 1]])
    one_hot = np.eye(encoder.input_dim, dtype=np.float32)[ids]
    np.testing.assert_array_equal(vectors, one_hot @ matrix)
    assert (ids.nbytes, one_hot.nbytes) == (20, 100)


@pytest.mark.parametrize("settings", EMPTY, ids=str)
def test_an_empty_text_is_a_row_of_padding_and_no_text_no_row(settings):
    encoder = tokemb.fit_vocab(["a b"])
    assert encoder.encode(["", "a", " "], **settings).shape == (3, settings.get("maxlen", 1))
    assert not encoder.encode(["", "a", " "], **settings)[[0, 2]].any()
    assert encoder.encode([], **settings).shape == (0, settings.get("maxlen", 0))
    assert encoder.encode([""], **settings).shape == (1, settings.get("maxlen", 0))
    assert len(encoder.encode_ragged([])) == 0


def test_settings_are_the_vocabularys_unless_told():
    encoder = tokemb.fit_vocab(["a b c"], maxlen=2, padding="pre", truncating="pre")
    assert (encoder.maxlen, encoder.padding, encoder.truncating) == (2, "pre", "pre")
    assert encoder.encode(["a b c", "a"]).tolist() == [[3, 4], [0, 2]]
    assert encoder.encode(["a b c", "a"], maxlen=3, padding="post").tolist() == [[2, 3, 4], [2, 0, 0]]
    assert encoder.encode(["a b c", "a"], truncating="post").tolist() == [[2, 3], [0, 2]]
    assert [row.tolist() for row in encoder.encode_ragged(["a b c", "a"])] == [[3, 4], [2]]
    with pytest.raises(tokemb.TokembError, match="maxlen must be a whole number of at least 1"):
        encoder.encode(["a"], maxlen=0)


def test_rows_of_tokens_are_looked_up_as_they_are():
    encoder = tokemb.fit_vocab(["a b", "a"], reserve=["[BOS]"])
    rows = [["[BOS]", "A", "a", "", "b"], [], ["[UNK]", "a b"]]
    expected = [[2, 1, 3, 1, 4], [], [1, 1]]
    for tokens in (rows, pa.array(rows), pa.array(rows, pa.large_list(pa.large_string()))):
        assert [row.tolist() for row in encoder.encode_ragged(tokens)] == expected
    assert encoder.encode(rows).tolist() == [[2, 1, 3, 1, 4], [0] * 5, [1, 1, 0, 0, 0]]


def test_without_oov_unknown_tokens_go():
    encoder = tokemb.fit_vocab(["a b"], profile="keras", oov=False, maxlen=2)
    assert (encoder.unk_id, encoder.input_dim, encoder.oov) == (None, 3, False)
    assert encoder.encode(["x a y b z a", "x"]).tolist() == [[1, 2], [0, 0]]
    assert [row.tolist() for row in encoder.encode_ragged([["x", "b", "", "\t"]])] == [[2]]
    batch = next(encoder.encode_batches(["x a y b a b"], encoder.row_shape(None, None, None)))
    assert (batch.rows[0].tolist(), batch.tokens, batch.unknown, batch.truncated) == ([1, 2], 6, 2, 1)


def test_a_vocabulary_without_oov_whose_tokens_are_tabs():
    encoder = tokemb.fit_vocab([["\t", "a"], ["\t\t"]], profile="keras", oov=False)
    assert encoder.encode(["a b"]).tolist() == [[2]]


@given(st.lists(st.text("ab c."), max_size=5))
def test_decode_goes_back(texts):
    encoder = tokemb.fit_vocab(["a b c"], profile="whitespace")
    known = [" ".join(token if token in {"a", "b", "c"} else "[UNK]" for token in text.split()) for text in texts]
    ids = encoder.encode(texts)
    assert encoder.decode(ids) == known
    assert encoder.decode(encoder.encode_ragged(texts)) == known
    assert encoder.decode(ids.tolist()) == known
    assert encoder.decode(encoder.encode(texts, padding="pre", maxlen=20)) == known


@pytest.mark.parametrize("model", ["bpe", "wordpiece", "unigram"])
def test_subwords_decode_to_words(model):
    text = "deep learning is very deep and very learned"
    encoder = tokemb.fit_vocab([text] * 3, model=model, max_size=40)
    assert encoder.decode(encoder.encode([text])) == [text]


def test_chars_decode_without_spaces():
    encoder = tokemb.fit_vocab(["a b\n中"], profile="chars")
    assert encoder.decode(encoder.encode(["b a\n中"])) == ["b a\n中"]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([[4]], "ids must be from 0 to 3, the vocabulary's; received 4"),
        ([[-1, 2]], "received -1"),
        ([2, 3], r"received \[2, 3\]"),
        (np.array([2, 3]), r"ids must be an integer array \(rows, maxlen\); received shape \(2,\)"),
        (np.array([[1.5]]), "received dtype float64"),
    ],
)
def test_decode_refuses_what_are_no_ids(ids, message):
    with pytest.raises(tokemb.TokembError, match=message):
        tokemb.fit_vocab(["a b"]).decode(ids)


def test_the_folder_holds_what_it_says(tmp_path):
    encoder = tokemb.fit_vocab(["a b b", "b c"], max_size=2, reserve=["[BOS]"], maxlen=4)
    encoder.save(tmp_path / "v")
    assert sorted(path.name for path in (tmp_path / "v").iterdir()) == [
        "tokemb.json",
        "tokenizer.json",
        "vocabulary.parquet",
    ]
    assert pq.read_table(tmp_path / "v" / "vocabulary.parquet").to_pylist() == [
        {"id": 0, "token": "", "count": None, "documents": None},
        {"id": 1, "token": "[UNK]", "count": None, "documents": None},
        {"id": 2, "token": "[BOS]", "count": None, "documents": None},
        {"id": 3, "token": "b", "count": 3, "documents": 2},
        {"id": 4, "token": "a", "count": 1, "documents": 1},
    ]
    metadata = json.loads((tmp_path / "v" / "tokemb.json").read_text())
    assert metadata["format_version"] == 1
    assert metadata["settings"] == {"max_size": 2, "min_count": 1, "reserve": ["[BOS]"]}
    assert metadata["corpus"]["row_lengths"] == [[2, 1], [3, 1]]


def test_a_reloaded_encoder_is_the_same(tmp_path):
    encoder = tokemb.fit_vocab(
        MIXED, profile="keras", oov=False, max_size=50, min_count=1, maxlen=5, padding="pre", truncating="pre"
    )
    encoder.save(tmp_path / "v")
    again = Encoder.load(str(tmp_path / "v"))
    for name in (
        "vocabulary input_dim pad_id unk_id profile model oov settings corpus maxlen padding truncating fingerprint"
    ).split():
        assert getattr(again, name) == getattr(encoder, name), name
    assert again.table.equals(encoder.table)
    np.testing.assert_array_equal(again.encode(MIXED), encoder.encode(MIXED))
    again.save(tmp_path / "w")
    for path in (tmp_path / "v").iterdir():
        assert path.read_bytes() == (tmp_path / "w" / path.name).read_bytes()


def test_the_fingerprint_is_of_the_ids_alone():
    texts = ["a b b", "b c"]
    encoder = tokemb.fit_vocab(texts)
    assert tokemb.fit_vocab(texts, maxlen=3, padding="pre").fingerprint == encoder.fingerprint
    assert tokemb.fit_vocab([*texts, "a a a"]).fingerprint != encoder.fingerprint
    assert tokemb.fit_vocab(texts, profile="whitespace").fingerprint != encoder.fingerprint
    assert tokemb.fit_vocab(texts, reserve=["x"]).fingerprint != encoder.fingerprint


@pytest.fixture
def folder(tmp_path):
    tokemb.fit_vocab(["a b b", "b c"]).save(tmp_path / "v")
    return tmp_path / "v"


def _edit(path, old, new):
    content = path.read_text("utf-8")
    assert old in content
    path.write_text(content.replace(old, new), "utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: shutil.rmtree(v), "there is no vocabulary at"),
        (lambda v: (v / "tokemb.json").unlink(), "is not a vocabulary folder: it holds no tokemb.json"),
        (lambda v: (v / "tokenizer.json").unlink(), "lacks its tokenizer.json"),
        (lambda v: (v / "vocabulary.parquet").unlink(), "lacks its vocabulary.parquet"),
        (lambda v: _edit(v / "tokenizer.json", '"b": 2', '"b": 3'), "tokenizer.json was changed after"),
        (lambda v: (v / "vocabulary.parquet").write_bytes(b"PAR1"), "vocabulary.parquet was changed after"),
        (lambda v: _edit(v / "tokemb.json", '"oov": true', '"oov": false'), "tokemb.json was changed after"),
        (lambda v: _edit(v / "tokemb.json", '"format_version": 1', '"format_version": 2'), "written by a newer tokemb"),
        (lambda v: _edit(v / "tokemb.json", '"format_version": 1', '"format_version": "x"'), "names no format_version"),
        (lambda v: (v / "tokemb.json").write_text("{"), "tokemb.json is not JSON"),
        (lambda v: (v / "tokemb.json").write_text("[]"), "holds a JSON list, not an object"),
        (lambda v: [path.unlink() for path in v.iterdir()], "holds no tokenizer.json"),
    ],
)
def test_a_broken_folder_says_what_is_wrong(folder, change, message):
    change(folder)
    with pytest.raises(tokemb.TokembError, match=message):
        Encoder.load(folder)


def test_save_replaces_a_vocabulary_and_nothing_else(tmp_path):
    first, second = tokemb.fit_vocab(["a"]), tokemb.fit_vocab(["b c"])
    first.save(tmp_path / "v")
    second.save(tmp_path / "v")
    assert Encoder.load(tmp_path / "v").vocabulary == second.vocabulary
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    (tmp_path / "file").write_text("x")
    for name in ("mine", "file"):
        with pytest.raises(FileExistsError, match="something else is there already"):
            first.save(tmp_path / name)
    with pytest.raises(NotADirectoryError, match="the output's folder does not exist"):
        first.save(tmp_path / "no" / "v")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "mine", "v"]


def test_from_tokenizer(tmp_path):
    saved = tokemb.fit_vocab(["a b"], maxlen=3)
    saved.save(tmp_path / "v")
    tokenizer = Tokenizer.from_file(str(tmp_path / "v" / "tokenizer.json"))
    for encoder in (
        Encoder.from_tokenizer(tokenizer),
        Encoder.from_tokenizer(tmp_path / "v" / "tokenizer.json"),
        Encoder.load(tmp_path / "v" / "tokenizer.json"),
    ):
        assert (encoder.profile, encoder.pad_id, encoder.unk_id, encoder.maxlen) == (None, 0, 1, 3)
        assert encoder.encode(["b x"]).tolist() == [[3, 1, 0]]
        assert encoder.fingerprint == saved.fingerprint
        assert encoder.table["count"].null_count == encoder.input_dim
    (tmp_path / "hub").mkdir()
    shutil.copy(tmp_path / "v" / "tokenizer.json", tmp_path / "hub")
    assert Encoder.load(tmp_path / "hub").fingerprint == saved.fingerprint


def test_a_tokenizer_without_padding_says_how_to_pad():
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    tokenizer = Tokenizer(WordLevel({"a": 0, "<end>": 1, "<unk>": 2}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    encoder = Encoder.from_tokenizer(tokenizer)
    assert encoder.encode_ragged(["a z"])[0].tolist() == [0, 2]
    with pytest.raises(tokemb.TokembError, match="names no padding token: use encode_ragged, or"):
        encoder.encode(["a"])
    padded = Encoder.from_tokenizer(tokenizer, pad_token="<end>")
    assert padded.encode(["a z", "a"]).tolist() == [[0, 2], [0, 1]]
    with pytest.raises(tokemb.TokembError, match="pad_token must be a token of the vocabulary; received 'x'"):
        Encoder.from_tokenizer(tokenizer, pad_token="x")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}", "is not a tokenizer.json that the tokenizers library can load"),
        (b"", "is not a tokenizer.json that"),
        (b"\xff\xfe", "it is not UTF-8 text"),
        (b'["a", "b"]', "is not a tokenizer.json that"),
    ],
)
def test_files_that_are_no_tokenizer(tmp_path, content, message):
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(tokemb.TokembError, match=message):
        Encoder.load(tmp_path / "tokenizer.json")


def test_special_tokens_need_room_and_have_their_place():
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from tokenizers.processors import TemplateProcessing

    tokenizer = Tokenizer(WordLevel({"[PAD]": 0, "<s>": 1, "</s>": 2, "a": 3}, unk_token="[PAD]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.post_processor = TemplateProcessing(
        single="<s> <s> $A </s>", pair="$A $B", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    encoder = Encoder.from_tokenizer(tokenizer)
    assert encoder.encode(["a a", "", "a a a a"], maxlen=5).tolist() == [
        [1, 1, 3, 3, 2],
        [1, 1, 2, 0, 0],
        [1, 1, 3, 3, 2],
    ]
    with pytest.raises(tokemb.TokembError, match="maxlen must be at least 3, the special tokens around every row"):
        encoder.encode(["a"], maxlen=2)
    tokenizer.post_processor = TemplateProcessing(single="$A <s> $A", pair="$A $B", special_tokens=[("<s>", 1)])
    with pytest.raises(tokemb.TokembError, match="does more than put fixed ids around a text"):
        Encoder.from_tokenizer(tokenizer)


def test_wrong_kinds_of_tokenizer():
    with pytest.raises(tokemb.TokembError, match="tokenizer must be a tokenizers.Tokenizer or a pathlib.Path"):
        Encoder.from_tokenizer("tokenizer.json")


def test_one_row_of_many_megabytes():
    encoder = tokemb.fit_vocab(["a b"])
    rows = encoder.encode_ragged(["a b " * 1_000_000, "b"])
    assert rows.lengths.tolist() == [2_000_000, 1]


def test_ragged_of_every_batch(monkeypatch):
    from tokemb import texts

    encoder = tokemb.fit_vocab(MIXED)
    whole = encoder.encode_ragged(MIXED)
    monkeypatch.setattr(texts, "BATCH_BYTES", 40)
    parts = encoder.encode_ragged(MIXED)
    assert isinstance(parts, Ragged)
    np.testing.assert_array_equal(parts.values, whole.values)
    np.testing.assert_array_equal(parts.row_splits, whole.row_splits)


def test_save_never_takes_other_files_along(tmp_path):
    """Neither those in a vocabulary folder, nor a folder that happens to hold a tokemb.json."""
    encoder = tokemb.fit_vocab(["a"])
    encoder.save(tmp_path / "v")
    (tmp_path / "v" / "corpus.txt").write_text("mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "tokemb.json").write_text("{}")
    for name in ("v", "mine"):
        with pytest.raises(FileExistsError, match="something else is there already"):
            tokemb.fit_vocab(["b"]).save(tmp_path / name)
    assert (tmp_path / "v" / "corpus.txt").read_text() == "mine"
    assert Encoder.load(tmp_path / "v").vocabulary == encoder.vocabulary
    assert (tmp_path / "mine" / "tokemb.json").read_text() == "{}"


def test_permissions_are_kept(tmp_path):
    encoder = tokemb.fit_vocab(["a"])
    encoder.save(tmp_path / "v")
    (tmp_path / "v").chmod(0o700)
    encoder.save(tmp_path / "v")
    assert (tmp_path / "v").stat().st_mode & 0o777 == 0o700


def _word_level(vocabulary, **parts):
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    for name, part in parts.items():
        setattr(tokenizer, name, part)
    return tokenizer


def test_two_tokens_of_one_id(tmp_path):
    tokenizer = _word_level({"<unk>": 0, "color": 1})
    tokenizer.save(str(tmp_path / "t.json"))
    _edit(tmp_path / "t.json", '"color": 1', '"color": 1, "colour": 1')
    reference = Tokenizer.from_file(str(tmp_path / "t.json"))
    encoder = Encoder.load(tmp_path / "t.json")
    assert encoder.encode_ragged(["color colour"])[0].tolist() == reference.encode("color colour").ids == [1, 1]
    with pytest.raises(tokemb.TokembError, match="two tokens of this tokenizer share an id"):
        Encoder.from_tokenizer(reference)


def test_another_pad_token_is_saved(tmp_path):
    tokenizer = _word_level({"<unk>": 0, "a": 1, "[PAD]": 2, "<p>": 3})
    tokenizer.enable_padding(pad_id=2, pad_token="[PAD]", length=3)
    encoder = Encoder.from_tokenizer(tokenizer, pad_token="<p>")
    assert encoder.encode(["a"]).tolist() == [[1, 3, 3]]
    encoder.save(tmp_path / "v")
    assert Encoder.load(tmp_path / "v").encode(["a"]).tolist() == [[1, 3, 3]]
    assert Tokenizer.from_file(str(tmp_path / "v" / "tokenizer.json")).encode("a").ids == [1, 3, 3]


def test_input_dim_covers_padding_and_special_tokens():
    from tokenizers.processors import TemplateProcessing

    tokenizer = _word_level({"<unk>": 0, "a": 1})
    tokenizer.enable_padding(pad_id=9)
    assert Encoder.from_tokenizer(tokenizer).input_dim == 10
    tokenizer.post_processor = TemplateProcessing(single="$A </s>", pair="$A $B", special_tokens=[("</s>", 50)])
    encoder = Encoder.from_tokenizer(tokenizer)
    assert encoder.input_dim == 51
    assert encoder.encode(["a a", "a"]).tolist() == [[1, 1, 50], [1, 50, 9]]
    assert encoder.decode([[1, 50]]) == ["a"]


def test_several_templates_are_refused_and_one_among_others_is_not():
    from tokenizers.processors import ByteLevel, Sequence, TemplateProcessing

    before = TemplateProcessing(single="<s> $A", pair="$A $B", special_tokens=[("<s>", 2)])
    after = TemplateProcessing(single="$A </s>", pair="$A $B", special_tokens=[("</s>", 3)])
    vocabulary = {"<unk>": 0, "a": 1, "<s>": 2, "</s>": 3}
    one = _word_level(vocabulary, post_processor=Sequence([ByteLevel(), before]))
    assert Encoder.from_tokenizer(one).encode_ragged(["a"])[0].tolist() == one.encode("a").ids == [2, 1]
    with pytest.raises(tokemb.TokembError, match="does more than put fixed ids around a text"):
        Encoder.from_tokenizer(_word_level(vocabulary, post_processor=Sequence([before, after])))


def test_a_truncation_to_nothing_can_be_saved(tmp_path):
    tokenizer = _word_level({"<unk>": 0, "a": 1, "[PAD]": 2})
    tokenizer.enable_truncation(0)
    encoder = Encoder.from_tokenizer(tokenizer)
    encoder.save(tmp_path / "v")
    assert Encoder.load(tmp_path / "v").encode_ragged(["a a"]).lengths.tolist() == [0]


def test_a_regex_that_explodes_is_an_error_of_ours():
    from tokenizers import Regex
    from tokenizers.pre_tokenizers import Split

    tokenizer = _word_level({"<unk>": 0}, pre_tokenizer=Split(Regex("(a|a|aa)+$"), "isolated"))
    with pytest.raises(tokemb.TokembError, match="the tokenizer cannot encode these texts"):
        Encoder.from_tokenizer(tokenizer).encode_ragged(["a" * 40 + "b"])


@pytest.mark.parametrize("ids", [5, None, [[[1, 2]]], [["a"]]])
def test_decode_of_anything_else(ids):
    with pytest.raises(tokemb.TokembError, match="ids must be"):
        tokemb.fit_vocab(["a b"]).decode(ids)
