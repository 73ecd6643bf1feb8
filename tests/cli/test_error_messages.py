from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner
from tokemb_cli.main import cli
from tokemb_cli.messages import for_command
from tokemb_cli.renamed import RENAMED

import tokemb
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
        ("unexpected ArrowInvalid: x", "an unexpected error"),
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
        ("encode", "make counts with TokenCounts.from_texts", "make counts with tokemb count"),
        ("grow", "use keras.models.load_model(..., compile=False)", "use --no-compile"),
        ("init-model", "pass trainable=False", "pass --frozen"),
        ("train classify", "make them with group_events", "make them with --group-by"),
        ("embed", "pass pooling=None", "pass no --pooling"),
        ("encode", "pass the character as delimiter=...", "pass the character as --delimiter CHARACTER"),
        ("encode", "pass missing=...", "pass --missing error|empty"),
        ("encode", "pass the length as maxlen=...", "pass the length as --maxlen INTEGER"),
        ("embed", "pass encoder=...", "pass --vocab FOLDER"),
        ("check", "use encode(..., maxlen=5)", "use tokemb encode --maxlen 5"),
        ("encode", "the column has no format, and errors", "the column has no format, and errors"),
        ("encode", "there is no column 'max_size' of maxlen=3", "there is no column 'max_size' of --maxlen 3"),
        ("fit-vocab", "no file at /data/max_size.txt", "no file at /data/max_size.txt"),
        ("encode", r"received '\\t'", r"received '\t'"),
        ("encode", r"received 'a\tb'", r"received 'a\tb'"),
        ("encode", "pass unknown_argument=3", "pass unknown_argument=3"),
        ("train next", "lower validation_split=0.9", "lower --validation-split 0.9"),
        ("train next", "lower validation_split=0.9", "lower --validation-split 0.9"),
        ("train ratings", "rating_range must be two numbers", "--rating-range must be two numbers"),
        ("train skipgram", "learning_rate must be above 0", "--learning-rate must be above 0"),
        ("train knowledge-tracing", "pass correct_column=...", "pass --correct-column NAME"),
        ("train knowledge-tracing", "pass correct_column=...", "pass --correct-column NAME"),
        ("export", 'pass returns="vectors"', "pass --returns vectors"),
        ("fit-vocab", 'choose another profile than algorithm="bpe"', "choose another profile than --algorithm bpe"),
    ],
)
def test_python_form_of_an_argument_becomes_the_option_of_the_command(command, message, shown):
    assert for_command(message, find(*command.split()), lambda name: find(name)) == shown


def test_bare_name_at_the_start_is_rewritten_before_must_alone():
    assert for_command("dropout must be below 1", find("train", "classify"), find) == "--dropout must be below 1"
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
        ("fit-vocab x -o v --profile word", "Did you mean 'words' or 'words-and-punctuation'?"),
        ("encode x -o v.npy --vocab v --dtype int", "Did you mean 'int32'"),
    ],
)
def test_unknown_name_gets_similar_suggestions(tmp_path, typed, suggestion):
    run = command_here(*typed.split(), cwd=tmp_path)
    assert run.returncode == 2
    assert suggestion in run.stderr.decode()


def test_unknown_command_without_similar_names_gets_no_suggestion(tmp_path):
    assert command_here("xyzzy", cwd=tmp_path).stderr.decode().endswith("Error: No such command 'xyzzy'.\n")


OLD_NAMES = [(command, old, new) for command, names in RENAMED.items() for old, new in names.items()]


@pytest.mark.parametrize(("command", "old", "new"), OLD_NAMES)
def test_old_name_is_one_line_with_the_new_name_and_exit_code_2(command, old, new):
    value = [f"{old}=1"] if old.startswith("--") else [old, "x", "--learning-rate", "1"]
    run = CliRunner().invoke(cli, [*command.split(), *value], prog_name="tokemb")
    shown = (old, new) if old.startswith("--") else (f"tokemb {command} {old}", f"tokemb {command} {new}")
    assert run.exit_code == 2
    assert run.stdout == ""
    assert run.stderr == f"Error: {shown[0]} was renamed: use {shown[1]}\n"


@pytest.mark.parametrize(("command", "old", "new"), OLD_NAMES)
def test_help_shows_the_new_name_and_not_the_old_one(command, old, new):
    text = CliRunner().invoke(cli, [*command.split(), "--help"], prog_name="tokemb").output
    assert re.search(rf"^  {new}\b", text, re.MULTILINE)
    assert not re.search(rf"(?<![\w-]){old}(?![\w-])", text)


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
        "train ratings x --column a --column b --rating c -o v --l2 -1",
        "train classify x --label a -o v --validation-split 1",
        "train classify x --label a -o v --learning-rate 0",
        "train classify x --label a -o v --dropout nan",
        "train skipgram x --vocab v -o v --sample 1",
        "train skipgram x --vocab v -o v --epochs many",
    ],
)
def test_invalid_option_value_is_exit_code_2_with_the_rule_and_the_value(tmp_path, arguments):
    run = command_here(*arguments.split(), cwd=tmp_path)
    assert run.returncode == 2
    assert "must be" in run.stderr.decode()
    assert "; received " in run.stderr.decode()


@pytest.fixture
def files(tmp_path):
    (tmp_path / "two.csv").write_text("label,review\npos,good\n", "utf-8")
    (tmp_path / "bare.tsv").write_text("1\tthis was a very good film\n0\tbad\n", "utf-8")
    (tmp_path / "wide.csv").write_text("text,label\na b,1\nc;d,e,f,2\n", "utf-8")
    (tmp_path / "text.txt").write_text("a b\n", "utf-8")
    (tmp_path / "ratings.csv").write_text("user,item,stars\na,b,good\n", "utf-8")
    tokemb.fit_vocab(["a b"]).save(tmp_path / "v")
    (tmp_path / "i.jsonl").write_text('{"ids": [2, 0]}\n{"ids": [2, 3]}\n', "utf-8")
    tokemb.embedding_model(tokemb.Encoder.load(tmp_path / "v"), 2).save(tmp_path / "m.keras")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "fit-vocab two.csv -o x",
            "two.csv has the columns 'label', 'review': pass the text column, for example --column review",
        ),
        (
            "fit-vocab bare.tsv -o x",
            "for example --column 1, or --no-header if the first row is not a header",
        ),
        (
            "fit-vocab bare.tsv --column 1 --column 5 -o x",
            "pass one of these, or --no-header if the first row is not a header",
        ),
        ("fit-vocab wide.csv --column text -o x", "or pass another delimiter, such as --delimiter ';'"),
        ("fit-vocab text.txt --column review -o x", "if it is a table, pass its format, for example --format csv"),
        ("embed i.jsonl --model m.keras -o x.npy", "is JSON Lines, which does not record a common row length"),
        (
            "train ratings ratings.csv --column user --column item --rating stars -o x",
            "the ratings in the column 'stars' must be numbers; row 1 holds 'good'",
        ),
        ("neighbors v a", "v is a vocabulary folder and holds no vectors: pass a Keras model or a file of vectors"),
        ("embed i.jsonl --model v -o x.npy", "v is a vocabulary folder and holds no vectors"),
    ],
)
def test_message_names_the_remedy_as_an_option(files, arguments, message):
    run = command_here(*arguments.split(), cwd=files)
    assert run.returncode == 1
    assert message in run.stderr.decode()


def test_delimiter_may_be_typed_as_backslash_t(files):
    arguments = ("fit-vocab", "bare.tsv", "--delimiter", r"\t", "--no-header", "--column", "1", "-o", "x")
    assert command_here(*arguments, cwd=files).returncode == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--reserve", ""], "--reserve must contain distinct non-empty tokens"),
        (["--start", "[UNK]"], "--start must be a non-empty token other than '[UNK]'; received '[UNK]'"),
        (["--start", "[X]", "--end", "[X]"], "--end must differ from --start '[X]'; received '[X]'"),
    ],
)
def test_option_value_that_the_library_refuses_is_exit_code_2(files, options, message):
    run = command_here("fit-vocab", "text.txt", *options, "-o", "x", cwd=files)
    assert run.returncode == 2
    assert run.stderr.decode().startswith(f"Error: {message}")
