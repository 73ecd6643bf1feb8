"""What the documents say is so."""

from __future__ import annotations

import csv
import doctest
import gzip
import importlib
import importlib.util
import re
import shlex
from itertools import islice

import numpy as np
import pytest

import tokemb
from tests.conftest import DATA, ROOT, command_here, eagerly
from tests.test_packaging import packages_in_the_tree
from tokemb.vocabulary.profiles import PROFILES

pytestmark = pytest.mark.slow

OPTIONS = doctest.NORMALIZE_WHITESPACE


def module_names():
    for package in packages_in_the_tree():
        if package.startswith("tokemb_cli"):
            continue
        for path in (ROOT / package.replace(".", "/")).glob("*.py"):
            yield package if path.stem == "__init__" else f"{package}.{path.stem}"


@pytest.mark.parametrize("name", sorted(module_names()))
def test_examples_in_docstrings_run(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=OPTIONS)
    assert result.failed == 0


def test_at_least_five_docstrings_have_examples():
    finder = doctest.DocTestFinder()
    examples = [test for name in module_names() for test in finder.find(importlib.import_module(name)) if test.examples]
    assert len(examples) >= 5


PAGES = [
    ("README.md", 15),
    ("docs/engine.md", 3),
    ("docs/corpora.md", 12),
    ("docs/pairs.md", 15),
    ("docs/sequences.md", 15),
    ("README.zh.md", 6),
    ("docs/zh/steps.md", 30),
    ("docs/segmenters.md", 8),
    ("docs/report.md", 15),
    ("docs/outputs.md", 15),
    ("docs/serving.md", 20),
    ("docs/vectors.md", 10),
    ("docs/migrating.md", 8),
    ("docs/importing.md", 5),
    ("docs/growing.md", 15),
    ("docs/ngrams.md", 6),
    ("docs/columns.md", 20),
    ("docs/buckets.md", 10),
    ("docs/examples.md", 25),
    ("docs/looking.md", 15),
    ("docs/scikit-learn.md", 15),
    ("docs/training.md", 15),
    ("docs/tagging.md", 10),
    ("docs/predicting.md", 20),
    ("docs/recommending.md", 18),
    ("docs/scale.md", 5),
]


@pytest.mark.parametrize(("page", "examples"), PAGES)
def test_examples_in_pages_run(page, examples, tmp_path, monkeypatch):
    library = {"docs/scikit-learn.md": "sklearn", "docs/outputs.md": "array_record"}.get(page)
    if library is not None:
        pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "build").mkdir()
    result = doctest.testfile(str(ROOT / page), module_relative=False, optionflags=OPTIONS, encoding="utf-8")
    assert result.attempted > examples
    assert result.failed == 0


@pytest.mark.parametrize("library", ["pandas", "duckdb", "grain"])
def test_other_programs_read_the_outputs_as_the_page_shows(library, tmp_path, monkeypatch):
    pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    doctest.testfile(str(ROOT / "docs" / "outputs.md"), module_relative=False, optionflags=OPTIONS)
    page = (ROOT / "docs" / "outputs.md").read_text("utf-8")
    blocks = re.findall(rf"```python\n(import {library}.*?)```", page, re.DOTALL)
    for block in blocks:
        exec(block, {})
    assert blocks


def test_example_for_datasets_gives_the_shown_ids():
    pytest.importorskip("datasets")
    page = (ROOT / "docs" / "corpora.md").read_text("utf-8")
    (block,) = re.findall(r"```python\n(from datasets .*?)```", page, re.DOTALL)
    names = {"encoder": tokemb.fit_vocab(["fine, really", "poor"])}
    exec(block, names)
    assert names["ids"].tolist() == [[2, 4, 0, 0], [3, 0, 0, 0], [1, 3, 0, 0]]
    mapped = names["mapped"][:]
    assert sorted(mapped) == ["ids", "label"]
    np.testing.assert_array_equal(mapped["ids"], names["ids"])


def test_commands_in_the_readme_run(tmp_path):
    (tmp_path / "reviews.txt").write_text("a fine film\nnot so fine\n")
    blocks = re.findall(r"```\n(tokemb .*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 1
    for line in blocks[0].splitlines():
        run = command_here(*shlex.split(line)[1:], cwd=tmp_path)
        assert run.returncode == 0, (line, run.stderr)
    assert (tmp_path / "vectors.npy").stat().st_size > 2 * 256 * 50 * 4


def test_commands_in_the_page_on_recommending_run(tmp_path):
    (tmp_path / "reviews.txt").write_text("a fine film\nnot so fine a film\n" * 5)
    ratings = [f"{user}\t{item}\t{1 + (user + item) % 5}\t{99 - item}\n" for user in range(9) for item in range(8)]
    (tmp_path / "u.data").write_text("".join(ratings))
    (block,) = re.findall(r"```\n(tokemb .*?)```", (ROOT / "docs" / "recommending.md").read_text("utf-8"), re.DOTALL)
    for line in block.splitlines():
        short = ["--epochs=1", "--no-refit"] if "train ratings" in line else []
        run = command_here(*shlex.split(line)[1:], *short, cwd=tmp_path)
        assert run.returncode == 0, (line, run.stderr)
    for folder in ("stars", "words", "items"):
        names = {path.name for path in (tmp_path / folder).iterdir()}
        assert names == {"model.keras", "vocabulary", "training.json"}


@eagerly
def test_commands_in_the_page_on_tagging_run(tmp_path):
    sentence = "Ada B-PER\nmet O\nBabbage B-PER\n"
    for name in ("train.conll", "test.conll", "new.conll"):
        (tmp_path / name).write_text("\n".join([sentence] * 20))
    page = (ROOT / "docs" / "tagging.md").read_text("utf-8")
    for block in re.findall(r"```\n(tokemb .*?)```", page, re.DOTALL):
        for line in block.splitlines():
            short = ["--epochs=1", "--no-refit"] if "train tag" in line else []
            run = command_here(*shlex.split(line)[1:], *short, cwd=tmp_path)
            assert run.returncode == 0, (line, run.stderr)
    assert (tmp_path / "tags.jsonl").read_text().count('"predictions":[') == 20


@eagerly
def test_the_commands_in_the_page_on_predicting(tmp_path):
    reviews = [
        f"{number},{('good', 'bad')[number % 2]},a {('fine', 'poor')[number % 2]} film\n" for number in range(60)
    ]
    (tmp_path / "reviews.csv").write_text("id,label,text\n" + "".join(reviews))
    (tmp_path / "new.csv").write_text('id,text\n1,a fine film\n2,"?"\n')
    (tmp_path / "sessions.txt").write_text("login view logout\nlogin search view logout\n" * 20)
    answers = [f"s{number % 9},{('sums', 'fractions')[number % 2]},{number % 3 % 2}\n" for number in range(90)]
    (tmp_path / "answers.csv").write_text("student,skill,correct\n" + "".join(answers))
    ratings = [f"u{user},f{film},{1 + (user + film) % 5}\n" for user in range(9) for film in range(8)]
    (tmp_path / "ratings.csv").write_text("user,film,stars\n" + "".join(ratings))
    (tmp_path / "pairs.csv").write_text("user,film\nu1,f2\nnobody,f1\n")
    (block,) = re.findall(r"```\n(tokemb .*?)```", (ROOT / "docs" / "predicting.md").read_text("utf-8"), re.DOTALL)
    for line in filter(None, block.splitlines()):
        run = command_here(*shlex.split(line.replace("--epochs 5", "--epochs 1 --no-refit"))[1:], cwd=tmp_path)
        assert run.returncode == 0, (line, run.stderr)
    with (tmp_path / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["reason"]) for row in rows] == [("1", ""), ("2", "the text has no tokens")]
    with (tmp_path / "predicted.csv").open(newline="") as file:
        assert [row["reason"] for row in csv.DictReader(file)] == ["", "user is out of vocabulary"]


def test_commands_in_the_page_on_vectors_print_what_it_shows(tmp_path):
    (tmp_path / "reviews.txt").write_text("a fine film\nnot so fine\n")
    (tmp_path / "glove.6B.50d.txt").write_text("".join(f"{word} {'0.5 ' * 49}1\n" for word in ("fine", "film", "not")))
    command_here("fit-vocab", "reviews.txt", "-o", "reviews.vocab", cwd=tmp_path)
    check_shown(ROOT / "docs" / "vectors.md", tmp_path)


def test_commands_in_the_page_on_growing_print_what_it_shows(tmp_path):
    (tmp_path / "reviews.txt").write_text("a fine film\nnot so fine\n")
    (tmp_path / "new.txt").write_text("slow but fine\nslow film\n")
    for arguments in (
        "fit-vocab reviews.txt -o reviews.vocab --max-size 4",
        "init-model --vocab reviews.vocab -o reviews.keras",
    ):
        assert command_here(*arguments.split(), cwd=tmp_path).returncode == 0
    check_shown(ROOT / "docs" / "growing.md", tmp_path)


def test_commands_in_the_page_on_columns_print_what_it_shows(tmp_path):
    (tmp_path / "flights.csv").write_text("from,to,carrier,delay\nZRH,LHR,7,3\nLHR,ZRH,7,0\nZRH,OSL,12,1\nOSL,,7,9\n")
    (tmp_path / "u.data").write_text("196\t242\t3\t90\n186\t302\t3\t7\n196\t377\t1\t8\n196\t51\t2\t10\n")
    books = "A good tea,north,food|home,12.5\nTea with me,south,food,\nGood dogs,north,animals | home,7.5\n"
    (tmp_path / "books.csv").write_text("title,shop,genres,price\n" + books)
    check_shown(ROOT / "docs" / "columns.md", tmp_path)


def test_commands_in_the_page_on_pairs_print_what_it_shows(tmp_path):
    texts = ["is the sea deep", "why is it blue", "very deep", "the sky is blue"]
    tokemb.fit_vocab(texts, start="[CLS]", end="[SEP]").save(tmp_path / "faq.vocab")
    rows = (f"{question},{answer},1\n" for question, answer in zip(texts[:2], texts[2:], strict=True))
    (tmp_path / "faq.csv").write_text("question,answer,label\n" + "".join(rows))
    check_shown(ROOT / "docs" / "pairs.md", tmp_path)


def test_commands_in_the_page_on_sequences_print_what_it_shows(tmp_path):
    sources = [" ".join(map(str, row)) for row in np.random.default_rng(0).integers(5, size=(1000, 3))]
    (tmp_path / "digits.csv").write_text("digits,reversed\n" + "".join(f"{text},{text[::-1]}\n" for text in sources))
    check_shown(ROOT / "docs" / "sequences.md", tmp_path)


def test_commands_in_the_page_on_looking_print_what_it_shows(tmp_path):
    (tmp_path / "reviews.txt").write_text("film movie film slow\nmovie film good bad fast\n")
    rows = "film 5 1 0\nmovie 6 1 0\ngood 0 0 1\nbad 0 0 -1\nfast 0 1 1\nslow 1 5 -6\n"
    (tmp_path / "v.txt").write_text(rows)
    for arguments in (
        "fit-vocab reviews.txt -o reviews.vocab",
        "init-model --vocab reviews.vocab --vectors v.txt -o reviews.keras",
    ):
        assert command_here(*arguments.split(), cwd=tmp_path).returncode == 0
    check_shown(ROOT / "docs" / "looking.md", tmp_path)


def reviews(name):
    """Some labelled reviews: of IMDB, if they are at hand."""
    path = DATA / "imdb" / f"{name}.tsv.gz"
    if not path.exists():
        return [(i % 2, f"a {('poor', 'fine')[i % 2]} film, number {i}") for i in range(400)]
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in islice(file, 0, 25_000, 60)]
    return [(row[0], row[3]) for row in rows]


def test_guide_to_keras_trains_and_serves_the_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "build").mkdir()
    for name in ("train", "test"):
        with (tmp_path / "build" / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("label", "text"), *reviews(name)])
    page = ROOT / "docs" / "keras.md"
    result = doctest.testfile(str(page), module_relative=False, optionflags=OPTIONS)
    assert (result.failed, result.attempted > 30) == (0, True)
    check_shown(page, tmp_path)
    # The program that answers imports TensorFlow alone; tests/keras/test_layers.py runs one without the others.
    (program,) = re.findall(r"```python\n(import tensorflow.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert re.findall(r"^(?:import|from) (\w+)", program, re.MULTILINE) == ["tensorflow"]
    exec(program, served := {})
    answers = np.load(tmp_path / "build" / "answers.npy")
    assert len(set(answers.ravel().tolist())) == 3
    np.testing.assert_allclose(served["predictions"], answers, rtol=1e-5, atol=1e-6)


def check_shown(page, here):
    """Run the commands in the blocks of a page that show a session, and compare what they say."""
    blocks = re.findall(r"```\n\$ (tokemb .*?)\n```", page.read_text("utf-8"), re.DOTALL)
    assert blocks
    for part in "\n$ ".join(blocks).split("\n$ "):
        line, *shown = part.splitlines()
        run = command_here(*shlex.split(line)[1:], cwd=here)
        assert (run.returncode, (run.stdout + run.stderr).decode().splitlines()) == (0, shown)


def test_command_line_page_equals_the_help_texts():
    spec = importlib.util.spec_from_file_location("make_cli", ROOT / "docs" / "make_cli.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text("utf-8") == module.page(), "run `make docs`"


@pytest.mark.parametrize("page", ["README.md", "docs/format.md", "docs/cli.md"])
def test_pages_name_every_profile_in_order(page):
    named = re.findall(r"^(?:\| `|    )([a-z-]+)(?:` \||  )", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    assert [name for name in named if name in PROFILES] == list(PROFILES)


def test_choices_of_options_equal_the_entries_of_the_tables():
    from tokemb import _validation as choices
    from tokemb.analysis.projection import METHODS
    from tokemb.formats import FORMATS

    tables = (PROFILES, FORMATS, METHODS)
    assert [choices.PROFILES, choices.OUTPUT_FORMATS, choices.PROJECTIONS] == [tuple(table) for table in tables]


def test_map_in_the_readme_is_a_small_picture_of_the_text_of_the_guides():
    spec = importlib.util.spec_from_file_location("make_map", ROOT / "docs" / "make_map.py")
    module = importlib.util.module_from_spec(spec)
    pytest.importorskip("PIL")
    spec.loader.exec_module(module)
    sentences = list(module.sentences())
    assert len(sentences) > 500
    assert not any("`" in sentence for sentence in sentences)
    assert module.PICTURE.read_bytes().startswith(b"\x89PNG")
    assert module.PICTURE.stat().st_size < 150_000


@eagerly
@pytest.mark.parametrize("page", ["README.zh.md", "docs/zh/steps.md"])
def test_commands_in_the_chinese_pages_run(page, tmp_path):
    rows = ["味道很好，送餐很快", "味道一般，送餐太慢", "很好吃", "太难吃了"] * 10
    lines = [f"{('好评', '差评')[index % 2]},{row}\n" for index, row in enumerate(rows)]
    (tmp_path / "reviews.csv").write_text("label,review\n" + "".join(lines), "utf-8")
    if page != "README.zh.md":
        command_here("fit-vocab", "reviews.csv", "--column", "review", "-o", "reviews.vocab", cwd=tmp_path)
    (block,) = re.findall(r"```\n(tokemb .*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    for line in block.splitlines():
        short = ["--epochs=2", "--learning-rate=0.5"] if "train classify" in line else []
        run = command_here(*shlex.split(line)[1:], *short, cwd=tmp_path)
        assert run.returncode == 0, (line, run.stderr)
    assert "好评" in (tmp_path / "predictions.csv").read_text("utf-8")


def test_links_of_pages_lead_to_existing_files():
    pages = (ROOT / "README.md", ROOT / "README.zh.md", *(ROOT / "docs").rglob("*.md"), ROOT / "vocab" / "README.md")
    for page in pages:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), (page, target)


@pytest.mark.parametrize("page", ["docs/contributing.md", "docs/engine.md"])
def test_modules_and_names_of_the_code_on_a_page_exist(page):
    modules = {path: path.read_text("utf-8") for folder in ("tokemb", "cli", "tests") for path in module_paths(folder)}
    text = (ROOT / page).read_text("utf-8")
    missing = [
        name
        for name in re.findall(r"`([\w/]+\.py)`", text)
        if not any(f"/{path.as_posix()}".endswith(f"/{name}") for path in [*modules, *(ROOT / "docs").glob("*.py")])
    ]
    code = "\n".join(modules.values())
    names = re.findall(r"`(_[A-Za-z_]+|[A-Z]+(?:_[A-Z]+)+|[a-z]+(?:_[a-z]+)+)`", text)
    assert missing + [name for name in names if not re.search(rf"\b{name}\b", code)] == []


def module_paths(folder):
    return sorted((ROOT / folder).rglob("*.py"))
