"""Tests that terminals show no control characters of tokens and file names, while data keeps them."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess

import numpy as np
import pytest

import tokemb
from tests.conftest import command_here, ok
from tokemb.vocabulary.escape_token import escape_json, escape_text, quoted

EVIL = "\x1b[31mred\x07\x9b2J\u202eback\u2066\x7f\r\u2028end"
NAME = "evil\x1b]0;title\x07\u202e\nname"


def only_seen(content):
    """Return whether every character is visible or ends a line."""
    return all(character.isprintable() or character == "\n" for character in content.decode())


@pytest.fixture
def here(tmp_path):
    old = tokemb.fit_vocab([["good", "film"]], profile="whitespace")
    old.save(tmp_path / "old.vocab")
    tokemb.fit_vocab([["good", "film", EVIL, f"{EVIL}2"]], profile="whitespace").save(tmp_path / "new.vocab")
    (tmp_path / "new.jsonl").write_text(json.dumps({"text": EVIL.replace("\r", "").replace("\u2028", "")}) + "\n")
    return tmp_path


def vectors(path):
    np.savez(path, tokens=np.array(["good", "film", EVIL]), vectors=np.eye(3, dtype=np.float32) + 1)


COMMANDS = {
    "grow": "grow new.jsonl --column text --vocab old.vocab -o out.vocab",
    "diff": "diff old.vocab new.vocab",
    "inspect": "inspect new.vocab",
    "neighbors": "neighbors vectors.npz good",
    "analogy": "analogy vectors.npz good film good",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_tokens_with_terminal_escapes_are_shown_escaped(here, name):
    vectors(here / "vectors.npz")
    run = command_here(*COMMANDS[name].split(), cwd=here)
    shown = run.stdout + run.stderr
    assert rb"\x1b[31mred" in shown
    assert only_seen(shown)


@pytest.mark.parametrize("command", ["diff old.vocab new.vocab", "inspect new.vocab", "neighbors vectors.npz good"])
def test_json_keeps_tokens_and_has_only_visible_characters(here, command):
    vectors(here / "vectors.npz")
    run = command_here(*command.split(), "--json", cwd=here)
    assert only_seen(run.stdout)
    assert EVIL in _strings(json.loads(run.stdout))


def _strings(value):
    if isinstance(value, str):
        return {value}
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*map(_strings, items), value if isinstance(value, dict) else ())


def test_file_names_with_terminal_escapes_are_shown_escaped(here):
    (here / NAME).write_text("good film\n")
    for arguments in (
        ("fit-vocab", NAME, "-o", f"{NAME}.vocab"),
        ("count", NAME, "-o", f"{NAME}.parquet"),
        ("encode", NAME, "--vocab", f"{NAME}.vocab", "-o", f"{NAME}.tfrecord", "--maxlen", 2),
        ("grow", NAME, "--vocab", f"{NAME}.vocab", "-o", f"{NAME}2.vocab"),
    ):
        run = ok(command_here(*arguments, cwd=here))
        assert only_seen(run.stderr)
        assert rb"evil\x1b]0;title\x07\u202e\nname" in run.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("encode", "new.jsonl", "--column", "text", "--vocab", f"{NAME}.vocab", "-o", "x.npy"),
        ("inspect", f"{NAME}.npy"),
        ("encode", "new.jsonl", "--column", NAME, "--vocab", "old.vocab", "-o", "x.npy"),
        ("neighbors", "vectors.npz", NAME),
        ("encode", "new.jsonl", "--vocab", "old.vocab", "-o", f"{NAME}.unknown"),
        ("check", f"{NAME}.npy", "--vocab", "old.vocab", "--model", f"{NAME}.keras"),
    ],
)
def test_error_messages_show_names_escaped(here, arguments):
    vectors(here / "vectors.npz")
    run = command_here(*arguments, cwd=here)
    assert run.returncode in (1, 2)
    assert only_seen(run.stderr)
    assert rb"\x1b]0;title" in run.stderr


def test_error_with_a_line_end_in_a_name_is_one_line(here):
    run = command_here("inspect", f"{NAME}.npy", cwd=here)
    assert run.stderr.count(b"\n") == 1


def test_decoded_texts_keep_their_characters(here):
    encoder = tokemb.Encoder.load(here / "new.vocab")
    np.save(here / "ids.npy", encoder.encode([[EVIL]]))
    run = ok(command_here("decode", "ids.npy", "--vocab", "new.vocab", "--json", cwd=here))
    assert json.loads(run.stdout) == {"text": EVIL}


def test_messages_keep_visible_characters():
    text = "C:\\data  नहीं می\u200cخواهم 👩\u200d💻 don’t"
    assert escape_text(text) == text
    assert escape_text("a\nb\tc\x1b", keep="\n\t") == "a\nb\tc\\x1b"


def test_json_escapes_keep_the_value():
    value = ["\U000e0041\x9b\u202e\n", "é", "\ud800"]
    text = escape_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(text) == value
    assert text.isprintable()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize("name", ["a b", "it's", NAME, "it's\\\x1b", "é\x9b\u202e"])
def test_quoted_name_is_read_back_by_a_shell(name):
    assert quoted(name).isprintable()
    assert quoted("plain") == shlex.quote("plain")
    run = subprocess.run(["bash", "-c", f"printf %s {quoted(name)}"], capture_output=True, check=True)
    assert run.stdout.decode() == name
