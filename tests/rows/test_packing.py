"""Rows that are filled with several texts."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import command_here, examples, ok, tokemb_command
from tokemb.errors import ArgumentError, RowsLostError
from tokemb.rows import packing
from tokemb.rows.packing import PackedTexts, best_fit, pack_pools

WORDS = [f"w{i}" for i in range(20)]
LONG = " ".join(WORDS)
TEXTS = [" ".join(WORDS[: 7 * i % 13]) for i in range(40)]

ROWS = st.lists(st.lists(st.integers(1, 99), max_size=8), max_size=40)


@pytest.fixture(scope="module")
def encoder():
    return tokemb.fit_vocab([LONG], start="[BOS]", end="[EOS]")


@pytest.fixture(scope="module")
def folder(encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packing")
    encoder.save(folder / "v")
    (folder / "x.jsonl").write_text("".join(json.dumps({"text": text, "n": 1}) + "\n" for text in TEXTS))
    return folder


def brute_force(lengths, maxlen):
    """Place each text, the longest first, in the row with the least room. Of several, take the one filled first."""
    rows = []
    for time, text in enumerate(sorted(range(len(lengths)), key=lambda text: -lengths[text])):
        if not lengths[text]:
            continue
        fitting = [row for row in rows if row["room"] >= lengths[text]]
        row = min(fitting, key=lambda row: (row["room"], row["time"]), default=None)
        if row is None:
            row = {"room": maxlen, "texts": []}
            rows.append(row)
        row["room"] -= lengths[text]
        row["time"] = time
        row["texts"].append(text)
    return [row["texts"] for row in rows]


@examples(100)
@given(st.lists(st.integers(0, 12), max_size=60), st.integers(12, 30))
def test_best_fit_is_that_of_a_search_over_all_rows(lengths, maxlen):
    texts, splits = best_fit(np.array(lengths, np.int64), maxlen)
    assert [texts[a:b].tolist() for a, b in zip(splits, splits[1:], strict=False)] == brute_force(lengths, maxlen)


@given(ROWS, st.integers(8, 20), st.sampled_from(["pre", "post"]))
def test_unpacking_gives_each_text_once(rows, maxlen, padding):
    [packed] = list(pack_pools([tokemb.Ragged.from_rows([*rows, [1]])], maxlen))
    ids, segment_ids, positions = packed.padded(maxlen, 0, padding)
    texts = PackedTexts(ids, segment_ids, positions, packed.texts)
    assert sorted(texts.text.tolist()) == [number for number, row in enumerate([*rows, [1]]) if row]
    for number, part, places in zip(texts.text, texts.unpack(ids), texts.unpack(positions), strict=True):
        assert part.tolist() == [*rows, [1]][number]
        assert places.tolist() == list(range(len(part)))
    np.testing.assert_array_equal(ids == 0, segment_ids == 0)
    for row in segment_ids:
        numbers = row[row > 0]
        assert numbers[0] == 1
        assert set(np.diff(numbers)) <= {0, 1}
        assert (row[: len(numbers)] if padding == "post" else row[len(row) - len(numbers) :]).all()


@examples(40)
@given(st.lists(st.lists(st.integers(1, 99), max_size=8), min_size=8, max_size=40), st.data())
def test_rows_do_not_depend_on_the_batches_of_texts(rows, data):
    size = packing._POOL_SIZE
    texts = tokemb.Ragged.from_rows(rows)
    bounds = [0, *sorted(data.draw(st.lists(st.integers(0, len(rows)), min_size=2, max_size=4))), len(rows)]
    parts = [texts.slice(first, last) for first, last in zip(bounds, bounds[1:], strict=False)]
    try:
        packing._POOL_SIZE = data.draw(st.integers(1, 30))
        whole, split = list(pack_pools([texts], 8)), list(pack_pools(parts, 8))
    finally:
        packing._POOL_SIZE = size
    assert [pool.texts.tolist() for pool in whole] == [pool.texts.tolist() for pool in split]
    assert [pool.rows.values.tolist() for pool in whole] == [pool.rows.values.tolist() for pool in split]
    assert sorted(text for pool in whole for text in pool.texts) == [number for number, row in enumerate(rows) if row]


@pytest.mark.parametrize("settings", [{"truncating": "pre"}, {"truncating": "post"}, {"overlap": 2}], ids=str)
def test_long_texts_are_truncated_or_split_into_windows(encoder, settings):
    packed = encoder.encode_packed(TEXTS, maxlen=9, **settings)
    if "overlap" in settings:
        windows = encoder.encode_windows(TEXTS, maxlen=9, **settings).ids
        expected = [row[row != 0].tolist() for row in windows]
    else:
        expected = [row.tolist() for row in encoder.encode_ragged(TEXTS, maxlen=9, **settings)]
    parts = {number: part.tolist() for number, part in zip(packed.text, packed.unpack(packed.ids), strict=True)}
    assert [parts[number] for number in range(len(expected))] == expected
    filled = sum(map(len, expected))
    assert packed.padding_share == pytest.approx(1 - filled / packed.ids.size)
    assert list(packed.inputs) == ["ids", "segment_ids", "positions"]


def test_no_texts_are_no_rows():
    encoder = tokemb.fit_vocab(["a"])
    for texts in ([], ["", "?"]):
        packed = encoder.encode_packed(texts, maxlen=4)
        assert packed.ids.shape == packed.segment_ids.shape == (0, 4)
        assert packed.unpack(packed.ids) == []
        assert packed.padding_share == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "maxlen must be given for packed rows"),
        ({"maxlen": 9, "overlap": 8}, "overlap must be smaller"),
        ({"maxlen": 9, "overlap": 2, "truncating": "pre"}, "truncating must be left out with overlap"),
        ({"maxlen": 1}, "maxlen must be at least 2"),
    ],
)
def test_setting_that_cannot_be_is_an_error(encoder, settings, message):
    with pytest.raises(ArgumentError, match=message):
        encoder.encode_packed(TEXTS, **settings)


@pytest.mark.parametrize("overlap", [None, 2])
def test_file_has_the_arrays_of_the_library(folder, encoder, overlap):
    settings = {"maxlen": 9, "overlap": overlap, "padding": "pre"}
    report = tokemb.encode_file(folder / "x.jsonl", encoder, folder / "x.npz", pack=True, column="text", **settings)
    packed = encoder.encode_packed(TEXTS, **settings)
    with np.load(folder / "x.npz") as written:
        for name, array in packed.inputs.items():
            np.testing.assert_array_equal(written[name], array)
    assert report.padding_share == pytest.approx(packed.padding_share)
    assert f"40 rows read, {len(packed.ids)} written" in str(report)
    assert f"{packed.padding_share:.2%} of the packed rows are padding" in str(report)


def test_interrupted_shards_are_resumed(folder, encoder, monkeypatch):
    monkeypatch.setattr(packing, "_POOL_SIZE", 50)
    settings = {"maxlen": 15, "rows_per_shard": 4, "pack": True, "column": "text"}
    tokemb.encode_file(folder / "x.jsonl", encoder, folder / "whole", **settings)
    padded, calls = packing.PackedRows.padded, []

    def fail(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return padded(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(packing.PackedRows, "padded", fail)
        with pytest.raises(KeyboardInterrupt):
            tokemb.encode_file(folder / "x.jsonl", encoder, folder / "part", **settings)
    names = sorted(path.name for path in (folder / "whole").glob("*.npz"))
    before = len(list((folder / "part").glob("*.npz")))
    assert 0 < before < len(names)
    report = tokemb.encode_file(folder / "x.jsonl", encoder, folder / "part", **settings)
    total = sum(len(np.load(folder / "whole" / name)["ids"]) for name in names)
    assert report.rows == total - 4 * before
    for name in names:
        assert (folder / "part" / name).read_bytes() == (folder / "whole" / name).read_bytes()


def test_text_that_is_lost_is_an_error(folder, encoder, monkeypatch):
    monkeypatch.setattr(packing, "best_fit", lambda lengths, _: (np.arange(1, len(lengths)), np.arange(len(lengths))))
    with pytest.raises(RowsLostError, match="40 rows were read but 39 packed"):
        tokemb.encode_file(folder / "x.jsonl", encoder, folder / "lost.npz", pack=True, column="text", maxlen=15)
    assert not (folder / "lost.npz").exists()


def test_command_packs_rows(folder, encoder):
    options = ["--vocab", "v", "--column", "text", "--maxlen", 15, "--pack"]
    run = ok(tokemb_command("encode", "x.jsonl", *options, "-o", "-", cwd=folder))
    packed = encoder.encode_packed(TEXTS, maxlen=15)
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    assert rows == [{name: array[i].tolist() for name, array in packed.inputs.items()} for i in range(len(packed.ids))]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--column", "text"], "--maxlen must be given for packed rows"),
        (["--column", "text", "--maxlen", 9, "--keep", "n"], "--keep must be left out with --pack"),
        (["--column", "text", "--maxlen", 9, "--ragged"], "--ragged must be left out with --pack"),
        (["--column", "text", "--maxlen", 9, "--column", "n"], "--pack must be left out for pairs of texts"),
        (
            ["--column", "text", "--keep", "text", "--maxlen", 9, "--engine", "spark"],
            "--keep must be left out with --pack",
        ),
        (
            ["--column", "text", "--column", "n", "--maxlen", 9, "--engine", "spark"],
            "--pack must be left out for pairs of texts",
        ),
    ],
)
def test_option_that_does_not_fit_is_an_error(folder, options, message):
    run = command_here("encode", "x.jsonl", "--vocab", "v", "--pack", *options, "-o", "no.npz", cwd=folder)
    assert run.returncode == 2, run.stderr
    assert message in run.stderr.decode()
    assert not (folder / "no.npz").exists()
