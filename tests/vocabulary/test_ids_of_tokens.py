"""The ids of tokens that are read from a ``tokenizer.json`` are those of the library."""

import pytest
from tokenizers import AddedToken, Tokenizer, models

from tokemb.vocabulary.tokenizer_json import ids_of_tokens, tokenizer_json_of, tokenizer_of

MODELS = {
    "BPE": lambda: models.BPE({"a": 0, "b": 1, "ab": 7, "[KNOWN]": 3}, [("a", "b")]),
    "WordPiece": lambda: models.WordPiece({"a": 0, "##b": 2, "[UNK]": 1, "[KNOWN]": 5}, unk_token="[UNK]"),
    "WordLevel": lambda: models.WordLevel({"a": 4, "[UNK]": 0, "[KNOWN]": 2}, unk_token="[UNK]"),
    "Unigram": lambda: models.Unigram([("a", -1.0), ("[KNOWN]", -2.0)], unk_id=0),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("added", [[], ["[KNOWN]"], ["[KNOWN]", "[NEW]", "é", "[NEW 2]"]])
def test_ids_are_those_of_the_library_with_added_tokens_in_and_out_of_vocabulary(model, added):
    tokenizer = Tokenizer(MODELS[model]())
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in added[::2]])
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in added[1::2]])
    specification = tokenizer_json_of(tokenizer)
    loaded = tokenizer_of(specification)
    assert dict(ids_of_tokens(specification, loaded)) == loaded.get_vocab(with_added_tokens=True)
    # An id in the file that the library does not use.
    for token in specification["added_tokens"]:
        token["id"] += 90
    loaded = tokenizer_of(specification)
    assert dict(ids_of_tokens(specification, loaded)) == loaded.get_vocab(with_added_tokens=True)
