from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest

import tokemb
from tests.conftest import python

pytestmark = pytest.mark.slow

HEAVY = ("tensorflow", "keras", "h5py", "pandas", "scipy", "matplotlib")

# What opens a model.
H5PY = ("embed", "export", "check", "neighbors", "analogy")

# Commands that do without TensorFlow; those that open a model come last.
LIGHT = """
--help
fit-vocab --help
fit-vocab text.txt -o made
encode text.txt --vocab v -o made.npy
encode text.txt --vocab v -o made.tfrecord
decode ids.npy --vocab v
inspect v
count text.txt -o made.parquet
fit-vocab c.parquet -o made
inspect c.parquet
inspect ids.npy
inspect m.keras
grow text.txt --vocab v -o grown
grow c.parquet --vocab v -o grown
diff v v
embed ids.npy --model m.keras -o v.npy
check ids.npy --vocab v --model m.keras
export-vectors m.keras --vocab v -o v.vec
neighbors m.keras a --vocab v
analogy m.keras a b a --vocab v
export-projector m.keras --vocab v -o p
""".strip().splitlines()

# Runs commands one after the other, and writes which modules are loaded after each.
RUN_ALL = """
import sys
from tokemb_cli.main import main
for line in sys.argv[1:]:
    sys.argv = ["tokemb", *line.split()]
    try:
        main()
    except SystemExit as error:
        assert not error.code, line
    print("LOADED", *[name for name in {heavy} if sys.modules.get(name)], file=sys.stderr)
"""

COUNT = """
import sys
sys.argv = ["tokemb", *sys.argv[1:]]
from tokemb_cli.main import main
try:
    main()
finally:
    print("LOADED", *[name for name in {heavy} if sys.modules.get(name)], file=sys.stderr)
"""


def loaded(run):
    return run.stderr.rsplit("LOADED", 1)[1].split()


def test_import_is_light():
    run = python(f"import tokemb, sys; print([name for name in {HEAVY} if name in sys.modules])")
    assert run.stdout == "[]\n", run.stderr


@pytest.mark.parametrize("algorithm", ["word", "bpe"])
def test_encoding_a_list_does_not_import_pandas(tmp_path, algorithm):
    tokemb.fit_vocab(["a b \xe9"], algorithm=algorithm).save(tmp_path / "v")
    run = python(
        "import sys, tokemb; tokemb.Encoder.load(sys.argv[1]).encode_ragged(['a b \xe9'] * 40000); "
        "print('pandas' in sys.modules)",
        str(tmp_path / "v"),
    )
    assert run.stdout == "False\n", run.stderr


@pytest.fixture(scope="module")
def loaded_by_commands(tmp_path_factory):
    """The modules that are loaded after each command."""
    here = tmp_path_factory.mktemp("light")
    encoder = tokemb.fit_vocab(["a b"])
    encoder.save(here / "v")
    tokemb.TokenCounts.from_texts(["a b"]).save(here / "c.parquet")
    (here / "text.txt").write_text("a b\n")
    np.save(here / "ids.npy", encoder.encode(["a b"]))
    tokemb.embedding_model(encoder, 2).save(here / "m.keras")
    for _ in "12":  # a kernel is compiled once a machine, and Numba imports SciPy
        run = python(f"import os; os.chdir({str(here)!r})" + RUN_ALL.format(heavy=HEAVY), *LIGHT)
        assert run.returncode == 0, run.stderr
        found = [line.split()[1:] for line in run.stderr.splitlines() if line.startswith("LOADED")]
        if not any("scipy" in names for names in found):
            break
    return dict(zip(LIGHT, found, strict=True))


@pytest.mark.parametrize("arguments", LIGHT)
def test_commands_that_need_no_model_do_without_tensorflow(loaded_by_commands, arguments):
    assert set(loaded_by_commands[arguments]) <= ({"h5py"} if arguments.startswith(H5PY) else set())


@pytest.mark.parametrize("command", ["", "encode", "fit-vocab", "train classify"])
def test_help_imports_only_the_choices_of_the_library(command):
    code = (
        "import sys; from tokemb_cli.main import cli; cli(standalone_mode=False); "
        "print([name for name in sys.modules if name.split('.')[0] in ('tokemb', 'numpy', 'pyarrow', 'tokenizers')])"
    )
    run = python(code, *command.split(), "--help")
    assert run.returncode == 0, run.stderr
    assert set(ast.literal_eval(run.stdout.splitlines()[-1])) <= {"tokemb", "tokemb._validation", "tokemb.errors"}


def test_one_line_waits_for_nothing_that_only_large_inputs_need(tmp_path):
    tokemb.fit_vocab(["a b"]).save(tmp_path / "v")
    (tmp_path / "text.txt").write_text("a b\n")
    libraries = ("numba", "llvmlite", "pyarrow.compute", "pyarrow.parquet", "bz2", "gzip", "lzma", "tempfile", "rich")
    own = ("kernels.machine_code", "keras", "rows.pairs", "rows.windows", "rows.packing", "vocabulary.tokenizers_1")
    unneeded = (*libraries, "concurrent.futures.thread", "logging", "secrets", *(f"tokemb.{name}" for name in own))
    arguments = f"encode {tmp_path}/text.txt --vocab {tmp_path}/v --maxlen 4 -o {tmp_path}/made.npy"
    run = python(COUNT.format(heavy=unneeded), *arguments.split())
    assert run.returncode == 0, run.stderr
    assert loaded(run) == []


def test_words_of_a_large_file_wait_for_nothing_that_only_other_vocabularies_need(tmp_path):
    tokemb.fit_vocab(["a b"]).save(tmp_path / "v")
    (tmp_path / "text.txt").write_text("a b\n" * 100_000)
    modules = ("pyarrow.compute", "importlib.metadata", "tokemb.engine.pattern_table", "tokemb.engine.subword_model")
    command = COUNT.format(heavy=("llvmlite", *modules)), "encode", str(tmp_path / "text.txt")
    options = ["--vocab", str(tmp_path / "v"), "--maxlen", "4", "-o", str(tmp_path / "made.npy")]
    python(*command, *options)  # compiles the kernels if they are not on disk
    run = python(*command, *options)
    assert run.returncode == 0, run.stderr
    assert loaded(run) == ["llvmlite"]


def test_one_text_starts_no_threads_of_tokenizers():
    code = (
        "import os; os.environ.pop('TOKENIZERS_PARALLELISM', None); "  # other tests may have set it
        "import tokemb; from pathlib import Path; encoder = tokemb.fit_vocab(['a b']); "
        "tasks = Path('/proc/self/task'); before = len(list(tasks.iterdir())); encoder.encode(['a'], maxlen=3); "
        "print(len(list(tasks.iterdir())) > before, 'TOKENIZERS_PARALLELISM' in os.environ)"
    )
    if not Path("/proc/self/task").exists():
        pytest.skip("this system does not list threads")
    run = python(code)
    assert run.stdout == "False False\n", run.stderr


def test_this_test_can_fail():
    run = python(COUNT.format(heavy=("click",)), "--help")
    assert loaded(run) == ["click"]


def test_public_names():
    assert tokemb.__all__ == sorted(tokemb.__all__)
    for name in tokemb.__all__:
        assert getattr(tokemb, name) is vars(tokemb)[name], "it is looked up once"
    assert set(tokemb.__all__) <= set(dir(tokemb))
    with pytest.raises(AttributeError, match="'tokemb' has no attribute 'encode'"):
        tokemb.encode  # noqa: B018
    assert len(tokemb.__all__) <= 23


def test_descriptions_turn_into_json():
    from tokemb.pipeline.inspect import describe_encoder

    json.dumps(describe_encoder(tokemb.fit_vocab(["a"]), 3))
