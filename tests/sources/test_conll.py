"""CoNLL files, and tokens with tags in all formats."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tokemb
from tokemb.errors import ArgumentError, TextError
from tokemb.sources import texts
from tokemb.sources.corpus import read_table

CONLL = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O

# comment
# sent_id = 3
# a comment too
#1 SYM O O
# SYM O O
1\u00a0000 CD B-NP O\r
\r


Peter NNP B-NP B-PER
"""
CONLLU = """# newdoc
# text = don't go
1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tdo\tdo\tAUX\tVBP\t_\t3\taux\t_\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
3\tgo\tgo\tVERB\tVB\t_\t0\troot\t_\t_
3.1\tgone\t_\t_\t_\t_\t_\t_\t_\t_

# text = #
1\t#\t#\tSYM\tNN\t_\t0\troot\t_\t_
"""


def rows(path, text, **reading):
    path.write_bytes(text.encode())
    return [tuple(row.values()) for batch in tokemb.read_corpus(path, **reading) for row in batch.to_pylist()]


def test_sentences_of_a_conll_file_are_rows_of_lists(tmp_path):
    assert rows(tmp_path / "a.conll", CONLL, keep=["tags", "1"]) == [
        (["EU", "rejects"], ["B-ORG", "O"], ["NNP", "VBZ"]),
        (["#1", "#", "1\u00a0000"], ["O", "O", "O"], ["SYM", "SYM", "CD"]),
        (["Peter"], ["B-PER"], ["NNP"]),
    ]
    assert next(read_table(tmp_path / "a.conll")).schema.names == ["text", "1", "2", "tags"]
    assert tokemb.fit_vocab(tmp_path / "a.conll").vocabulary[2:5] == ["#", "#1", "1\u00a0000"]


def test_words_of_a_conllu_file_are_tokens_and_its_columns_have_names(tmp_path):
    assert rows(tmp_path / "a.conllu", CONLLU, tags="upos", keep=["lemma"]) == [
        (["do", "n't", "go"], ["AUX", "PART", "VERB"], ["do", "not", "go"]),
        (["#"], ["SYM"], ["#"]),
    ]


def test_tabs_separate_tokens_that_contain_spaces(tmp_path):
    text = "New York\tB-LOC\n# tagged by hand\n"
    tabs = "# tagged by hand\n#\tO\nNew York\tB-LOC\n"
    assert rows(tmp_path / "a.tsv", tabs, format="conll", tags="tags") == [(["#", "New York"], ["O", "B-LOC"])]
    with pytest.raises(TextError, match=r"a.conll, line 2 has 1 column, and the first token of the file has 2 columns"):
        rows(tmp_path / "a.conll", text, tags="tags")


def test_file_of_tokens_alone_has_one_column(tmp_path):
    assert rows(tmp_path / "a.conll", "a\nb\n\nc") == [(["a", "b"],), (["c"],)]
    assert rows(tmp_path / "b.conll", "\n\n-DOCSTART-\n") == []


SENTENCES = st.lists(
    st.lists(st.tuples(st.text("ab#-é學", min_size=1, max_size=3), st.sampled_from(["O", "B-X"])), min_size=1),
    max_size=5,
)


@given(SENTENCES, st.sampled_from([" ", "\t"]), st.sampled_from(["\n", "\r\n"]), st.integers(1, 40))
def test_written_sentences_are_read_again_whatever_the_blocks(tmp_path_factory, sentences, separator, end, size):
    assume(separator == "\t" or all(sentence[0][0] != "#" for sentence in sentences))  # which starts a comment
    lines = [[*(separator.join(pair) for pair in sentence), ""] for sentence in sentences]
    path = tmp_path_factory.mktemp("conll") / "a.conll.gz"
    text = "".join(line + end for sentence in [[f"first{separator}O", ""], *lines] for line in sentence)
    path.write_bytes(gzip.compress(text.encode()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "BATCH_BYTES", size)
        found = [row for batch in tokemb.read_corpus(path, tags="tags") for row in batch.to_pylist()]
    assert [list(zip(row["text"], row["tags"], strict=True)) for row in found[1:]] == sentences


# Tags in other formats

TOKENS, TAGS = [["EU", "rejects"], [], ["it"]], [["B-ORG", "O"], [], ["O"]]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "integers"])
def test_tokens_and_tags_are_lists_in_every_format(tmp_path, kind):
    tags = [[1, 0], [], [0]] if kind == "integers" else TAGS
    path = tmp_path / f"a.{'jsonl' if kind == 'integers' else kind}"
    if kind == "csv":
        lines = [" ".join(tokens) + ",  " + "\t".join(row) for tokens, row in zip(TOKENS, tags, strict=True)]
        path.write_text("words,ner\n" + "\n".join(lines) + "\n")
    elif kind == "parquet":
        pq.write_table(pa.table({"words": TOKENS, "ner": pa.array(TAGS).cast(pa.list_(pa.string()))}), path)
    else:
        pairs = zip(TOKENS, tags, strict=True)
        path.write_text("".join(json.dumps({"words": tokens, "ner": row}) + "\n" for tokens, row in pairs))
    table = pa.Table.from_batches(list(tokemb.read_corpus(path, column="words", tags="ner")))
    assert table["words"].to_pylist() == TOKENS
    assert table["ner"].to_pylist() == [[str(tag) for tag in row] for row in tags]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "a b", "ner": ["O"]}', r"a.jsonl, line 2 has 2 tokens and 1 tags"),
        ('{"text": "a b", "ner": ["O", ""]}', r"a.jsonl, line 2 contains an empty tag"),
        ('{"text": "a b", "ner": ["O", null]}', r"a.jsonl, line 2 contains a missing token in 'ner'"),
        ('{"text": "a", "ner": null}', r"a.jsonl, line 2 has no 'ner'"),
    ],
)
def test_tags_that_do_not_fit_are_an_error_with_file_and_row(tmp_path, line, message):
    with pytest.raises(TextError, match=message):
        rows(tmp_path / "a.jsonl", '{"text": "x y", "ner": ["O", "O"]}\n' + line + "\n", tags="ner")


def test_column_that_cannot_hold_tags_is_an_error(tmp_path):
    with pytest.raises(ArgumentError, match="tags must be another column than that of the tokens"):
        rows(tmp_path / "a.csv", "text,n\na,1\n", tags="text")
    with pytest.raises(TextError, match='no column .tags.; if it has one token per line, pass format="conll"'):
        rows(tmp_path / "a.txt", "a O\n", tags="tags")
    with pytest.raises(TextError, match="contains double: tags are texts"):
        rows(tmp_path / "a.jsonl", '{"text": "a", "n": 1.5}\n', tags="n")
    with pytest.raises(TextError, match="line 1 has nothing in the column 'tags'"):
        rows(tmp_path / "b.conll", "a\t\n", tags="tags")
