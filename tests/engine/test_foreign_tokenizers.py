"""Tokenizers by others: what an encoder makes of them."""

from __future__ import annotations

import json
import shutil

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

import tokemb
from tokemb import Encoder
from tokemb.vocabulary.tokenizer_json import BLANK


def _word_level(vocabulary, **parts):
    from tokenizers.pre_tokenizers import WhitespaceSplit

    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    for name, part in parts.items():
        setattr(tokenizer, name, part)
    return tokenizer


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


@pytest.mark.parametrize(
    "changes",
    [
        {"added_tokens": None},
        {"normalizer": [[]]},
        {"normalizer": {"type": "Sequence", "normalizers": [[[]], {"type": "Lowercase"}]}},
    ],
    ids=["no added tokens", "list as a component", "list within a sequence"],
)
def test_files_that_the_library_reads_and_would_not_write(tmp_path, changes):
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "a": 1, "b": 2}, unk_token="[UNK]"))
    content = {**json.loads(tokenizer.to_str()), **changes}
    content = {key: value for key, value in content.items() if key != "added_tokens" or value is not None}
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    texts = ["a", "b", "A", "c"]
    expected = [encoding.ids for encoding in Tokenizer.from_file(str(path)).encode_batch(texts)]
    encoder = Encoder.load(path)
    assert [row.tolist() for row in encoder.encode_ragged(texts)] == expected
    encoder.save(tmp_path / "saved")
    assert [row.tolist() for row in Encoder.load(tmp_path / "saved").encode_ragged(texts)] == expected


def test_special_tokens_need_room_and_have_their_place():
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
    with pytest.raises(tokemb.TokembError, match="at least 3, the number of special tokens around every row"):
        encoder.encode(["a"], maxlen=2)
    tokenizer.post_processor = TemplateProcessing(single="$A <s> $A", pair="$A $B", special_tokens=[("<s>", 1)])
    with pytest.raises(tokemb.TokembError, match="does more than add fixed ids around a text"):
        Encoder.from_tokenizer(tokenizer)


def test_wrong_kinds_of_tokenizer():
    with pytest.raises(tokemb.TokembError, match="tokenizer must be a tokenizers.Tokenizer or a pathlib.Path"):
        Encoder.from_tokenizer("tokenizer.json")


def test_two_tokens_of_one_id(tmp_path):
    tokenizer = _word_level({"<unk>": 0, "color": 1})
    tokenizer.save(str(tmp_path / "t.json"))
    content = (tmp_path / "t.json").read_text()
    assert '"color": 1' in content
    (tmp_path / "t.json").write_text(content.replace('"color": 1', '"color": 1, "colour": 1'))
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
    with pytest.raises(tokemb.TokembError, match="does more than add fixed ids around a text"):
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


def test_a_file_that_says_nothing_of_padding_can_be_saved(tmp_path):
    content = json.loads(_word_level({"<unk>": 0, "a": 1}).to_str())
    del content["padding"], content["truncation"]
    (tmp_path / "t.json").write_text(json.dumps(content))
    encoder = Encoder.load(tmp_path / "t.json")
    encoder.save(tmp_path / "v")
    again = Encoder.load(tmp_path / "v")
    assert (again.pad_id, again.fingerprint) == (None, encoder.fingerprint)
    assert again.encode_ragged(["a b"])[0].tolist() == [1, 0]


def test_ids_that_do_not_fit_int32(tmp_path):
    # As a file: the library takes half a minute to write one, since it looks for a token of every number.
    specification = {**BLANK, "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 2**31}, "unk_token": "[UNK]"}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(specification))
    with pytest.raises(tokemb.TokembError, match="ids must fit int32; the highest id of this tokenizer is 2147483648"):
        tokemb.Encoder.load(tmp_path)
