"""Corpora and dials that many tests share.

Everything passes without other data. With corpora at hand (in ``TOKEMB_TEST_DATA``, by default ``../shared/data``
beside the checkout) the parity tests also run on them. ``TOKEMB_TEST_EXAMPLES`` multiplies the number of hypothesis'
examples and of other samples, ``TOKEMB_TEST_ROWS`` is how many rows of each corpus are used. Both are small by default,
so that all tests take some minutes; ``TOKEMB_TEST_EXAMPLES=20 TOKEMB_TEST_ROWS=200`` is a long run.
"""

from __future__ import annotations

import gc
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.error_messages import complaints

if TYPE_CHECKING:
    from selenium import webdriver

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("TOKEMB_TEST_DATA", ROOT.parent / "shared" / "data"))
TOKENIZERS = DATA.parent / "tokenizers" / "hf"
ROWS = int(os.environ.get("TOKEMB_TEST_ROWS", "20"))

# A shell that starts the tests in the background has them ignore these, which children inherit.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)

# The many processes that tests start compile no source and no kernel again, also where the environment says otherwise.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.setdefault("TOKEMB_CACHE_DIR", str(ROOT / "build" / "test_cache"))

# Set before anything imports TensorFlow.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

EXAMPLES = float(os.environ.get("TOKEMB_TEST_EXAMPLES", "1"))

settings.register_profile(
    "tokemb",
    max_examples=max(1, int(20 * EXAMPLES)),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("tokemb")


def examples(number: int) -> settings:
    """The setting for a property that needs more examples than others, or fewer, times the dial."""
    return settings(max_examples=max(1, int(number * EXAMPLES)))


MIXED = [
    "Deep learning is very deep.",
    "",
    "   \t ",
    "Don't stop — the boys’ toys weren’t O'Reilly's, well-known rock'n'roll; it''s 3.5% of $1,000 (x² ½)!",
    "學而時習之，不亦說乎？有朋自遠方來 abc中d 𠮷野家",
    "ラーメン屋でｶﾞを食べる。カタカナー",
    "اللغة العربية: مرحباً بالعالم؛ می‌خواهم ۱۲۳",
    "हिन्दी में क्‍ष और ज्ञान। नमस्ते दुनिया",
    "ภาษาไทย ที่นี่ ๑๒๓",
    "Привет, МИР! Ёлка и ещё",
    "ΟΔΥΣΣΕΥΣ ΣΑΣ Σ ΑΣ. ας σ",
    "İstanbul ŉ ß ﬁ ǅ K Å DŽ",
    "❤️‍🔥 👩🏽‍💻 1️⃣ 🇫🇷 ↔ ◾ © → emoji🙂text",
    "e\u0301 \u0301 a\u0308b [PAD] [UNK] <pad> </s> [CLS]x[SEP] ▁under_score_ ##piece",
    "\x00 a\x00b \x01 \x1f \x7f \x85 \u2028 \u2029 \ufeff \u200b \u00a0 \u3000 \u00ad so\u00adft",
    "tab\tnewline\nreturn\r\nform\x0cvertical\x0b",
    "a" * 3000,
    "the the the a a b",
]


def _gzip_lines(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        return [line.rstrip("\n") for line, _ in zip(file, range(ROWS), strict=False)]


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in _strings(item)]


def corpora(rows: int = ROWS) -> dict[str, list[str]]:
    """Real texts by name, as far as they are at hand; ``mixed`` always is. ``rows`` of most of them are used."""
    found = {"mixed": MIXED}
    for path in sorted((DATA / "xquad").glob("xquad.*.json.gz")):
        found[path.name] = _strings(json.loads(gzip.decompress(path.read_bytes())))[:rows]
    for name, path in (("imdb", "imdb/train"), ("thai", "wisesight_thai/neu"), ("tang", "chinese_poetry_tang/tang")):
        for file in DATA.glob(f"{path}.*.gz"):
            found[name] = [line.split("\t")[-1] for line in _gzip_lines(file)]
    for file in DATA.glob("blns/blns.json"):
        naughty = json.loads(file.read_text("utf-8"))  # sorted by what is naughty about them
        found["naughty"] = naughty[:: max(1, len(naughty) // (4 * rows))]
    for name in ("WordBreakTest", "emoji-test", "CaseFolding", "SpecialCasing", "NormalizationTest"):
        for file in DATA.glob(f"unicode_tests/{name}.txt"):
            found[name] = file.read_text("utf-8").split("\n")[:rows]
    return found


CORPORA = corpora()


@pytest.fixture(params=CORPORA)
def corpus(request: pytest.FixtureRequest) -> list[str]:
    return CORPORA[request.param]


def python(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter that finds this checkout."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "cli")])
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        check=False,
    )


def use_kernels(monkeypatch: pytest.MonkeyPatch, always: bool) -> None:
    """Have kernels and threads do all work, or none of it."""
    for threshold in ("_WORTH_LOADING", "_WORTH_THREADS"):
        monkeypatch.setattr(f"tokemb.rows.threads.{threshold}", 0 if always else 1 << 62)


def tokemb_command(*arguments: object, cwd: Path, **kwargs: object) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a real process in ``cwd``; an error message must be plain."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "cli")])
    run = subprocess.run(
        [sys.executable, "-m", "tokemb_cli", *map(str, arguments)],
        capture_output=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
        **kwargs,
    )
    check_message(arguments, run.returncode, run.stderr)
    return run


def command_here(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """Run the command in this process in ``cwd``: where what it does is tested, and not its process.

    So TensorFlow need not be imported again, which takes the most of what a small command takes.
    """
    from click.testing import CliRunner
    from tokemb_cli.main import cli

    before = Path.cwd()
    os.chdir(cwd)
    try:
        result = CliRunner().invoke(cli, [*map(str, arguments)], prog_name="tokemb")
    finally:
        os.chdir(before)
    return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout_bytes, result.stderr_bytes)


def check_message(arguments: Iterable[object], code: int, stderr: bytes) -> None:
    """Fail the test unless the message of a run that failed is one plain sentence."""
    shown = stderr.decode("utf-8", "replace")
    assert not (wrong := complaints(tuple(map(str, arguments)), code, shown)), f"{wrong}: {shown}"


@pytest.fixture(autouse=True)
def checked_messages(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Check the message of every command that fails in this process, unless the test is marked ``any_message``."""
    from click.testing import CliRunner

    invoke = CliRunner.invoke

    def checked(self: CliRunner, command: object, args: object = None, **kwargs: object) -> object:
        result = invoke(self, command, args, **kwargs)
        if getattr(command, "name", None) == "cli" and isinstance(result.exception, SystemExit):
            check_message(args or (), result.exit_code, result.stderr_bytes)
        return result

    if request.node.get_closest_marker("any_message") is None:
        monkeypatch.setattr(CliRunner, "invoke", checked)


@pytest.fixture
def eager() -> Iterator[None]:
    """Have TensorFlow run each step as it is: tracing takes seconds, and a small training milliseconds."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def eagerly(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test of small trainings without tracing, where the traced steps are not what is tested."""
    # What TensorFlow and Keras say about it.
    quiet = pytest.mark.filterwarnings("ignore:Even though the `tf.config", "ignore:The structure of `inputs`")
    return pytest.mark.usefixtures("eager")(quiet(test))


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A real browser without a window. Tests that need one are skipped where it is absent."""
    from tests.browser import browser

    with browser(tmp_path_factory.mktemp("profile")) as chrome:
        yield chrome


# The command that makes a plain machine able to run the tests that it skips.
_ENABLED_BY = {
    "browser": "install Chromium and chromedriver, as .ci/browser does",
    "spark": "install Java 17, as .ci/java does, and pip install tokemb[spark]",
    "keras_hub": "pip install --no-deps keras-hub regex",
    "segmenters": "pip install fugashi unidic-lite kiwipiepy pythainlp",
    "data": "put the corpora beside the checkout, or set TOKEMB_TEST_DATA",
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Summarize the skipped tests in one line, with what enables them."""
    skipped = Counter(
        next((name for name in _ENABLED_BY if name in report.keywords), "data")
        for report in terminalreporter.stats.get("skipped", [])
    )
    if skipped:
        parts = (f"{count} {name} tests ({_ENABLED_BY[name]})" for name, count in sorted(skipped.items()))
        terminalreporter.write_line(f"skipped: {'; '.join(parts)}")


# The markers of tests that take long.
_LONG = ("spark", "keras", "slow")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return one more process than cores: tests wait for processes that they start, and for disks."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the files that take long, so that no process is left alone with one of them at the end of the run."""
    tests = Counter(item.path for item in items)
    takes_long = {item.path for item in items if any(item.get_closest_marker(name) for name in _LONG)}
    items.sort(key=lambda item: (item.path not in takes_long, -tests[item.path]))


def pytest_collection_finish() -> None:
    """Have garbage collections, which benchmarks ask for, pass over all modules and tests that stay until the end."""
    gc.freeze()


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that ``make`` fills, once for all processes of the run."""
    own = tmp_path_factory.getbasetemp()
    root = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder, ended = root / name, root / f"{name}.ended"
    try:
        folder.mkdir()
    except FileExistsError:
        while not ended.exists():
            time.sleep(0.1)
        return folder
    try:
        make(folder)
    finally:
        ended.touch()
    return folder


CLI_TEXT = "deep learning is very deep\n\nvery new learning\nis it\n"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one of everything."""
    return made_once(tmp_path_factory, "made", _make_everything)


def _make_everything(here: Path) -> None:
    (here / "text.txt").write_text(CLI_TEXT, "utf-8")
    for arguments in (
        "fit-vocab text.txt -o text.vocab --max-size 4",
        "encode text.txt --vocab text.vocab --maxlen 4 -o ids.npy",
        "init-model --vocab text.vocab --dim 3 -o text.keras",
        "embed ids.npy --model text.keras -o vectors.npy",
    ):
        # The model is made by another process, so that tests can compare it with what this one makes.
        make = tokemb_command if arguments.startswith("init-model") else command_here
        run = make(*arguments.split(), cwd=here)
        assert run.returncode == 0, run.stderr


@pytest.fixture
def here(made: Path, tmp_path: Path) -> Path:
    """The same, to write into."""
    shutil.copytree(made, tmp_path / "here")
    return tmp_path / "here"


def ok(run: subprocess.CompletedProcess[bytes]) -> subprocess.CompletedProcess[bytes]:
    """``run``, which must have succeeded."""
    assert run.returncode == 0, run.stderr.decode()
    return run
