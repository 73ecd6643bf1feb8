"""Tests of commands with columns and events."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

import tokemb
from tests.conftest import DATA, command_here, ok, tokemb_command

pytestmark = pytest.mark.slow

RATINGS = "user,item,rating\nu1,x,4.5\nu2,y,3\nu1,y,\nu3,,5\n"
EVENTS = "196\t242\t3\t881250949\n186\t302\t3\t891717742\n196\t377\t1\t88\n196\t51\t2\t880606923\n"
TSV = "--format tsv --no-header"


@pytest.fixture
def at(tmp_path):
    (tmp_path / "ratings.csv").write_text(RATINGS)
    (tmp_path / "u.data").write_text(EVENTS)
    return tmp_path


def run(at, command, *more, code=0, run_command=command_here):
    done = run_command(*command.split(), *more, cwd=at)
    assert done.returncode == code, done.stderr.decode()
    return done


def test_columns_of_ratings_become_one_array_each(at):
    done = run(at, "fit-vocab ratings.csv --column user --column item -o columns/", run_command=tokemb_command)
    assert done.stdout == b""
    assert done.stderr.decode().splitlines() == [
        "read       4 rows",
        "user       input_dim 6, suggested dim 4",
        "item       input_dim 5, suggested dim 4",
        "ids        0 is padding, 1 [UNK], 2 missing, then the values by count",
        "wrote      columns",
        "next       tokemb encode ratings.csv --vocab columns -o ratings.ids.npz",
    ]
    done = run(at, "encode ratings.csv --vocab columns/ --keep rating -o arrays.npz", run_command=tokemb_command)
    assert done.stderr.decode() == (
        "wrote arrays.npz: int32 user (4,), item (4,); 4 rows read and written; "
        "out of vocabulary: user 0.00%, item 0.00%\n"
    )
    encoder = tokemb.ColumnEncoder.load(at / "columns")
    with np.load(at / "arrays.npz") as arrays:
        assert set(arrays) == {"user", "item", "rating", "rating.missing", "fingerprint"}
        assert arrays["user"].tolist() == [3, 4, 3, 5]
        assert arrays["item"].tolist() == [4, 3, 3, 2]
        assert arrays["item"].dtype == np.int32
        assert arrays["rating"].tolist()[:2] == [4.5, 3.0]
        assert arrays["rating.missing"].tolist() == [False, False, True, False]
        assert str(arrays["fingerprint"]) == encoder.fingerprint
        in_python = encoder.encode(at / "ratings.csv")
        for name in encoder.names:
            np.testing.assert_array_equal(arrays[name], in_python[name])
    run(at, "encode ratings.csv --vocab columns --keep rating -o arrays.parquet --quiet")
    table = pq.read_table(at / "arrays.parquet")
    assert table.to_pydict() == {"user": [3, 4, 3, 5], "item": [4, 3, 3, 2], "rating": [4.5, 3.0, None, 5.0]}
    assert table.schema.metadata[b"tokemb.fingerprint"].decode() == encoder.fingerprint


def test_columns_in_other_formats(at):
    run(at, "fit-vocab ratings.csv --column user --column item --quiet -o columns")
    done = run(at, "encode ratings.csv --vocab columns --keep rating -o -")
    assert [json.loads(line) for line in done.stdout.splitlines()][1:3] == [
        {"user": 4, "item": 3, "rating": 3.0},
        {"user": 3, "item": 3, "rating": None},
    ]
    done = run(at, "encode ratings.csv --vocab columns --dtype int64 --keep rating --round-floats -o a.tfrecord")
    assert done.stderr.decode().splitlines() == [
        "wrote a.tfrecord: int64 user (4,), item (4,); 4 rows read and written; out of vocabulary: user 0.00%, "
        "item 0.00%",
        "{",
        '    "user": tf.io.FixedLenFeature([], tf.int64),',
        '    "item": tf.io.FixedLenFeature([], tf.int64),',
        '    "rating": tf.io.FixedLenFeature([], tf.float32, default_value=float("nan")),',
        "}",
    ]


def test_shards_of_columns(at):
    run(at, "fit-vocab ratings.csv --column user --column item --quiet -o columns")
    command = "encode ratings.csv --vocab columns --dtype uint16 --rows-per-shard 3 --shard-format parquet -o s"
    for before, rows in (("", "4 rows read and written"), (" (4 of them already written)", "0 rows read and written")):
        line = run(at, command).stderr.decode()
        share = "out of vocabulary: user 0.00%, item 0.00%"
        assert line == f"wrote s: 2 files, 4 rows{before}; {rows}; {share}\n"
    assert pq.read_table(at / "s" / "part-00001.parquet").to_pydict() == {"user": [5], "item": [2]}
    description = json.loads(run(at, "inspect s --json").stdout)
    assert (description["holds"], description["columns"], description["rows"]) == ("columns", ["user", "item"], 4)
    assert b"other settings, dtype" in run(at, command.replace("uint16", "int32"), code=1).stderr
    message = b".npy holds one array; the output has the columns user, item: write .npz or .parquet"
    done = run(at, "encode ratings.csv --vocab columns --rows-per-shard 3 --shard-format npy -o n", code=1)
    assert message in done.stderr
    (at / "x.jsonl").write_text('{"tags":["a"],"n":1}\n')
    run(at, "fit-vocab x.jsonl --column tags --column n -o c")
    done = run(at, "encode x.jsonl --vocab c --rows-per-shard 3 -o t", code=1)
    assert b"those of 'tags' too: pass it as --maxlen" in done.stderr
    assert not (at / "t").exists()


def test_settings_apply_to_all_columns(at):
    run(at, "fit-vocab ratings.csv --column user --column item --shared user,item --max-size 2 --quiet -o columns")
    encoder = tokemb.ColumnEncoder.load(at / "columns")
    assert encoder.vocabularies["user"].vocabulary == ["", "[UNK]", "[MISSING]", "u1", "y"]
    assert encoder.vocabularies["user"] is encoder.vocabularies["item"]
    (at / "more.csv").write_text("item,user\nq,u1\n")
    done = run(at, "encode ratings.csv more.csv --vocab columns -o a.npz")
    assert b"out of vocabulary: user 40.00%, item 40.00%" in done.stderr
    with np.load(at / "a.npz") as arrays:
        assert arrays["item"].tolist() == [1, 4, 4, 2, 1]


def test_file_without_header_has_numbered_columns(at):
    done = run(at, f"fit-vocab u.data {TSV} --column 0 --column 1 -o columns")
    assert done.stderr.decode().splitlines()[-1] == (
        "next       tokemb encode u.data --format tsv --no-header --vocab columns -o u.ids.npz"
    )
    run(at, f"encode u.data {TSV} --vocab columns --keep 2 -o a.npz")
    with np.load(at / "a.npz") as arrays:
        assert {name: arrays[name].tolist() for name in "012"} == {
            "0": [3, 4, 3, 3],
            "1": [3, 4, 5, 6],
            "2": [3, 3, 1, 2],
        }
    (at / "video.txt").write_text("1 5\n1 7\n2 5\n")
    run(at, "fit-vocab video.txt --no-header --column 0 --column 1 -o spaced --delimiter", " ")
    run(at, "encode video.txt --no-header --vocab spaced -o a.npz --delimiter", " ")
    with np.load(at / "a.npz") as arrays:
        assert arrays["1"].tolist() == [3, 4, 3]


def test_sequences_of_one_column_make_a_plain_vocabulary(at):
    how = f"{TSV} --column 1 --group-by 0 --order-by 3"
    done = run(at, f"fit-vocab u.data {how} -o items.vocab")
    assert done.stderr.decode().splitlines()[-1] == (
        "next       tokemb encode u.data --column 1 --group-by 0 --order-by 3 --format tsv --no-header "
        "--vocab items.vocab --maxlen 3 -o u.ids.npy"
    )
    encoder = tokemb.Encoder.load(at / "items.vocab")
    assert encoder.vocabulary == ["", "[UNK]", "242", "302", "377", "51"]
    assert encoder.profile == "whitespace"
    done = run(at, f"encode u.data {how} --vocab items.vocab --keep 0,2 -o -")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"ids": [4, 5, 2], "0": "196", "2": 1},
        {"ids": [3, 0, 0], "0": "186", "2": 3},
    ]
    run(at, f"encode u.data {how} --vocab items.vocab --maxlen 2 --truncating pre -o ids.npy")
    assert np.load(at / "ids.npy").tolist() == [[5, 2], [3, 0]]
    run(at, f"encode u.data {how} --vocab items.vocab --maxlen 2 --rows-per-shard 1 -o shards")
    done = run(at, f"encode u.data {how[:-2]} 1 --vocab items.vocab --maxlen 2 --rows-per-shard 1 -o shards", code=1)
    assert b"other" in done.stderr


def test_event_of_several_columns_is_one_token(at):
    how = f"{TSV} --group-by 0 --order-by 3"
    run(at, f"fit-vocab u.data {how} --column 1,2 -o events.vocab")
    assert set(tokemb.Encoder.load(at / "events.vocab").vocabulary[2:]) == {"242|3", "302|3", "377|1", "51|2"}
    run(at, f"fit-vocab u.data {how} --column 1,2 --column 2 --maxlen 2 -o seq")
    run(at, f"encode u.data {how} --vocab seq --keep 0 -o a.parquet")
    grouped = tokemb.group_events(at / "u.data", "0", "3", ["1", "2"], format="tsv", header=False)
    encoder = tokemb.ColumnEncoder.load(at / "seq")
    expected = {name: ids.tolist() for name, ids in encoder.encode(grouped).items()}
    assert pq.read_table(at / "a.parquet").to_pydict() == {**expected, "0": ["196", "186"]}
    assert np.shape(expected["1_2"]) == (2, 2)
    run(at, f"encode u.data {how} --vocab seq --maxlen 3 --padding pre -o a.npz")
    with np.load(at / "a.npz") as arrays:
        np.testing.assert_array_equal(arrays["2"], encoder.encode(grouped, maxlen=3, padding="pre")["2"])
        assert arrays["2"][1].tolist()[:2] == [0, 0]
    run(at, f"encode u.data {how} --vocab seq --ragged -o a.npz")
    ragged = encoder.encode_ragged(grouped)
    with np.load(at / "a.npz") as arrays:
        for name, rows in ragged.items():
            np.testing.assert_array_equal(arrays[f"{name}.values"], rows.values)
            np.testing.assert_array_equal(arrays[f"{name}.row_splits"], rows.row_splits)
    run(at, f"fit-vocab u.data {TSV} --column 1,2 -o one")
    assert tokemb.ColumnEncoder.load(at / "one").names == ["1_2"]


def test_lists_without_maxlen_are_padded_to_the_longest(at):
    lines = [{"tags": ["a"] * length, "n": length} for length in (1, 3, 0)]
    (at / "x.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run(at, "fit-vocab x.jsonl --column tags --column n -o c")
    for output in ("a.npz", "a.parquet"):
        done = run(at, f"encode x.jsonl --vocab c --keep n -o k_{output}", code=1)
        assert b"cannot be called 'n'" in done.stderr
        assert not (at / f"k_{output}").exists()
        run(at, f"encode x.jsonl --vocab c -o {output}")
    expected = {"tags": [[3, 0, 0], [3, 3, 3], [0, 0, 0]], "n": [4, 5, 3]}
    assert pq.read_table(at / "a.parquet").to_pydict() == expected
    with np.load(at / "a.npz") as arrays:
        assert {name: arrays[name].tolist() for name in expected} == expected


def test_missing_event_is_an_error_unless_replaced(at):
    (at / "x.csv").write_text("u,i\na,x\na,\nb,y\n")
    done = run(at, "fit-vocab x.csv --column i --group-by u -o v", code=1)
    assert b"1 events have no i" in done.stderr
    run(at, "fit-vocab x.csv --column i --group-by u -o v --missing empty")
    done = run(at, "encode x.csv --column i --group-by u --vocab v --missing empty -o -")
    assert [json.loads(line)["ids"] for line in done.stdout.splitlines()] == [[2, 1], [3, 0]]


def test_inspect_describes_a_folder_of_columns(at):
    run(at, "fit-vocab ratings.csv --column user --column item --column user,item --shared user,item -o columns")
    description = json.loads(run(at, "inspect columns --json --top 1", run_command=tokemb_command).stdout)
    assert description["kind"] == "columns"
    assert description["rows"] == 4
    assert description["columns"]["user"]["shared"] == ["user", "item"]
    assert description["columns"]["user_item"]["of"] == ["user", "item"]
    assert description["columns"]["user"]["input_dim"] == 8
    assert description["columns"]["user"]["top"] == [{"id": 3, "token": "u1", "count": 2, "documents": 2}]
    assert b"columns.user.input_dim  8\n" in run(at, "inspect columns").stdout


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            "fit-vocab ratings.csv --column user --column item --algorithm bpe -o c",
            "--algorithm is for vocabularies of texts",
        ),
        ("fit-vocab ratings.csv --column user --column item --no-oov -o c", "--no-oov is for vocabularies of texts"),
        ("fit-vocab ratings.csv --column user --shared user,item -o c", "--shared requires several --column"),
        ("fit-vocab ratings.csv --column user --order-by item -o c", "--order-by sorts the rows of a group"),
        ("fit-vocab ratings.csv --group-by user -o c", "pass --column"),
        ("fit-vocab ratings.csv --group-by user --column user -o c", "--group-by must not name a column of events"),
        (
            "encode ratings.csv --group-by user --column item --keep item --vocab user.vocab -o -",
            "--keep must not name a column of events; received item",
        ),
        ("fit-vocab ratings.csv --column , -o c", "--column must be the name of a column"),
        ("encode ratings.csv --vocab columns --column user -o a.npz", "leave out --column"),
        (
            "encode ratings.csv --vocab columns -o a.npy",
            "must end in .npz, .parquet, .tfrecord, .array_record, .jsonl for",
        ),
        (
            "encode ratings.csv --vocab user.vocab --column user,item -o a.npz",
            "a vocabulary of texts: pass one --column, or two",
        ),
    ],
)
def test_wrong_usage_is_exit_code_2(at, command, message):
    tokemb.ColumnEncoder.fit(at / "ratings.csv", columns=["user", "item"]).save(at / "columns")
    tokemb.fit_vocab(["u1"]).save(at / "user.vocab")
    done = run(at, command, code=2)
    assert message in " ".join(done.stderr.decode().split())


def test_nothing_is_written_after_an_error(at):
    run(at, "fit-vocab ratings.csv --column user --column rating --column item -o c --min-count 1")
    before = sorted(at.rglob("*"))
    (at / "bad.csv").write_text("user,rating,item\nu,1,x\nu,1\n")
    run(at, "encode bad.csv --vocab c -o a.npz", code=1)
    run(at, "encode bad.csv --vocab c -o a.parquet", code=1)
    (at / "bad.csv").unlink()
    assert sorted(at.rglob("*")) == before


@pytest.mark.skipif(not (DATA / "sasrec_video").is_dir(), reason="needs the corpora")
def test_sequences_of_videos_are_encoded_in_order(at):
    path = DATA / "sasrec_video" / "Video.txt.gz"
    how = ["--no-header", "--delimiter", " ", "--column", "1", "--group-by", "0"]
    ok(command_here("fit-vocab", path, *how, "-o", "v", cwd=at))
    ok(command_here("encode", path, *how, "--vocab", "v", "--maxlen", 50, "--truncating", "pre", "-o", "i.npy", cwd=at))
    ids = np.load(at / "i.npy")
    encoder = tokemb.Encoder.load(at / "v")
    assert encoder.input_dim == 23_715 + 2
    last = {}
    with gzip.open(path, "rt") as file:
        for line in file:
            user, item = line.split()
            last.setdefault(user, []).append(item)
    expected = encoder.encode(list(last.values()), maxlen=50, truncating="pre")
    np.testing.assert_array_equal(ids, expected)
