"""Version 1.0 of ``tokenizers``: its adapter, with a stand-in for the library."""

from __future__ import annotations

import copy
import json

import pytest

from tokemb.errors import MissingPackageError, VocabularyError
from tokemb.vocabulary import tokenizer_json
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.profiles import PROFILES
from tokemb.vocabulary.tokenizer_json import tokenizer_json_of
from tokemb.vocabulary.tokenizers_1 import MissingClass, MissingModule, adapt


class Library:
    """A tokenizer with the methods of version 1.0, which encodes the words of its vocabulary."""

    @classmethod
    def from_file(cls, path):
        library = cls()
        library.content = json.loads(path.read_text("utf-8"))
        return library

    def encode_batch(self, texts, **options):
        assert options["truncation"] is None and options["padding"] is None
        vocabulary = self.content["model"]["vocab"]
        if "Regex" in json.dumps(self.content):
            raise ValueError("this `Split` pattern needs a system-regex backend")
        if "[UNK]" not in vocabulary:
            raise ValueError("WordLevel error: Missing [UNK] token from the vocabulary")
        return [[vocabulary.get(word, vocabulary["[UNK]"]) for word in text.split(" ")] for text in texts]

    def decode_tokens(self, ids):
        return [token["content"] for token in self.content["added_tokens"] if token["id"] in ids]


def content(**changes):
    """Return a file of the profile ``words``."""
    model = {"type": "WordLevel", "vocab": {"": 0, "[UNK]": 1, "a": 2}, "unk_token": "[UNK]"}
    return {**tokenizer_json_of(PROFILES["words"].tokenizer()), "model": model, **changes}


def load(**changes):
    return adapt(Library).from_str(json.dumps(content(**changes)))


def test_adapter_splits_words_without_a_regular_expression():
    assert load().encode_batch_fast(["a, a\u2019a b."], add_special_tokens=False) == [[2, 1, 1]]


def test_adapter_describes_the_vocabulary():
    tokenizer = load(added_tokens=[{"id": 3, "content": "[X]"}], pre_tokenizer=None)
    assert tokenizer.get_vocab() == {"": 0, "[UNK]": 1, "a": 2, "[X]": 3}
    assert tokenizer.get_vocab(with_added_tokens=False) == {"": 0, "[UNK]": 1, "a": 2}
    assert (tokenizer.token_to_id("[X]"), tokenizer.id_to_token(3), tokenizer.id_to_token(4)) == (3, "[X]", None)
    assert list(tokenizer.get_added_tokens_decoder()) == [3]
    assert tokenizer.model_type == "WordLevel"


@pytest.mark.parametrize(
    "shape", [PadTruncate(), PadTruncate(8, "pre", 8, "pre"), PadTruncate(8, "post", 8, "post", 4)], ids=str
)
def test_adapter_describes_truncation_and_padding_as_version_0_does(shape):
    file = shape.write(content(), 0, "")
    expected = tokenizer_json.tokenizer_of(file)
    tokenizer = adapt(Library).from_str(json.dumps(file))
    assert (tokenizer.truncation, tokenizer.padding) == (expected.truncation, expected.padding)
    assert PadTruncate.of(tokenizer) == shape
    tokenizer.no_truncation()
    tokenizer.no_padding()
    assert tokenizer.truncation is tokenizer.padding is None


def test_file_whose_model_has_no_type_gets_the_inferred_type():
    models = [{"merges": []}, {"continuing_subword_prefix": "##"}, {"vocab": [["[UNK]", 0.0]]}, {}]
    vocab = {"vocab": {"[UNK]": 0}}
    types = [load(model={**vocab, **model}, pre_tokenizer=None).model_type for model in models]
    assert types == ["BPE", "WordPiece", "Unigram", "WordLevel"]


def test_vocabulary_without_an_oov_token_is_loaded():
    assert load(model={"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "[UNK]"}).get_vocab() == {"a": 0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": r"\d"}}}, "system-regex"),
        ({"model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 0}}}, "share an id"),
        ({"added_tokens": [{"id": 3, "content": "x"}, {"id": 3, "content": "y"}]}, "share an id"),
    ],
    ids=["expression", "vocabulary", "added tokens"],
)
def test_file_with_uncertain_ids_is_not_loaded(changes, message):
    with pytest.raises(ValueError, match=message):
        load(**{"pre_tokenizer": None, **changes})


def test_added_tokens_with_other_ids_are_not_loaded(monkeypatch):
    monkeypatch.setattr(Library, "decode_tokens", lambda self, ids: ["[Y]"] * len(ids))
    with pytest.raises(ValueError, match="ids of the added tokens differ"):
        load(added_tokens=[{"id": 3, "content": "[X]"}], pre_tokenizer=None)


@pytest.mark.parametrize(
    "use",
    [
        lambda: adapt(Library)(MissingModule().WordLevel({})),
        lambda: load().normalizer,
        lambda: load().to_str(),
        lambda: MissingModule().Lowercase().normalize_str("A"),
        lambda: MissingModule().ByteLevel.alphabet(),
        lambda: MissingClass()("[a]").pattern,
    ],
)
def test_operation_of_version_0_raises_one_sentence(use):
    with pytest.raises(MissingPackageError, match=r"requires tokenizers 0\.2x; version .* pip install 'tokenizers<1'"):
        use()


@pytest.mark.parametrize("character", ["\u061d", "\u166d", "\U0001f16c", "\U000e0fff"])
def test_character_of_a_newer_unicode_is_an_error(character):
    tokenizer = load(normalizer={"type": "Lowercase"}, pre_tokenizer={"type": "WhitespaceSplit"})
    assert tokenizer.encode_batch(["a é 🙂"]) == [[2, 1, 1]]
    with pytest.raises(ValueError, match=f"U.{ord(character):04X} may get other ids .* pip install 'tokenizers<1'"):
        tokenizer.encode_batch(["a", f"a {character}"])


def test_character_of_a_newer_unicode_is_encoded_where_properties_play_no_role():
    assert load(normalizer=None).encode_batch(["a \u061d"]) == [[2]]


def test_stand_ins_can_be_made_and_copied():
    component = MissingModule().Sequence([MissingModule().Lowercase()])
    assert copy.deepcopy(component) is not component
    copy.copy(MissingModule())


def test_error_of_a_file_names_the_version_that_loads_it(monkeypatch):
    monkeypatch.setattr(tokenizer_json, "HAS_COMPONENTS", False)
    with pytest.raises(VocabularyError, match=r"that tokenizers 1\.0 \(pip install 'tokenizers<1' for 0\.2x"):
        tokenizer_json.tokenizer_of({"model": 1})
