"""BERT's vocab.txt, gensim's text, word lists, tokenizer.json, and the command."""

from __future__ import annotations

import json

import pytest

import tokemb
from tests.conftest import MIXED, TOKENIZERS, command_here, tokemb_command
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.importers import import_vocabulary, read_foreign, verify

pytestmark = pytest.mark.slow

OTHER = TOKENIZERS.parent / "other"
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "deep", "learn", "##ing", "é"]


def lines(path, rows, end="\n"):
    path.write_bytes("".join(row + end for row in rows).encode())
    return path


def real(path):
    if not path.exists():
        pytest.skip("the artefacts are not at hand")
    return path


@pytest.mark.parametrize(
    ("name", "size", "lowercase"),
    [
        ("hf/bert_base_chinese/vocab.txt", 21128, False),
        ("hf/all_minilm_l6_v2/vocab.txt", 30522, True),
        ("other/bert_vocab_txt/bert_basic_cased_vocab.txt", 28996, False),
        ("other/bert_vocab_txt/bert.vocab", 2016, True),
    ],
)
def test_real_bert_vocabularies(name, size, lowercase):
    imported = read_foreign(real(TOKENIZERS.parent / name))
    assert (imported.kind, imported.facts["tokens"], imported.facts["lowercase"]) == ("bert", size, lowercase)
    assert verify(imported, MIXED) == (len(MIXED), None)


def test_a_bert_vocabulary_is_the_tokenizer_beside_it():
    folder = real(TOKENIZERS / "all_minilm_l6_v2")
    theirs = read_foreign(folder)  # the tokenizer.json in it
    assert theirs.kind == "tokenizer-json"
    assert verify(theirs, MIXED) == (len(MIXED), None)
    ours = import_vocabulary(folder / "vocab.txt", maxlen=128)
    assert (ours.encode(MIXED) == theirs.encoder.encode(MIXED)).all()


def test_bert_is_lowered_or_not(tmp_path):
    for end in ("\n", "\r\n"):
        path = lines(tmp_path / "vocab.txt", BERT, end)
        assert import_vocabulary(path).encode(["Deep learning"]).tolist() == [[2, 5, 6, 7, 3]]
        assert import_vocabulary(path, lowercase=False).encode(["Deep é"]).tolist() == [[2, 1, 8, 3]]
    path.write_text(json.dumps({token: index * 2 for index, token in enumerate([*BERT, "Deep"])}), "utf-8")
    assert import_vocabulary(path).encode(["Deep deep"]).tolist() == [[4, 18, 10, 6]]
    with pytest.raises(VocabularyError, match=r"lacks \[SEP\]"):
        import_vocabulary(lines(path, [token for token in BERT if token != "[SEP]"]))
    with pytest.raises(ArgumentError, match="offset does not apply to this file"):
        import_vocabulary(lines(path, BERT), offset=1)


@pytest.mark.parametrize("header", [[], ["12"]])
def test_gensim(tmp_path, header):
    path = lines(tmp_path / "d.txt", [*header, "1\ta\t5", "0\tb c\t2", "7\tz\t3"])
    imported = read_foreign(path)
    assert (imported.kind, imported.facts["documents"]) == ("gensim", 12 if header else None)
    encoder = imported.encoder
    assert encoder.encode_ragged([["a", "b c", "?", "z"]])[0].tolist() == [1, 0, 7]
    assert encoder.encode_ragged(["a z ?"])[0].tolist() == [1, 7]
    assert encoder.table["documents"].to_pylist() == [2, 5, *[None] * 5, 3]
    with pytest.raises(ArgumentError, match="no padding token"):
        encoder.encode(["a"])
    shifted = import_vocabulary(path, offset=1, maxlen=3)
    shifted.save(tmp_path / "v")
    assert tokemb.Encoder.load(tmp_path / "v").encode([["b c", "z"]]).tolist() == [[1, 8, 0]]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (["1\ta\t5", "1\tb\t5"], "same id"),
        (["1\ta\t5", "2\ta\t5"], "line 2"),
        (["9", "1\ta\t5", "2\tb"], "line 3"),
        (["1\ta\t5", "", "2\tb\t1"], "line 2"),
    ],
)
def test_broken_gensim_files(tmp_path, rows, reason):
    with pytest.raises(VocabularyError, match=reason):
        import_vocabulary(lines(tmp_path / "d.txt", rows))


def test_the_real_gensim_file():
    path = real(OTHER / "gensim" / "head500.noblanks.cor_wordids.txt")
    imported = read_foreign(path)
    rows = [line.split("\t") for line in path.read_text("utf-8").removesuffix("\n").split("\n")]
    ids = {word: int(index) for index, word, _ in rows}
    assert imported.encoder.encode_ragged([[word] for word in ids]).values.tolist() == list(ids.values())
    assert verify(imported, [*MIXED, *ids]) == (len(MIXED) + len(ids), None)


def test_word_lists(tmp_path):
    path = lines(tmp_path / "words.txt", ["b", "a-c", "B"])
    imported = read_foreign(path)
    assert imported.encoder.vocabulary == ["", "[UNK]", "b", "a-c", "B"]
    assert verify(imported, ["b a-c B z", ""]) == (2, None)
    assert import_vocabulary(path, offset=5, maxlen=2).encode(["B b", "z"]).tolist() == [[7, 5], [1, 0]]
    # What Keras' get_vocabulary gives, and a byte-order mark.
    path = lines(tmp_path / "words.txt", ["", "[UNK]", "b"])
    assert import_vocabulary(path, profile="text-vectorization").encode(["B!"]).tolist() == [[2]]
    assert import_vocabulary(lines(tmp_path / "w.txt", ["\ufeffb", "a"])).vocabulary[2:] == ["b", "a"]
    # Words that no text yields may still be looked up, if that is meant.
    path = lines(tmp_path / "words.txt", ["New York", "b"])
    with pytest.raises(VocabularyError, match="'New York'.*kind=\"words\""):
        import_vocabulary(path)
    assert import_vocabulary(path, kind="words").encode_ragged([["New York"]])[0].tolist() == [2]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "contain each word once"),
        (b"a\nb\na\n", "'a'"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a\0b", "NUL"),
        (b'["a", "b"]', "JSON list"),
        (b'{"a": "b"}', "must have a word_index"),
        (b'"a"', "not JSON"),
        (b'"{"', "not JSON"),
        (b'{"\xc4\xa0a": 1, "\xc4\xa0b": 2}', "merges or scores"),
        (b'{"model": {"type": "Nonsense"}, "pre_tokenizer": null}', "not a tokenizer.json"),
    ],
)
def test_what_is_no_vocabulary_is_refused(tmp_path, content, reason):
    path = tmp_path / "file.txt"
    path.write_bytes(content)
    with pytest.raises((VocabularyError, ArgumentError), match=reason):
        import_vocabulary(path)


def test_lists_in_each_other_without_end(tmp_path):
    (tmp_path / "deep.json").write_bytes(b"[" * 100_000)
    with pytest.raises(VocabularyError, match="not JSON"):
        import_vocabulary(tmp_path / "deep.json")


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(VocabularyError, match="no vocabulary file"):
        import_vocabulary(tmp_path)
    with pytest.raises(ArgumentError, match="kind must be one of bert, gensim, words"):
        import_vocabulary(lines(tmp_path / "w", ["a"]), kind="keras")


def test_real_files_that_are_refused():
    reasons = {
        "char_list_json/tokenizer_model.json": "JSON list",
        "bert_vocab_txt/roberta_vocab.json": "merges or scores",
        "bert_vocab_txt/roberta_merges.txt": "no text gives",
    }
    for name, reason in reasons.items():
        with pytest.raises(VocabularyError, match=reason):
            import_vocabulary(real(OTHER / name))


def test_a_real_file_of_vectors_is_not_a_word_list():
    assert import_vocabulary(real(OTHER / "gensim/lee_fasttext.vec"), max_size=2).vocabulary == [
        "",
        "[UNK]",
        "the",
        "to",
    ]


def test_the_command(tmp_path):
    (tmp_path / "t.json").write_text(json.dumps({"word_index": {"b": 1, "a": 2}, "oov_token": None}), "utf-8")
    (tmp_path / "texts.txt").write_text("A b!\nc\n", "utf-8")
    run = command_here("import", "t.json", "-o", "v", "--verify", "texts.txt", "--maxlen", "3", cwd=tmp_path)
    told = run.stderr.decode()
    assert run.returncode == 0, told
    for part in (
        "keras-tokenizer",
        "words 2",
        "num_words None",
        "oov None",
        "input_dim  3",
        "pre",
        "verified   2 rows",
    ):
        assert part in told
    assert tokemb.Encoder.load(tmp_path / "v").encode(["a b", "b b b a"]).tolist() == [[0, 2, 1], [1, 1, 2]]
    (tmp_path / "t.pkl").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    run = tokemb_command("import", "t.pkl", "-o", "w", cwd=tmp_path)
    assert (run.returncode, run.stdout) == (1, b"")
    assert b"os.system" in run.stderr
    assert not (tmp_path / "owned").exists() and not (tmp_path / "w").exists()


def test_a_difference_fails_and_nothing_is_written(tmp_path, monkeypatch):
    from click.testing import CliRunner
    from tokemb_cli.main import cli

    from tokemb.importers import word_lists

    monkeypatch.setattr(word_lists, "look_up", lambda *_: lambda texts: [[9] for _ in texts])
    lines(tmp_path / "w.txt", ["a"])
    lines(tmp_path / "texts.txt", ["a"])
    run = CliRunner().invoke(
        cli, ["import", str(tmp_path / "w.txt"), "-o", str(tmp_path / "v"), "--verify", str(tmp_path / "texts.txt")]
    )
    assert run.exit_code == 1
    assert "row 1 differs, 'a': [2] here, [9] in the original; nothing was written" in run.output
    assert not (tmp_path / "v").exists()
