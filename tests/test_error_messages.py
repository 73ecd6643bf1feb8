from __future__ import annotations

import click
import pytest
from tokemb_cli.main import cli
from tokemb_cli.messages import for_command

from tests.conftest import command_here
from tests.error_messages import complaints, python_arguments

ENCODE = ("encode", "x.txt")


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ("max_size must be at least 1", "an argument of Python: max_size"),
        ('pass errors="replace"', "an assignment: errors="),
        ("rows are too long: pass maxlen=256", "an assignment: maxlen="),
        ("call fit_vocab first", "an argument of Python: fit_vocab"),
        ("pass load_vectors(..., x) to it", "a call: load_vectors("),
        ("received None", "a Python value: None"),
        ("pool a Ragged", "a Python value: Ragged"),
        ("received ['a']", "a list of Python: ['"),
        ("the delimiter is b'x'", "bytes of Python: b'"),
        (r"the delimiter is '\\t'", "a doubled backslash"),
        ("unexpected ArrowInvalid: x", "an error that nobody thought of"),
        ("pass --dim", "an option of another command: --dim"),
        ("   ", "an empty message"),
        ("one line\nanother line", "more than one line"),
        ("one\nError: two", "more than one line"),
    ],
)
def test_message_with_a_fault_is_rejected_with_the_reason(message, complaint):
    found = complaints(ENCODE, 1, f"read 3 rows\nError: {message}\n")
    assert any(one.startswith(complaint) for one in found), found


@pytest.mark.parametrize(
    ("stderr", "complaint"),
    [("", "no message"), ("Traceback (most recent call last):\n  x\nValueError: y\n", "a traceback")],
)
def test_failure_without_an_error_line_is_rejected(stderr, complaint):
    assert complaint in complaints(ENCODE, 1, stderr)


@pytest.mark.parametrize(
    "message",
    [
        "a.csv has 2 columns (label, review): pass --column review",
        "the column 'max_size' of the format csv is missing",
        "the model must mask padding: make it with tokemb init-model --mask-zero",
        "input_dim must be 4; received 5",
        "No such option '--siz'. Did you mean '--size'?",
        "Missing option '-o' / '--output'.",
    ],
)
def test_plain_message_is_accepted(message):
    assert complaints(ENCODE, 1, f"Error: {message}\n") == []


def test_run_that_succeeds_or_is_stopped_is_not_checked():
    assert complaints(ENCODE, 0, "") == complaints(ENCODE, 130, "") == []


def test_arguments_of_the_library_are_found():
    assert {"max_size", "min_count", "output_dim", "mask_zero", "fit_vocab"} <= python_arguments()


def find(*names: str) -> click.Command:
    command: click.Command = cli
    for name in names:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name)
    return command


@pytest.mark.parametrize(
    ("command", "message", "shown"),
    [
        ("encode", 'pass column="review"', "pass --column review"),
        ("encode", 'pass column="my review"', "pass --column 'my review'"),
        ("encode", "pass column='review'", "pass --column review"),
        ("encode", 'read it with errors="replace"', "read it with --errors replace"),
        ("encode", "pass header=False", "pass --no-header"),
        ("encode", "pass header=True", "pass --header"),
        ("encode", "pass ragged=True or maxlen=256", "pass --ragged or --maxlen 256"),
        ("encode", r'pass delimiter="\t"', r"pass --delimiter '\t'"),
        ("fit-vocab", "max_size must be at least 1", "--max-size must be at least 1"),
        ("fit-vocab", "needs max_size of at least 4", "needs --max-size of at least 4"),
        ("fit-vocab", 'pass reserve=["[BOS]", "[EOS]"]', "pass --reserve '[BOS]' --reserve '[EOS]'"),
        ("fit-vocab", "pass oov=False", "pass --no-oov"),
        ("encode", "maxlen must be at least 3", "--maxlen must be at least 3"),
        ("init-model", "output_dim must be 50", "--dim must be 50"),
        ("init-model", "pass load_vectors(..., lenient=True)", "pass --lenient"),
        ("embed", "use embedding_model(..., mask_zero=True)", "use tokemb init-model --mask-zero"),
        ("encode", "count them with tokemb.fit_vocab", "count them with tokemb fit-vocab"),
        ("encode", "the column has no format, and errors", "the column has no format, and errors"),
        ("encode", "there is no column 'max_size' of maxlen=3", "there is no column 'max_size' of --maxlen 3"),
        ("fit-vocab", "no file at /data/max_size.txt", "no file at /data/max_size.txt"),
        ("encode", r"received '\\t'", r"received '\t'"),
        ("encode", r"received 'a\tb'", r"received 'a\tb'"),
        ("encode", "pass unknown_argument=3", "pass unknown_argument=3"),
    ],
)
def test_python_form_of_an_argument_becomes_the_option_of_the_command(command, message, shown):
    assert for_command(message, find(command), lambda name: find(name)) == shown


def test_bare_name_at_the_start_is_rewritten_before_must_alone():
    assert for_command("rate must be above 0", find("train", "classify"), find) == "--rate must be above 0"
    assert for_command("model files are read", find("embed"), find) == "model files are read"


@pytest.mark.parametrize(
    ("typed", "suggestion"),
    [
        ("fit", "Did you mean 'fit-vocab'?"),
        ("vocab", "Did you mean 'fit-vocab'?"),
        ("encod", "Did you mean 'encode'"),
        ("classify", "Did you mean 'train classify'?"),
        ("train clasify", "Did you mean 'classify'?"),
        ("fit-vocab x --max-siz 3", "Did you mean '--max-size'?"),
        ("fit-vocab x -o v --profile word", "Did you mean 'words'?"),
        ("encode x -o v.npy --vocab v --dtype int", "Did you mean 'int32'"),
    ],
)
def test_unknown_name_is_answered_with_one_that_is_like_it(tmp_path, typed, suggestion):
    run = command_here(*typed.split(), cwd=tmp_path)
    assert run.returncode == 2
    assert suggestion in run.stderr.decode()


def test_unknown_command_that_is_like_none_gets_no_suggestion(tmp_path):
    assert command_here("xyzzy", cwd=tmp_path).stderr.decode().endswith("Error: No such command 'xyzzy'.\n")


@pytest.mark.parametrize(
    "arguments",
    [
        "fit-vocab x -o v --max-size 0",
        "fit-vocab x -o v --min-count 0",
        "fit-vocab x -o v --maxlen 9999999999",
        "encode x --vocab v -o v.npy --maxlen 0",
        "encode x --vocab v -o v.npy --delimiter ab",
        "encode x --vocab v -o v.npy --threads -1",
        "encode x --vocab v -o v --rows-per-shard 0",
        "init-model --vocab v --dim 0 -o v.keras",
        "neighbors v word -k 0",
        "train ratings x --column a --column b --rating c -o v --weight-decay -1",
        "train classify x --label a -o v --validation 1",
        "train classify x --label a -o v --rate 0",
        "train classify x --label a -o v --dropout nan",
        "train skipgram x --vocab v -o v --sample 1",
        "train skipgram x --vocab v -o v --epochs many",
    ],
)
def test_option_value_that_cannot_be_is_exit_code_2_with_the_rule_and_the_value(tmp_path, arguments):
    run = command_here(*arguments.split(), cwd=tmp_path)
    assert run.returncode == 2
    assert "must be" in run.stderr.decode()
    assert "; received " in run.stderr.decode()
