"""Neighbours and analogies: against a slow definition, gensim, and by the command in a real process."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tokemb
from tests.conftest import DATA, command_here, ok, python, tokemb_command
from tokemb.analysis import TokenVectors, analogy, analogy_accuracy, neighbors, similarity_correlation
from tokemb.analysis.analogies import solve_analogies
from tokemb.analysis.nearest import _top_k, nearest, nearest_to_directions
from tokemb.errors import ArgumentError, ModelError, TextError, TextTypeError
from tokemb.models.export_vectors import export_vectors
from tokemb.vocabulary.escape_token import escape_token

WORDS = "film good fine bad king queen man woman"


def vectors_of(matrix, real=None):
    matrix = np.asarray(matrix, np.float32)
    size = len(matrix)
    real = np.ones(size, np.bool_) if real is None else np.array(real)
    return TokenVectors([f"t{row}" for row in range(size)], matrix, real, np.arange(size))


def by_definition(vectors, direction, left_out, k):
    """All cosines, one by one, in the highest precision; the best first, ties by row."""
    found = []
    for row, vector in enumerate(vectors.matrix.astype(np.float64)):
        if vectors.real[row] and row not in left_out and vector.any() and direction.any():
            cosine = vector @ direction / np.linalg.norm(vector) / np.linalg.norm(direction)
            found.append((round(-cosine, 6), row))
    return [row for _, row in sorted(found)[:k]], [-similarity for similarity, _ in sorted(found)[:k]]


# Small whole numbers: vectors of zeros and vectors of one direction come often, near ties never.
matrices = st.integers(1, 4).flatmap(
    lambda dim: st.lists(st.lists(st.integers(-2, 2), min_size=dim, max_size=dim), min_size=1, max_size=12)
)


@given(matrices, st.data())
def test_neighbours_are_those_of_the_definition(matrix, data):
    real = data.draw(st.lists(st.booleans(), min_size=len(matrix), max_size=len(matrix)))
    k = data.draw(st.integers(1, len(matrix) + 2))
    vectors = vectors_of(matrix, real)
    rows = np.arange(len(matrix))
    for row, (found, similarities) in zip(rows, nearest(vectors, rows, k), strict=True):
        expected, cosines = by_definition(vectors, vectors.matrix[row].astype(np.float64), [row], k)
        np.testing.assert_allclose(similarities, cosines, atol=2e-5)
        assert found.tolist() == expected


@given(matrices, st.data())
def test_analogies_are_those_of_the_definition(matrix, data):
    vectors = vectors_of(matrix)
    row = st.integers(0, len(matrix) - 1)
    questions = np.array(data.draw(st.lists(st.tuples(row, row, row), min_size=1, max_size=5)))
    for (a, b, c), (found, similarities) in zip(questions, solve_analogies(vectors, questions, 3), strict=True):
        unit = vectors.unit.astype(np.float64)
        direction = unit[b] - unit[a] + unit[c]
        expected, cosines = by_definition(vectors, direction, [a, b, c], 3)
        np.testing.assert_allclose(similarities, cosines, atol=2e-5)
        assert found.tolist() == expected


def test_equal_vectors_tie_by_id_wherever_they_stand():
    matrix = np.random.default_rng(0).normal(size=(400, 37)).astype(np.float32)
    twins = [5, 130, 131, 257, 399]
    matrix[twins] = matrix[7] + 0.1
    vectors = vectors_of(matrix)
    every = np.arange(400)
    together = [found.tolist() for found, _ in nearest(vectors, every, 5)]
    assert together[7] == twins
    assert together[130] == [5, 131, 257, 399, 7]
    one_at_a_time = nearest_to_directions(vectors, vectors.unit[every], every[:, None], 5, max_similarities=1)
    assert [found.tolist() for found, _ in one_at_a_time] == together


def test_what_differs_by_rounding_alone_ties():
    # Both cosines are the root of a half.
    for matrix in ([[0, -1, -1], [2, -1, -2], [0, 0, -1]], [[0, -1, -1], [0, 0, -1], [2, -1, -2]]):
        ((found, similarities),) = nearest(vectors_of(matrix), np.array([0]), 2)
        assert (found.tolist(), similarities.tolist()) == ([1, 2], [0.707107, 0.707107])
    # A product of matrices may give equal rows numbers that differ in the last bits.
    unit = np.full((5, 4), 0.5, np.float32)
    rounded = np.float32([1, 1, 1, 1, 1]) + np.arange(5) * np.finfo(np.float32).eps
    found, _ = _top_k(unit, unit[0], rounded.astype(np.float32), 2)
    assert found.tolist() == [0, 1]


def test_the_length_of_vectors_does_not_matter():
    directions = np.random.default_rng(1).normal(size=(20, 3))
    rows = np.arange(20)
    expected = [found.tolist() for found, _ in nearest(vectors_of(directions), rows, 4)]
    for scale in (1e-30, 1e30):
        scaled = directions * np.where(rows % 2, scale, 1)[:, None]
        assert [found.tolist() for found, _ in nearest(vectors_of(scaled), rows, 4)] == expected


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A model and its vocabulary, in which "woman" has no direction and [UNK] is nearest to all."""
    here = tmp_path_factory.mktemp("looking")
    encoder = tokemb.fit_vocab([WORDS, "film film good"], reserve=["[BOS]"])
    rows = {
        "film": [1, 0, 0],
        "good": [0.9, 0.1, 0],
        "fine": [0.8, 0.3, 0],
        "bad": [-1, 0, 0.1],
        "king": [0, 1, 1],
        "queen": [0, 1, 0.9],
        "man": [0, 0, 1],
        "woman": [0, 0, 0],
    }
    matrix = [rows.get(token, [1, 0, 0]) for token in encoder.vocabulary]
    encoder.save(here / "v")
    tokemb.embedding_model(encoder, vectors=matrix).save(here / "m.keras")
    return here


def test_reserved_ids_are_nobodys_neighbours_and_zeros_have_none(here):
    encoder = tokemb.Encoder.load(here / "v")
    film, woman = neighbors(here / "m.keras", encoder, ["Film", "WOMAN"], k=100)
    assert (film.word, film.token, film.id, film.count) == ("Film", "film", encoder.vocabulary.index("film"), 3)
    assert [near.token for near in film.neighbors] == ["[BOS]", "good", "fine", "king", "man", "queen", "bad"]
    assert [near.count for near in film.neighbors[:2]] == [None, 2]
    assert film.neighbors[1].similarity == pytest.approx(0.9 / np.hypot(0.9, 0.1))
    assert (woman.token, woman.neighbors) == ("woman", [])
    assert [len(one.neighbors) for one in neighbors(here / "m.keras", encoder, ["film", "film"], k=2)] == [2, 2]
    assert neighbors(here / "m.keras", encoder, []) == []


def test_words_that_are_no_token(here):
    vectors = TokenVectors.load(here / "m.keras", tokemb.Encoder.load(here / "v"))
    for word, message in (
        ("fillm", "there is no token 'fillm': did you mean film?"),
        ("Kingg", "there is no token 'Kingg': did you mean king?"),
        ("xylophone", "there is no token 'xylophone', nor any that is spelled like it"),
        ("", "there is no token ''"),
        ("\ud800", r"there is no token '\\ud800'"),
        ("[UNK]", r"there is no token '\[UNK\]'"),
        ("good film", "a word must be one token; the vocabulary splits 'good film' into 2: 'good', 'film'"),
    ):
        with pytest.raises(ArgumentError, match=message):
            neighbors(vectors, None, [word])
    assert neighbors(vectors, None, ["[BOS]"])[0].token == "[BOS]"
    with pytest.raises(ArgumentError, match=r"words must be a list of words, as \['film'\]"):
        neighbors(vectors, None, "film")
    with pytest.raises(ArgumentError, match="k must be an integer of at least 1; received 0"):
        neighbors(vectors, None, ["film"], k=0)
    with pytest.raises(ArgumentError, match="a word must be a str; received int"):
        neighbors(vectors, None, [3])


def test_pieces_and_special_tokens_of_foreign_tokenizers():
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "play", "##ing", "##ed"]
    tokenizer = Tokenizer(models.WordPiece(dict(zip(pieces, range(7), strict=True)), unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_truncation(3)
    encoder = tokemb.Encoder.from_tokenizer(tokenizer)
    model = tokemb.embedding_model(encoder, vectors=np.eye(7) + 0.1)
    found = neighbors(model, encoder, ["play", "##ing"], k=9)
    assert [one.token for one in found] == ["play", "##ing"]
    assert {near.token for near in found[0].neighbors} == {"[CLS]", "[SEP]", "##ing", "##ed"}
    assert found[0].count is None
    with pytest.raises(ArgumentError, match="splits 'playing' into 2: 'play', '##ing'"):
        neighbors(model, encoder, ["playing"])


def test_vectors_of_a_new_model_are_told_from_trained_ones(here, tmp_path):
    encoder = tokemb.Encoder.load(here / "v")
    new = tokemb.embedding_model(encoder, 8, seed=1)
    assert TokenVectors.load(new, encoder).untrained
    matrix = new.get_weights()[0]
    for trained in (matrix * 2, matrix * 0.3, np.where(np.arange(8) == 0, 0.06, matrix), np.zeros_like(matrix)):
        assert not TokenVectors.load(tokemb.embedding_model(encoder, vectors=trained), encoder).untrained
    new.save(tmp_path / "new.keras")
    encoder.save(tmp_path / "v")
    word = encoder.vocabulary[-1]
    said = ok(command_here("neighbors", "new.keras", word, "--vocab", "v", cwd=tmp_path)).stderr.decode()
    assert said.startswith("warning    the vectors look random, like those of a new model")


def test_what_cannot_be_looked_at(here, tmp_path):
    encoder = tokemb.Encoder.load(here / "v")
    with pytest.raises(ArgumentError, match="a Keras model requires its vocabulary"):
        TokenVectors.load(here / "m.keras")
    with pytest.raises(ModelError, match="made for the vocabulary"):
        TokenVectors.load(here / "m.keras", tokemb.fit_vocab(["other"]))
    lost = tokemb.embedding_model(encoder, 2)
    lost.set_weights([np.full((encoder.input_dim, 2), np.nan)])
    lost.save(tmp_path / "nan.keras")
    for model in (lost, tmp_path / "nan.keras"):
        with pytest.raises(ModelError, match="of the model are NaN or infinite"):
            TokenVectors.load(model, encoder)
    with pytest.raises(ModelError, match="there is no model at"):
        TokenVectors.load(tmp_path / "none.keras", encoder)


def test_files_of_vectors_with_and_without_a_vocabulary(here, tmp_path):
    encoder = tokemb.Encoder.load(here / "v")
    export_vectors(here / "m.keras", encoder, tmp_path / "m.npz")
    (tmp_path / "glove.txt").write_text("film 1 0\nThe 1 1\nfilm 5 5\n\xff 1 2\n 1 2\ngood 0 1\n", "latin-1")
    alone = TokenVectors.load(tmp_path / "glove.txt")
    assert alone.tokens == ["film", "The", "good"]
    (found,) = neighbors(alone, None, ["film"])
    assert [(near.token, near.count) for near in found.neighbors] == [("The", None), ("good", None)]
    with pytest.raises(ArgumentError, match="there is no token 'the': did you mean The"):
        neighbors(alone, None, ["the"])
    (found,) = neighbors(tmp_path / "glove.txt", encoder, ["Film"])
    assert [near.token for near in found.neighbors] == ["good"]  # the rest of the vocabulary has no vector there
    of_model = neighbors(here / "m.keras", encoder, ["king"], k=3)
    assert neighbors(tmp_path / "m.npz", encoder, ["king"], k=3) == of_model
    assert analogy(tmp_path / "m.npz", encoder, "man", "king", "good", k=1)[0].token == "fine"


@pytest.mark.skipif(not (DATA / "vectors").is_dir(), reason="no vectors at hand")
@pytest.mark.parametrize("name", ["test_glove.txt", "lee_fasttext.vec", "lee_fasttext.bin", "high_precision.kv.bin"])
def test_all_tokens_of_real_files(name):
    vectors = TokenVectors.load(DATA / "vectors" / name)
    assert len(vectors.tokens) > 1
    assert vectors.real.all()
    assert neighbors(vectors, None, vectors.tokens[:1])[0].neighbors


# Evaluation


PAIRS = [("good", "fine", 9.0), ("film", "bad", 0.5), ("king", "queen", 9.5), ("Film", "good", 8.0)]


def test_similarity_against_a_slow_rank_correlation(here):
    vectors = TokenVectors.load(here / "m.keras", tokemb.Encoder.load(here / "v"))
    cosines = [float(vectors.unit[vectors.rows[a.lower()]] @ vectors.unit[vectors.rows[b]]) for a, b, _ in PAIRS]
    ranks, human = (np.argsort(np.argsort(numbers)) for numbers in (cosines, [score for *_, score in PAIRS]))
    assert len(set(cosines)) == 4
    found = similarity_correlation(vectors, [*PAIRS, ("film", "xylophone", 3.0), ("film", "woman", 3.0)])
    assert (found.pairs, found.found) == (6, 4)
    assert found.spearman == pytest.approx(np.corrcoef(ranks, human)[0, 1])
    assert np.isnan(similarity_correlation(vectors, PAIRS[:1]).spearman)
    assert np.isnan(similarity_correlation(vectors, []).spearman)


def test_questions(here, tmp_path):
    vectors = TokenVectors.load(here / "m.keras", tokemb.Encoder.load(here / "v"))
    right = analogy(vectors, None, "man", "king", "good")[0].token
    (tmp_path / "questions.txt").write_text(
        f": group\nman king good {right}\nMan King good bad\n\nman king good xylophone\nwoman king good {right}\n"
    )
    found = analogy_accuracy(vectors, tmp_path / "questions.txt")
    assert (found.questions, found.asked, found.correct, found.accuracy) == (4, 2, 1, 0.5)
    assert np.isnan(analogy_accuracy(vectors, []).accuracy)
    (tmp_path / "broken.txt").write_text("film good 3\nfilm good\n")
    with pytest.raises(TextError, match="line 2 must be two words and a number; received 'film good'"):
        similarity_correlation(vectors, tmp_path / "broken.txt")
    with pytest.raises(TextError, match="line 1 must be four words; received 'film good 3'"):
        analogy_accuracy(vectors, tmp_path / "broken.txt")


@pytest.mark.skipif(not (DATA / "word_eval").is_dir(), reason="no word similarities at hand")
def test_evaluation_is_gensims(tmp_path):
    models = pytest.importorskip("gensim.models")
    names = ("EN-WS-353-ALL.txt", "EN-SIMLEX-999.txt")
    lines = [line for line in (DATA / "word_eval" / "questions-words.txt").read_text().splitlines()]
    questions = [line.lower() for line in lines[1:120]]
    words = {word for line in questions for word in line.split()}
    pairs = [line.lower().split() for name in names for line in (DATA / "word_eval" / name).read_text().splitlines()]
    words |= {word for pair in pairs[::2] for word in pair[:2]}  # and some stay unknown
    tokens, random = sorted(words), np.random.default_rng(0)
    matrix = random.normal(size=(len(tokens), 4)).astype(np.float32)
    for line in questions:  # so that some answers are right
        capital, country = (tokens.index(word) for word in line.split()[:2])
        matrix[country] = matrix[capital] + [3, 0, 0, 0] + random.normal(size=4) / 5
    vectors = TokenVectors(tokens, matrix, np.ones(len(tokens), np.bool_), np.full(len(tokens), -1))
    theirs = models.KeyedVectors(4)
    theirs.add_vectors(tokens, matrix)
    (tmp_path / "questions.txt").write_text("\n".join([": all", *questions]))
    score, sections = theirs.evaluate_word_analogies(str(tmp_path / "questions.txt"), case_insensitive=False)
    ours = analogy_accuracy(vectors, tmp_path / "questions.txt")
    assert 0 < ours.correct < ours.asked
    assert (ours.asked, ours.accuracy) == (sum(len(sections[-1][key]) for key in ("correct", "incorrect")), score)
    (tmp_path / "pairs.txt").write_text("\n".join("\t".join(pair) for pair in pairs))
    _, spearman, unknown = theirs.evaluate_word_pairs(str(tmp_path / "pairs.txt"), case_insensitive=False)
    ours = similarity_correlation(vectors, tmp_path / "pairs.txt")
    assert ours.spearman == pytest.approx(spearman.statistic, abs=1e-4)
    assert 100 * (1 - ours.found / ours.pairs) == pytest.approx(unknown)
    for word in tokens[:20]:
        (found,) = neighbors(vectors, None, [word], k=5)
        assert [near.token for near in found.neighbors] == [token for token, _ in theirs.most_similar(word, topn=5)]


def test_without_scipy_the_error_says_what_to_install():
    run = python(
        "import sys; sys.modules['scipy'] = sys.modules['scipy.stats'] = None; from tokemb.analysis import *\n"
        "try: similarity_correlation(None, [])\n"
        "except ImportError as error: print(error)"
    )
    assert run.stdout == "rank correlations need SciPy: pip install tokemb[scipy]\n", run.stderr


# The command


def test_the_commands(here):
    run = ok(tokemb_command(*"neighbors m.keras Film WOMAN --vocab v -k 2".split(), cwd=here))
    assert run.stdout.decode().splitlines() == [
        "film  3",
        "   1.000  [BOS]",
        "   0.994  good  2",
        "woman  1",
        "  no neighbors: the vector is zeros, or there are no other tokens",
    ]
    run = ok(command_here(*"neighbors m.keras Film --vocab v -k 2 --json".split(), cwd=here))
    (shown_json,) = json.loads(run.stdout)
    assert (shown_json["token"], shown_json["count"]) == ("film", 3)
    assert shown_json["neighbors"][1]["token"] == "good"
    run = ok(command_here(*"analogy m.keras man king good --vocab v -k 1".split(), cwd=here))
    assert run.stdout.decode().split() == ["0.923", "fine", "1"]
    run = ok(tokemb_command(*"analogy m.keras man king good --vocab v --json".split(), cwd=here))
    assert json.loads(run.stdout)[0]["token"] == "fine"


def test_what_the_commands_refuse(here):
    for arguments, code, message in (
        ("neighbors m.keras film", 2, b"a Keras model requires --vocab"),
        ("analogy m.keras film good", 2, b"Missing argument 'C'"),
        ("neighbors m.keras --vocab v", 2, b"Missing argument 'WORD...'"),
        ("neighbors m.keras fillm --vocab v", 1, b"Error: there is no token 'fillm': did you mean film?\n"),
        ("analogy m.keras film good xx --vocab v", 1, b"Error: there is no token 'xx'"),
        ("neighbors none.vec film", 1, b"Error: no file at none.vec\n"),
        ("neighbors m.keras film --vocab v -k 0", 2, b"must be an integer from 1 to 2147483647; received 0"),
    ):
        run = command_here(*arguments.split(), cwd=here)
        assert (run.returncode, run.stdout) == (code, b"")
        assert message in run.stderr


@example("\\t", "\t")
@example(" ", "\\x20")
@given(st.text(max_size=6), st.text(max_size=6))
def test_shown_tokens_are_seen_and_told_apart(first, second):
    for token in (first, second):
        assert escape_token(token).replace("\u200c", "").replace("\u200d", "").isprintable()
        assert escape_token(token).strip(" ") == escape_token(token)
        if token.isprintable() and token.strip() == token and "\\" not in token:
            assert escape_token(token) == token
    assert (escape_token(first) == escape_token(second)) == (first == second)


@pytest.mark.parametrize("evaluate", [similarity_correlation, analogy_accuracy])
def test_name_of_a_file_that_is_a_text_is_an_error(evaluate):
    with pytest.raises(TextTypeError, match=r"received the text 'pairs.txt': pass Path\(...\) if it is the name"):
        evaluate(vectors_of(np.eye(2)), "pairs.txt")
