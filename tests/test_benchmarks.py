"""The benchmarks run, say what they found, and find out when results differ. How fast anything is, is not tested."""

from __future__ import annotations

import re
import shutil
from xml.etree import ElementTree

import numpy as np
import pytest

import tokemb
from benchmarks import text_vectorization_script
from benchmarks.__main__ import DIALS, main
from benchmarks.agreement import DisagreementError, close_vectors, same_ids, same_ragged, same_vocabulary
from benchmarks.chart import chart, read_ratios
from benchmarks.corpora import take_evenly
from benchmarks.measuring import Comparison, Finding, Outcome, Party, compare
from benchmarks.report import page
from benchmarks.setting import Setting
from tests.conftest import ROOT, python

pytestmark = pytest.mark.slow

TEXT = "It was a fine film, and not too long.\n\nDon't miss it!\nA film; a FILM.\n" * 20
BENCHMARKS = "import sys; from benchmarks.__main__ import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def dials(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT, "utf-8")
    none = tmp_path / "none"
    return {
        "TEXT": tmp_path / "text.txt",
        "POEMS": none,
        "TOKENIZERS": none,
        "REPEAT": 1,
        "TOUCH": 1,
        "GB": 0,
        "OUT": tmp_path / "RESULTS.md",
    }


def run(dials, code=BENCHMARKS, **more):
    return python(code, *(f"{name}={value}" for name, value in {**dials, **more}.items()))


def test_run_writes_a_page_with_the_ratios_of_every_case(dials):
    words = "encode,ragged,fit,ngrams,ngram-buckets,fit-bpe,compat,wordpiece"
    done = run(dials, CASES=f"{words},embed,pool,dataset,train,memory,spark,one-line")
    assert done.returncode == 0, done.stderr
    results = dials["OUT"].read_text("utf-8")
    for line in (
        r"encode to \(rows, 256\), words \| TextVectorization \| [\d.]+ x \| at least 7 x",
        r"encode to \(rows, 256\), words \| Keras Tokenizer \| [\d.]+ x \| at least 15 x",
        r"encode to \(rows, 256\), words \| tokenizers \| [\d.]+ x \| at least 22 x",
        r"encode to \(rows, 512\), words, .* and OOV buckets \| .*, by tokemb with .* \| [\d.]+ x \| at least 6 x",
        r"fit, words \| tokenizers \| [\d.]+ x \| at least 8 x",
        r"fit, sequences and padding, Keras' names \| Keras Tokenizer \| [\d.]+ x \| at least 6 x",
        r"an epoch of 60 rows, .* \| model.fit on an array of ids \| [\d.]+ x \| at most 1.1 x",
        r"ids to vectors \(80, 256, 50\) \| model.predict \| [\d.]+ x \| at least 10 x",
        r"tokemb encode, one line \| [^|]* \| [\d.]+ x \| at most 2 x",
    ):
        assert re.search(rf"^\| {line} \| (met|\*\*not met\*\*) \|$", results, re.MULTILINE), (line, results)
    unbounded = r"texts to batches \(128, 256\), .*, every other epoch \| TextVectorization under tf.data \| [\d.]+ x"
    assert re.search(rf"^\| {unbounded} \|  \|  \|$", results, re.MULTILINE), results
    assert results.index("## Ratios") < results.index("## Times") < results.index("## Machine")
    assert "`wordpiece` was skipped: there is no all_minilm_l6_v2/tokenizer.json" in results
    assert "`memory` was skipped" in results and "`spark` was skipped" in results
    assert "Before each timed run, 1 MiB of memory were written" in results
    assert f"| tokemb | {tokemb.__version__}" in results
    assert "make bench TEXT=text.txt" in results
    assert str(dials["TEXT"].parent) not in results


def test_memory_case_reports_the_peak_of_both_commands(dials):
    done = run(dials, CASES="memory", GB="0.0001")
    assert done.returncode == 0, done.stderr
    found = re.findall(r"peak memory of tokemb (fit-vocab|encode).* \| (\d+)[.\d]* MB", dials["OUT"].read_text("utf-8"))
    assert [name for name, _ in found] == ["fit-vocab", "encode"]
    assert all(20 < int(megabytes) < 5000 for _, megabytes in found)


def test_json_lines_case_reports_the_ratio_to_gzip(dials):
    done = run(dials, CASES="json-lines", GB="0.00001")
    assert done.returncode == 0, done.stderr
    results = dials["OUT"].read_text("utf-8")
    for command in ("fit-vocab", "encode"):
        line = (
            rf"tokemb {command}, 2\.?\d*e-05 GB of JSON Lines, gzip: as long as \| [^|]+ \| [\d.]+ x \| at most 1.5 x"
        )
        assert re.search(line, results), results


def test_peer_with_other_ids_makes_the_run_fail(dials):
    wrong = """
from benchmarks import peers
right = peers.tokenizers_ragged
def wrong(tokenizer, texts):
    values, row_splits = right(tokenizer, texts)
    values[-1] += 1
    return values, row_splits
peers.tokenizers_ragged = wrong
"""
    done = run(dials, wrong + BENCHMARKS, CASES="ragged")
    assert done.returncode == 1
    assert "ragged: tokemb and tokenizers differ first in row 79" in done.stderr
    assert not dials["OUT"].exists()


@pytest.mark.parametrize(
    ("changed", "code", "message"),
    [
        ({"TEXT": "nowhere.txt"}, 1, "there is no corpus at nowhere.txt: name one, for example TEXT=reviews.txt"),
        ({"TEXTS": "a"}, 2, "'TEXTS=a' is not a dial"),
        ({"ROWS": "few"}, 2, "ROWS must be a number"),
        ({"TOUCH": "0.5"}, 2, "TOUCH must be an integer from 0"),
        ({"CASES": "encode,walk"}, 2, "'walk' is not a case"),
        ({"OUT": "nowhere/RESULTS.md"}, 2, "OUT must be in a folder"),
    ],
)
def test_invalid_dials_are_an_error(dials, changed, code, message, capsys):
    assert main([f"{name}={value}" for name, value in {**dials, **changed}.items()]) == code
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown


def test_makefile_passes_every_dial():
    assert re.search("^DIALS = (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)[1].split() == list(DIALS)


def test_parties_alternate_after_the_check():
    log = []

    def party(name):
        return Party(name, lambda state: log.append(f"{name} {state}"), lambda: log.append(f"make {name}") or "works")

    compare("work", [party("tokemb"), party("peer")], [], lambda results: log.append("check"), repeat=2, touch=0)
    once = ["tokemb works", "peer works"]
    assert log == ["make tokemb", "make peer", *once, "check", *once, *once]


def test_first_pass_uses_a_fresh_object():
    def use(state):
        state.append(len(state))
        return list(state)

    seen = []
    outcome = compare(
        "work",
        [Party("tokemb", lambda state: seen.append(use(state)), list), Party("peer", use, list)],
        [Comparison("peer", turn="second pass", least=0.0), Comparison("absent", turn="second pass")],
        lambda results: None,
        repeat=2,
        touch=0,
        turns=("first pass", "second pass"),
    )
    assert seen == [[0], [0], [0, 1], [0], [0, 1]]
    assert [(finding.work, finding.met) for finding in outcome.findings] == [("work, second pass", True)]


CHECKOUTS = "import sys; from benchmarks.checkouts import main; sys.exit(main(sys.argv[1:]))"


def _other_checkout(folder, more=""):
    folder.mkdir()
    shutil.copytree(ROOT / "tokemb", folder / "tokemb", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "cli").symlink_to(ROOT / "cli")
    with (folder / "tokemb" / "__init__.py").open("a", encoding="utf-8") as file:
        file.write(more)
    return folder


def test_checkouts_are_timed_at_the_same_work(dials, tmp_path):
    other = _other_checkout(tmp_path / "other")
    shown = [f"{name}={value}" for name, value in {**dials, "CASES": "encode,wordpiece,one-line"}.items()]
    done = python(CHECKOUTS, str(other), "PAIRS=1", *shown)
    works = re.findall(r"^\| (.*) \| [\d.]+ \| [\d.]+ \| [\d.]+ \|$", done.stdout, re.MULTILINE)
    encode = "encode to (rows, 256), words, tokemb"
    profiles = [f"{encode} with its profile {name}" for name in ("text-vectorization", "keras")]
    assert works == [encode, *profiles, "tokemb encode, one line, tokemb"], done.stderr


def test_other_checkout_runs_its_own_tokemb(dials, tmp_path):
    other = _other_checkout(tmp_path / "other", "raise RuntimeError('this is the other tokemb')")
    done = python(
        CHECKOUTS, str(other), "PAIRS=1", *(f"{name}={value}" for name, value in {**dials, "CASES": "ragged"}.items())
    )
    assert done.returncode == 1
    assert "this is the other tokemb" in done.stderr and "did not do the same work" in done.stderr


def test_folder_without_tokemb_is_wrong_usage(tmp_path):
    done = python(CHECKOUTS, str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("Compare the speed of tokemb in another checkout")


def test_finding_is_met_within_its_bounds():
    assert Finding("work", "peer", 7.0, least=7).met is True
    assert Finding("work", "peer", 6.9, least=7).met is False
    assert Finding("work", "", 501.0, "MB", most=500).met is False
    assert Finding("work", "peer", 1.0).met is None


def test_page_names_a_peer_that_is_not_installed(dials, tmp_path):
    setting = Setting(dials["TEXT"], tmp_path, tmp_path, rows=None, repeat=1, touch=0, gigabytes=0, folder=tmp_path)
    assert setting.peer("tokemb_no_such_peer") is None
    written = page(Outcome([Finding("work", "peer", 2.0)]), setting, {}, "make bench")
    assert "tokemb_no_such_peer is not installed, so it is left out: `pip install tokemb[bench]`" in written


def test_differences_are_errors_that_name_the_first_row():
    ids = np.array([[1, 2], [3, 4]])
    with pytest.raises(DisagreementError, match="row 1 from column 1"):
        same_ids({"a": ids, "b": np.array([[1, 2], [3, 5]])}, "a", "b")
    with pytest.raises(DisagreementError, match=r"\(2, 2\) and \(1, 2\)"):
        same_ids({"a": ids, "b": ids[:1]}, "a", "b")
    same_ids({"a": ids}, "a", "not installed")
    rows = (np.array([1, 2, 3]), np.array([0, 2, 3]))
    with pytest.raises(DisagreementError, match="row 0 has 2 and 1 tokens"):
        same_ragged({"a": rows, "b": (rows[0], np.array([0, 1, 3]))}, "a", "b")
    with pytest.raises(DisagreementError, match="2 rows"):
        same_ragged({"a": rows, "b": (rows[0], np.array([0, 3]))}, "a", "b")
    with pytest.raises(DisagreementError, match="from id 1"):
        same_vocabulary("a", ["", "x"], "b", ["", "y"])
    with pytest.raises(DisagreementError, match="from id 2"):
        same_vocabulary("a", ["", "x"], "b", ["", "x", "y"])
    for wrong in (np.full((2, 2), 1e-3), np.full((2, 2), np.nan), np.zeros((2, 1))):
        with pytest.raises(DisagreementError):
            close_vectors("a", np.zeros((2, 2)), "b", wrong)


def test_take_evenly_returns_rows_at_equal_distances():
    assert take_evenly(list("abcdef"), 3) == ["a", "c", "e"]
    assert take_evenly(list("ab"), 3) == ["a", "b"]


def test_text_vectorization_script_gives_the_ids_of_the_command(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT, "utf-8")
    encoder = tokemb.fit_vocab(TEXT.splitlines(), profile="text-vectorization")
    (tmp_path / "tokens.txt").write_text("\n".join(encoder.vocabulary[2:]), "utf-8")
    paths = [str(tmp_path / name) for name in ("text.txt", "tokens.txt", "ids.npy")]
    text_vectorization_script.main(*paths[:2], "8", paths[2])
    np.testing.assert_array_equal(np.load(paths[2]), encoder.encode(TEXT.splitlines(), maxlen=8))


def test_chart_shows_every_ratio_with_a_lower_bound():
    page = (
        "| encode <words> | Keras | 25.4 x | at least 15 x | met |\n"
        "| fit | Keras | 17.3 x |  |  |\n"
        "| peak memory | | 365 MB | at most 500 MB | met |\n"
    )
    ratios = read_ratios(page)
    assert ratios == [("encode <words>", "Keras", 25.4)]
    texts = [element.text for element in ElementTree.fromstring(chart(ratios)).iter() if element.tag.endswith("text")]
    assert "encode <words> / Keras" in texts
    assert "25.4" in texts
