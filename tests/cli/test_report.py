"""``tokemb report``: what it reads, prints and writes."""

from __future__ import annotations

import json

import pytest

import tokemb
from tests.conftest import command_here, ok

ENGLISH = [f"the film number {i % 7} was a good film and a long one" for i in range(60)]
RUSSIAN = [f"этот фильм номер {i % 7} был хорошим и длинным" for i in range(60)]


@pytest.fixture
def folder(tmp_path):
    """A folder with texts, their counts and vocabulary, and new texts of the same and of another language."""
    (tmp_path / "old.txt").write_text("\n".join(ENGLISH[:40]), "utf-8")
    (tmp_path / "same.txt").write_text("\n".join(ENGLISH[40:]), "utf-8")
    (tmp_path / "other.txt").write_text("\n".join(RUSSIAN), "utf-8")
    (tmp_path / "empty.txt").write_text("\n\n", "utf-8")
    (tmp_path / "table.csv").write_text("user,item\n" + "".join(f"u{i % 9},i{i % 4}\n" for i in range(50)), "utf-8")
    tokemb.TokenCounts.from_texts(ENGLISH[:40]).save(tmp_path / "old.counts.parquet")
    tokemb.fit_vocab(ENGLISH[:40], max_size=10).save(tmp_path / "old.vocab")
    return tmp_path


def report_json(folder, *arguments):
    return json.loads(ok(command_here("report", *arguments, "--json", cwd=folder)).stdout)


def test_counts_and_texts_give_the_same_report(folder):
    of_texts, of_counts = (report_json(folder, name) for name in ("old.txt", "old.counts.parquet"))
    assert of_texts.pop("commands")[0].startswith("tokemb fit-vocab old.txt -o old-2.vocab --max-size ")
    assert of_counts.pop("commands")[0].startswith("tokemb fit-vocab old.counts.parquet -o old-2.vocab --max-size ")
    assert of_texts == of_counts == json.loads(json.dumps(tokemb.report(ENGLISH[:40]).to_json()))


def test_suggested_commands_run(folder):
    fit, init = report_json(folder, "old.txt")["commands"]
    ok(command_here(*fit.split()[1:], cwd=folder))
    assert "--vocab old-2.vocab --dim 16 -o old.keras" in init


def test_text_lists_curves_suggestions_and_commands(folder):
    shown = ok(command_here("report", "old.txt", "--complete-rows", cwd=folder)).stdout.decode()
    for expected in ("max_size", "truncated rows", "complete rows", "Zipf exponent", "latin", "tokemb init-model"):
        assert expected in shown


def test_page_is_one_file_without_links(folder):
    ok(command_here("report", "old.vocab", "--on", "other.txt", "-o", "page.html", cwd=folder))
    page = (folder / "page.html").read_text("utf-8")
    assert "Verdict: significant" in page
    assert "default-src 'none'" in page
    assert "http://" not in page
    assert "https://" not in page
    ok(command_here("report", "old.vocab", "-o", "page.html", cwd=folder))  # a report may be replaced
    assert "Verdict" not in (folder / "page.html").read_text("utf-8")


@pytest.mark.parametrize("source", ["old.txt", "old.counts.parquet", "old.vocab"])
def test_fail_above_returns_1_for_another_language_only(folder, source):
    same = command_here("report", source, "--on", "same.txt", "--fail-above", "0.25", cwd=folder)
    assert (same.returncode, same.stderr) == (0, b"")
    other = command_here("report", source, "--on", "other.txt", "--fail-above", "0.25", cwd=folder)
    assert other.returncode == 1
    assert b"the new input differs: its highest population stability index is " in other.stderr
    assert b"significant" in other.stdout


def test_columns_show_cardinality_and_load_of_partitions(folder):
    arguments = ("table.csv", "--column", "user", "--column", "item", "--partitions", "2", "--batch-size", "10")
    user, item = report_json(folder, *arguments)["columns"]
    assert (user["cardinality"], item["cardinality"]) == (9, 4)
    assert item["load"]["max_unique_ids_per_partition"] == 2
    shown = ok(command_here("report", *arguments, cwd=folder)).stdout.decode()
    assert "max unique ids" in shown
    ok(command_here("fit-vocab", "table.csv", "--column", "user", "--column", "item", "-o", "columns", cwd=folder))
    assert report_json(folder, "columns", "--on", "table.csv")["drift"]["user"]["verdict"] == "stable"
    ok(command_here("report", "columns", "-o", "columns.html", cwd=folder))
    assert "<td>user</td>" in (folder / "columns.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("old.txt", "--on", "empty.txt"), 1, "drift requires at least one token"),
        (("empty.txt",), 1, "a report requires at least one token"),
        (("old.txt", "--fail-above", "0.2"), 2, "--fail-above requires --on"),
        (("old.counts.parquet", "--complete-rows"), 2, "--complete-rows reads the texts"),
        (("old.vocab", "--profile", "chars"), 2, "--profile must be left out or 'words'"),
        (("-", "--complete-rows"), 2, "--complete-rows reads the input twice, which a pipe does not allow"),
        (("old.txt", "--partitions", "2"), 2, "--partitions is for columns"),
        (("table.csv", "--column", "user", "--column", "item", "--complete-rows"), 2, "--complete-rows is for texts"),
        (("old.txt", "--coverage", "1.5"), 2, "--coverage must be a number greater than 0 and at most 1"),
        (("old.txt", "--on", "old.txt", "old.counts.parquet"), 2, "texts and counts cannot be mixed"),
        (("absent.vocab",), 1, "absent.vocab"),
    ],
)
def test_error_is_one_sentence_and_nothing_is_written(folder, arguments, code, message):
    run = command_here("report", *arguments, "-o", "page.html", cwd=folder)
    assert run.returncode == code
    assert message in run.stderr.decode()
    assert not (folder / "page.html").exists()


def test_page_replaces_only_reports(folder):
    (folder / "page.html").write_text("<p>mine</p>", "utf-8")
    run = command_here("report", "old.txt", "-o", "page.html", cwd=folder)
    assert run.returncode == 1
    assert "is not a report by tokemb" in run.stderr.decode()
    assert command_here("report", "old.txt", "-o", "page.txt", cwd=folder).returncode == 2
    assert command_here("report", "old.txt", "-o", "old.txt", "--force", cwd=folder).returncode == 2


def test_command_for_a_vocabulary_splits_texts_as_it_does(folder):
    tokemb.fit_vocab(ENGLISH, profile="whitespace", ngrams=(1, 3)).save(folder / "ngrams.vocab")
    fit, _ = report_json(folder, "ngrams.vocab")["commands"]
    assert fit.endswith("--profile whitespace --ngrams 1,3")
    assert "--ngrams" not in report_json(folder, "old.vocab")["commands"][0]


def test_command_for_a_vocabulary_repeats_the_tokens_around_rows_and_the_buckets(folder):
    tokemb.fit_vocab(ENGLISH, start="[BOS]", end="[EOS]").save(folder / "marked.vocab")
    tokemb.fit_vocab(ENGLISH, min_count=2, num_oov_buckets=3, salt=7).save(folder / "buckets.vocab")
    commands = [report_json(folder, f"{name}.vocab")["commands"][0] for name in ("marked", "buckets")]
    assert commands[0].endswith("--start '[BOS]' --end '[EOS]'")
    assert commands[1].endswith("--oov-buckets 3 --salt 7,7")


def test_command_for_a_vocabulary_repeats_the_segmenter_and_its_dictionary(folder):
    pytest.importorskip("jieba")
    (folder / "words.txt").write_text("云计算\n", "utf-8")
    texts = ["云计算很好", "味道很好"]
    tokemb.fit_vocab(texts, segmenter="jieba", user_dictionary=folder / "words.txt").save(folder / "zh.vocab")
    fit, _ = report_json(folder, "zh.vocab")["commands"]
    assert fit.endswith("--profile keras --segmenter jieba --user-dictionary zh.vocab/user_dictionary.txt")
