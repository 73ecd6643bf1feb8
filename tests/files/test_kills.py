"""Runs that are killed, and runs at the same time: nothing that was there is lost, and nothing is mixed.

``TOKEMB_TEST_KILLS`` is how many runs of each kind are killed at random moments, ``TOKEMB_TEST_PAIRS`` how many pairs
of each kind run at the same time.
"""

from __future__ import annotations

import os
import random
import shutil
import time

import pytest

import tokemb
from tests.forks import Forks
from tokemb.files.atomic import atomic_file

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="requires os.fork")]

KILLS = int(os.environ.get("TOKEMB_TEST_KILLS", "2"))
PAIRS = int(os.environ.get("TOKEMB_TEST_PAIRS", "2"))

# How an output is made, and how another one that was there before, or is made at the same time.
KINDS = {
    "npy": ("encode x.txt --vocab v --maxlen 8 -o out.npy", "encode x.txt --vocab v --maxlen 9 -o out.npy"),
    "npz": ("encode x.txt --vocab v --maxlen 8 -o out.npz", "encode x.txt --vocab v --ragged -o out.npz"),
    "parquet": ("encode x.txt --vocab v --maxlen 8 -o out.parquet", "encode x.txt --vocab w --maxlen 8 -o out.parquet"),
    "vocabulary": ("fit-vocab x.txt -o out", "fit-vocab y.txt -o out"),
    "columns": ("fit-vocab x.csv --column a --column b -o out", "fit-vocab y.csv --column a --column b -o out"),
}
SHARDS = "encode x.txt --vocab v --maxlen {} --padding {} --rows-per-shard 50 --shard-format {} -o out"


@pytest.fixture(scope="module")
def forks(tmp_path_factory):
    server = Forks(tmp_path_factory.mktemp("shown"))
    yield server
    server.close()


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    here = tmp_path_factory.mktemp("inputs")
    numbers = random.Random(0)
    for name in "xy":
        rows = [[f"{name}{numbers.randrange(50)}" for _ in range(numbers.randrange(1, 12))] for _ in range(1500)]
        (here / f"{name}.txt").write_text("".join(" ".join(row) + "\n" for row in rows))
        (here / f"{name}.csv").write_text("a,b\n" + "".join(f"{row[0]},{row[-1]}\n" for row in rows))
    tokemb.fit_vocab(here / "x.txt").save(here / "v")
    tokemb.fit_vocab(here / "y.txt").save(here / "w")
    return here


@pytest.fixture
def here(inputs, tmp_path):
    for path in inputs.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def contents(path):
    """The bytes of a file, or of all files in a folder, without those that a killed run left."""
    if path.is_file():
        return path.read_bytes()
    files = [file for file in path.rglob("*") if file.is_file() and ".tokemb-" not in str(file.relative_to(path))]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def leftovers(here):
    return sorted(str(path.relative_to(here)) for path in here.rglob(".tokemb-*"))


def outcome(forks, here, command):
    """What a run that nobody disturbs makes, and how long it takes."""
    out = here / command.split()[-1]
    start = time.perf_counter()
    code, shown = forks.run(command, here)
    assert code == 0, shown
    seconds, made = time.perf_counter() - start, contents(out)
    remove(out)
    return made, seconds


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def replace_and_kill(forks, here, kind, kill, **options):
    """Have one output replace another, killed by ``kill``; check what is there, and that the next run succeeds."""
    new, old = KINDS[kind]
    out = here / new.split()[-1]
    expected = {command: outcome(forks, here, command)[0] for command in KINDS[kind]}
    assert forks.run(old, here) == forks.run(old, here)
    killed = 0
    for run in kill(new, options):
        code, shown = run.wait()
        killed += code == -9
        assert code in (0, -9), shown
        # With two renames a kill in between leaves no output, until the next run of any command in the folder.
        if out.exists() or options.get("exchange", True):
            assert contents(out) in expected.values(), "whole, the old or the new one"
        else:
            code, shown = forks.run("fit-vocab y.txt -o other", here, **options)
            assert code == 0, shown
            assert contents(out) in expected.values(), "whole, the old or the new one"
        code, shown = forks.run(old, here, **options)
        assert code == 0, shown
        assert contents(out) == expected[old]
        assert not leftovers(here), "the next run removes what the killed one left"
    return killed


# Only folders are exchanged. A file always gets its name in one step.
@pytest.mark.parametrize(
    ("kind", "exchange"),
    [
        pytest.param(kind, exchange, id=f"{kind}-{'exchange' if exchange else 'two renames'}")
        for kind in ("npz", "vocabulary", "columns")
        for exchange in (True, False)
        if exchange or kind != "npz"
    ],
)
def test_a_run_killed_at_any_step_loses_nothing(forks, here, kind, exchange):
    def kill(command, options):
        for step in range(0, 100, 3 if kind == "columns" else 1):
            run = forks.start(command, here, step=step, **options)
            yield run
            if "wrote" in run.shown.read_text():
                return

    assert replace_and_kill(forks, here, kind, kill, exchange=exchange) > 4


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_killed_at_a_random_moment_loses_nothing(forks, here, kind):
    _, seconds = outcome(forks, here, KINDS[kind][0])

    def kill(command, options):
        for _ in range(KILLS):
            run = forks.start(command, here, **options)
            time.sleep(random.random() * seconds)
            run.kill()
            yield run

    replace_and_kill(forks, here, kind, kill)


@pytest.mark.parametrize("suffix", ["npz", "parquet", "npy", "tfrecord", "jsonl"])
def test_a_killed_run_of_shards_is_resumed(forks, here, suffix):
    command = SHARDS.format(8, "post", suffix)
    expected, seconds = outcome(forks, here, command)
    assert len(expected) == 31
    killed = 0
    while killed < KILLS:
        run = forks.start(command, here)
        time.sleep(random.random() * seconds)
        run.kill()
        code, shown = run.wait()
        if code == -9:
            killed += 1
            for name, content in contents(here / "out").items() if (here / "out").exists() else ():
                assert name == "_manifest.json" or content == expected[name], "whole, under its name"
            continue
        assert code == 0, shown
        assert contents(here / "out") == expected
        remove(here / "out")
    code, shown = forks.run(command, here)
    assert code == 0, shown
    assert contents(here / "out") == expected
    assert not leftovers(here)


@pytest.mark.parametrize("kind", KINDS)
def test_two_runs_into_one_output_leave_one_of_both_whole(forks, here, kind):
    expected = [outcome(forks, here, command)[0] for command in KINDS[kind]]
    out = here / KINDS[kind][0].split()[-1]
    for number in range(PAIRS):
        if number % 2:
            remove(out)
        for code, shown in at_once(forks, here, KINDS[kind]):
            assert code == 0, shown
        assert contents(out) in expected
        assert not leftovers(here)


@pytest.mark.parametrize("others", [(9, "post"), (8, "pre"), (8, "post")], ids=["length", "padding", "same"])
def test_two_runs_into_one_folder_of_shards_do_not_mix(forks, here, others):
    commands = SHARDS.format(8, "post", "npz"), SHARDS.format(*others, "npz")
    made = [outcome(forks, here, command) for command in commands]
    for number in range(PAIRS):
        if number % 3 == 2:  # both resume what a killed run left
            run = forks.start(commands[0], here)
            time.sleep(random.random() * made[0][1])
            run.kill()
            run.wait()
        results = at_once(forks, here, commands)
        succeeded = [content for (code, _), (content, _) in zip(results, made, strict=True) if code == 0]
        if not succeeded:
            # The run with other settings held the lock while it found the shards of the killed run, and refused them.
            assert number % 3 == 2
            assert forks.start(commands[0], here).wait()[0] == 0
            succeeded = [made[0][0]]
        for code, shown in results:
            refused = "is being written by" in shown or "holds shards of other settings" in shown
            assert code == 0 or (code == 1 and refused and shown.count("\n") == 1), shown
        assert contents(here / "out") == succeeded[0]
        assert all(content == succeeded[0] for content in succeeded)
        assert not leftovers(here)
        remove(here / "out")


def at_once(forks, here, commands):
    """The exit codes and messages of two runs that start within some milliseconds, in either order."""
    order = random.sample([0, 1], 2)
    runs = {}
    for number in order:
        runs[number] = forks.start(commands[number], here)
        time.sleep(random.choice([0, 0, random.random() * 0.05]))
    return [runs[number].wait() for number in (0, 1)]


def test_a_run_leaves_the_temporaries_of_a_live_run(forks, here):
    with atomic_file(here / "long.npy") as temporary:
        temporary.write_bytes(b"half")
        assert forks.run("encode x.txt --vocab v -o short.npy", here)[0] == 0
        assert temporary.read_bytes() == b"half"
        temporary.write_bytes(b"whole")
    assert (here / "long.npy").read_bytes() == b"whole"
    assert not leftovers(here)
