"""Maps of tokens: what is on them, the files, the command."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import command_here, examples, ok, python, tokemb_command
from tokemb.analysis import TokenVectors, WordMap, neighbors, word_map, write_html, write_picture
from tokemb.errors import ArgumentError
from tokemb.vocabulary.escape_token import escape_token

pytestmark = pytest.mark.slow


def vectors_of(size, dim=4, seed=0, counts=None):
    matrix = np.random.default_rng(seed).normal(size=(size, dim)).astype(np.float32)
    counts = np.full(size, -1) if counts is None else np.array(counts)
    return TokenVectors([f"t{row}" for row in range(size)], matrix, np.ones(size, np.bool_), counts)


def spread(tokens):
    """A map of any tokens, without scikit-learn's part in it."""
    size = len(tokens)
    positions = np.random.default_rng(0).random((size, 2))
    near = [[(row + 1) % size] for row in range(size)]
    return WordMap(tokens, [None] * size, positions, near, [[0.25]] * size, "PCA", [])


# What is on a map


def test_the_most_frequent_tokens_without_padding_oov_and_zeros():
    vectors = vectors_of(9, counts=[-1, 50, 7, 9, 9, 3, 8, 1, 2])
    vectors.matrix[3] = 0
    vectors.real[1] = False
    assert word_map(vectors, method="pca", top=5).tokens == ["t4", "t6", "t2", "t5", "t8"]
    everything = word_map(vectors, method="pca")
    assert everything.tokens == ["t4", "t6", "t2", "t5", "t8", "t7", "t0"]
    assert everything.counts == [9, 8, 7, 3, 2, 1, None]
    assert word_map(vectors_of(6), method="pca", top=4).tokens == ["t0", "t1", "t2", "t3"]  # no counts: by id


def test_chosen_words_and_those_that_are_left_out():
    encoder = tokemb.fit_vocab(["fine film good bad bad good bad slow"])
    matrix = np.random.default_rng(0).normal(size=(encoder.input_dim, 3))
    matrix[encoder.vocabulary.index("slow")] = 0
    model = tokemb.embedding_model(encoder, vectors=matrix)
    words = ["Film", "slow", "xylophone", "good", "film", "BAD", "fine"]
    drawn = word_map(model, encoder, method="pca", words=words)
    assert drawn.tokens == ["bad", "good", "film", "fine"]
    assert drawn.left_out == ["slow", "xylophone"]
    with pytest.raises(ArgumentError, match="a map requires at least 4 tokens whose vectors are not zeros; received 2"):
        word_map(model, encoder, words=["film", "good"])
    with pytest.raises(ArgumentError, match="words must be a list of words"):
        word_map(model, encoder, words="film")


def test_settings_that_cannot_be():
    for settings_, message in (
        ({"method": "umap"}, "method must be one of tsne, pca; received 'umap'"),
        ({"top": 0}, "top must be an integer of at least 1"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
    ):
        with pytest.raises(ArgumentError, match=message):
            word_map(vectors_of(5), **settings_)


def test_neighbours_are_those_in_all_dimensions():
    vectors = vectors_of(40, dim=12)
    drawn = word_map(vectors, method="pca")
    for found, near, similar in zip(neighbors(vectors, None, drawn.tokens), drawn.near, drawn.similar, strict=True):
        assert [drawn.tokens[point] for point in near] == [one.token for one in found.neighbors]
        assert similar == [one.similarity for one in found.neighbors]
    part = word_map(vectors, method="pca", words=["t1", "t5", "t9", "t20", "t30"])
    assert {point for near in part.near for point in near} == set(range(5))


def test_pca_is_that_of_the_definition():
    vectors = vectors_of(30, dim=6)
    positions = word_map(vectors, method="pca").positions
    centred = vectors.unit - vectors.unit.mean(axis=0, dtype=np.float64)
    directions = np.linalg.svd(centred)[2][:2]
    expected = centred @ directions.T
    for axis in (0, 1):
        found = positions[:, axis] - positions[:, axis].mean()
        assert abs(np.corrcoef(found, expected[:, axis])[0, 1]) == pytest.approx(1)
    assert np.ptp(positions, axis=0).max() == pytest.approx(1)
    shape = np.ptp(expected, axis=0)
    assert np.ptp(positions, axis=0) == pytest.approx(shape / shape.max())


def test_tsne_keeps_groups_together():
    random = np.random.default_rng(0)
    centres = 8 * random.normal(size=(3, 10))
    vectors = vectors_of(60, dim=10)
    vectors.matrix[:] = np.repeat(centres, 20, axis=0) + random.normal(size=(60, 10)) / 4
    positions = word_map(vectors).positions
    distances = np.linalg.norm(positions[:, None] - positions, axis=-1)
    same = np.repeat(np.arange(3), 20)[:, None] == np.repeat(np.arange(3), 20)
    assert distances[same].max() < distances[~same].min()
    assert positions.min() >= 0
    assert positions.max() <= 1


@pytest.mark.parametrize("method", ["tsne", "pca"])
@pytest.mark.parametrize(
    "matrix",
    [
        np.ones((5, 3)),
        np.arange(1, 7)[:, None],
        np.array([[1, 0], [1, 0], [0, 1], [0, 1]]),
        np.array([[1], [-1], [1], [-1], [2]]),
    ],
    ids=["one direction", "one dimension", "twins", "two directions"],
)
def test_small_and_flat_clouds(matrix, method):
    vectors = vectors_of(len(matrix), dim=matrix.shape[1])
    vectors.matrix[:] = matrix
    positions = word_map(vectors, method=method).positions
    assert np.isfinite(positions).all()
    assert positions.min() >= 0
    assert positions.max() <= 1


def test_the_same_seed_gives_the_same_bytes_whatever_the_cores(tmp_path):
    code = (
        "import sys, numpy as np; from tokemb.analysis import *\n"
        "matrix = np.random.default_rng(0).normal(size=(120, 20)).astype('float32')\n"
        "vectors = TokenVectors([f't{i}' for i in range(120)], matrix, np.ones(120, bool), np.full(120, -1))\n"
        "for name in sys.argv[1:]:\n"
        "    drawn = word_map(vectors, seed=int(name[-1]))\n"
        "    for ending in ('html', 'svg', 'png'):\n"
        "        (write_html if ending == 'html' else write_picture)(drawn, f'{name}.{ending}')\n"
    )
    for names, threads in ((("a3", "c4"), "1"), (("b3",), "4")):
        run = python(
            code,
            *(str(tmp_path / name) for name in names),
            OMP_NUM_THREADS=threads,
            OMP_WAIT_POLICY="PASSIVE",  # more threads than cores would else wait for each other at work
            OPENBLAS_NUM_THREADS=threads,
            PYTHONHASHSEED=threads,
        )
        assert run.returncode == 0, run.stderr
    for ending in ("html", "svg", "png"):
        first, again, other = ((tmp_path / f"{name}.{ending}").read_bytes() for name in ("a3", "b3", "c4"))
        assert first == again
        assert first != other


def test_t_sne_runs_in_one_thread(monkeypatch):
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_info

    used = []

    def fit_transform(self, _):
        used.extend(pool["num_threads"] for pool in threadpool_info())
        return self.init

    monkeypatch.setattr(TSNE, "fit_transform", fit_transform)
    word_map(vectors_of(9))
    assert set(used) == {1}


# The page


class Parsed(HTMLParser):
    """The tags of a page, what its script elements and its title hold."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.inside = [], [], None
        self.title = self.style = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] += data
        elif self.inside in ("title", "style"):
            setattr(self, self.inside, getattr(self, self.inside) + data)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    path = tmp_path_factory.mktemp("plain") / "map.html"
    write_html(spread(["a", "b", "c", "d"]), path)
    return Parsed(path.read_text("utf-8"))


PARTS = st.sampled_from(
    ["</script>", "<!--", "<script>", "]]>", "{{style}}", "\\", '"', "'", "&amp;", "\u2028", "\u202e", "\0"]
)


@examples(25)
@given(st.lists(st.lists(PARTS | st.text(max_size=4), min_size=1).map("".join), min_size=4, max_size=8), st.text())
def test_no_token_or_title_changes_the_page_around_it(plain, tmp_path_factory, tokens, title):
    path = tmp_path_factory.getbasetemp() / "hostile.html"
    write_html(spread(tokens), path, title)
    text = path.read_text("utf-8")
    page = Parsed(text)
    assert page.tags == plain.tags
    assert page.scripts[1:] == plain.scripts[1:]
    assert page.title == escape_token(title)
    assert json.loads(page.scripts[0])["tokens"] == [escape_token(token) for token in tokens]
    assert page.scripts[0].isascii()
    assert set(page.scripts[0]).isdisjoint("<>&")


def test_the_policy_allows_what_is_there_and_no_more(plain):
    policies = [attributes["content"] for tag, attributes in plain.tags if "http-equiv" in attributes]
    rules = {rule.split()[0]: rule.split()[1:] for rule in policies[0].split("; ")}
    assert rules.pop("default-src") == rules.pop("base-uri") == rules.pop("form-action") == ["'none'"]

    def hashed(text):
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert rules.pop("script-src") == [hashed(script) for script in plain.scripts[1:]]
    assert rules.pop("style-src") == [hashed(plain.style)]
    assert rules == {"img-src": ["data:"]}
    for tag, attributes in plain.tags:
        assert {"src", "srcset", "style", "onclick"}.isdisjoint(attributes)
        assert attributes.get("href", "data:,") == "data:,", tag
    assert not re.search(r"url\(|@import|https?:", plain.style + "".join(plain.scripts))


def test_the_numbers_of_the_page(tmp_path):
    drawn = word_map(vectors_of(12, counts=range(12, 0, -1)), method="pca")
    write_html(drawn, tmp_path / "map.html")
    data = json.loads(Parsed((tmp_path / "map.html").read_text()).scripts[0])
    assert data["counts"] == drawn.counts
    assert data["near"] == drawn.near
    np.testing.assert_allclose(np.array(data["similar"]) / 1000, drawn.similar, atol=5.1e-4)
    np.testing.assert_allclose(np.array(data["x"]) / 1e5, drawn.positions[:, 0], atol=6e-6)
    np.testing.assert_allclose(1 - np.array(data["y"]) / 1e5, drawn.positions[:, 1], atol=6e-6)


# Pictures


def labels(path):
    """The texts of an SVG, which Matplotlib keeps in comments beside their shapes."""
    return [text.strip() for text in re.findall(r"<!-- (.*?) -->", path.read_text("utf-8"))]


def test_labels_do_not_lie_on_each_other(tmp_path, monkeypatch):
    from matplotlib.text import Text

    drawn = spread([f"token{number}" for number in range(300)])
    assert write_picture(drawn, tmp_path / "map.svg", "all of them") == []
    heading, *written = labels(tmp_path / "map.svg")[-1:] + labels(tmp_path / "map.svg")[:-1]
    assert heading == "all of them: 300 tokens, PCA of their vectors"
    assert 50 < len(written) < 300
    assert written[0] == "token0"  # the most frequent first
    boxes = []
    draw = Text.draw

    def kept(self, renderer):
        boxes.append(self.get_window_extent(renderer).extents)
        draw(self, renderer)

    monkeypatch.setattr(Text, "draw", kept)
    write_picture(drawn, tmp_path / "map.png")
    boxes = np.array([box for box in boxes if box[2] > box[0]])
    assert len(boxes) == len(written) + 1
    over = (boxes[:, None, :2] < boxes[:, 2:]) & (boxes[:, None, 2:] > boxes[:, :2])
    assert over.all(axis=2).sum() == len(boxes)  # each with itself alone


def test_pictures_of_hostile_tokens(tmp_path):
    tokens = ["$x^2$", "<b>&", "\0\n", "\u202eevil", "$", "--", "a\\b", "\U0010ffff"]
    positions = np.array([[0.5, place] for place in np.linspace(0, 1, len(tokens))])
    drawn = WordMap(tokens, [1] * 8, positions, [[0]] * 8, [[1.0]] * 8, "t-SNE", [])
    assert write_picture(drawn, tmp_path / "map.svg", "$ & <") == []
    ET.parse(tmp_path / "map.svg")
    write_picture(drawn, tmp_path / "map.png")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_what_no_font_can_write_is_said_and_has_no_label(tmp_path, monkeypatch):
    monkeypatch.setattr("tokemb.analysis.picture._FONTS", ("DejaVu Sans",))
    drawn = spread(["film", "林檎", "مرحبا", "ภาษา"])
    assert write_picture(drawn, tmp_path / "map.svg") == ["林檎", "ภาษา"]
    assert sorted(labels(tmp_path / "map.svg"))[1:] == ["film", "مرحبا"]


@pytest.mark.parametrize(
    ("package", "code", "message"),
    [
        ("sklearn", "word_map(vectors)", "maps need scikit-learn: pip install tokemb[plot]"),
        ("matplotlib", "write_picture(None, 'x.png')", "pictures need Matplotlib: pip install tokemb[plot]"),
    ],
)
def test_without_a_package_the_error_says_what_to_install(package, code, message):
    run = python(
        f"import sys; sys.modules[{package!r}] = None\n"
        "import numpy as np; from tokemb.analysis import *\n"
        "vectors = TokenVectors(list('abcd'), np.eye(4, dtype='f'), np.ones(4, bool), np.full(4, -1))\n"
        f"try: {code}\n"
        "except ImportError as error: print(type(error).__name__, error)"
    )
    assert run.stdout == f"MissingPackageError {message}\n", run.stderr


# The command


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    here = tmp_path_factory.mktemp("plot")
    encoder = tokemb.fit_vocab(["one two three four five six seven", "one two three four", "one two"])
    encoder.save(here / "v")
    tokemb.embedding_model(encoder, 6, seed=0).save(here / "m.keras")
    (here / "words.txt").write_text("\ufeffFour\r\nxylophone\r\n\r\none\r\nseven\r\nsix\r\n", "utf-8")
    return here


WARNING = b"warning    the vectors look random, like those of a new model: train the model first\n"


def test_the_command(here):
    run = ok(tokemb_command(*"plot m.keras --vocab v -o map.html --top 6".split(), cwd=here))
    assert (run.stdout, run.stderr) == (b"", WARNING + b"wrote      map.html: 6 tokens, t-SNE\n")
    data = json.loads(Parsed((here / "map.html").read_text()).scripts[0])
    assert data["tokens"] == ["one", "two", "four", "three", "five", "seven"]
    assert data["counts"] == [3, 3, 2, 2, 1, 1]
    run = ok(command_here(*"plot m.keras --vocab v -o map.svg --method pca --words words.txt".split(), cwd=here))
    assert run.stderr.decode().splitlines() == [
        WARNING.decode().rstrip(),
        "left out   1: xylophone: not in the vocabulary, or with vectors of zeros",
        "wrote      map.svg: 4 tokens, PCA",
    ]
    ET.parse(here / "map.svg")


def test_what_the_command_refuses(here):
    for arguments, code, message in (
        ("m.keras --vocab v -o map.pdf", 2, b"must end in .html, .png, .svg; received map.pdf"),
        ("m.keras --vocab v -o x.html --top 5 --words words.txt", 2, b"--words and --top both select the tokens"),
        ("m.keras -o x.html", 2, b"a Keras model requires --vocab"),
        ("m.keras --vocab v -o x.html --top 3", 1, b"Error: a map requires at least 4 tokens"),
        ("m.keras --vocab v -o none/x.html", 1, b"Error: the folder of the output must exist"),
    ):
        run = command_here("plot", *arguments.split(), cwd=here)
        assert (run.returncode, run.stdout) == (code, b"")
        assert message in run.stderr
    assert not (here / "x.html").exists()
