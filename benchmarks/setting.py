"""The values that the cases share: texts, vocabularies and sizes."""

from __future__ import annotations

import importlib
import importlib.util
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType

import tokemb
from benchmarks import corpora
from benchmarks.measuring import SkipError

ROOT = Path(__file__).parent.parent
MAXLEN = 256
MAX_SIZE = 30_000


@dataclass
class Setting:
    """The settings of one run. Expensive values are computed once, when a case first uses them."""

    corpus: Path
    poem_file: Path
    tokenizers: Path
    rows: int | None
    repeat: int
    touch: int  # MiB
    gigabytes: float
    folder: Path  # for files; removed after the run
    checkout: Path = ROOT  # the tokemb that the commands run
    missing: set[str] = field(default_factory=set)

    @cached_property
    def texts(self) -> list[str]:
        """The rows of the corpus."""
        return corpora.texts(self.corpus, self.rows)

    @cached_property
    def size(self) -> int:
        """The number of bytes of the corpus in UTF-8."""
        return sum(len(text.encode()) for text in self.texts)

    @cached_property
    def text_file(self) -> Path:
        """The corpus as a text file, one row per line."""
        path = self.folder / "text.txt"
        path.write_text("".join(text + "\n" for text in self.texts), "utf-8", newline="\n")
        return path

    @cached_property
    def poems(self) -> list[str]:
        """The poems. Raises ``SkipError`` if there are none."""
        if not self.poem_file.is_file():
            raise SkipError("there are no poems; set POEMS to a JSON Lines file with a key `text`")
        return corpora.poems(self.poem_file, self.rows)

    @cached_property
    def words(self) -> tokemb.Encoder:
        """The vocabulary of the profile ``words``."""
        return self.fit("words")

    def fit(self, profile: str) -> tokemb.Encoder:
        """Fit a vocabulary to the corpus, with ``maxlen`` set to ``MAXLEN``."""
        return tokemb.fit_vocab(self.texts, profile=profile, max_size=MAX_SIZE, maxlen=MAXLEN)

    def saved(self, encoder: tokemb.Encoder, name: str) -> Path:
        """Save a vocabulary for peers and commands, and return its path."""
        path = self.folder / f"{name}.vocab"
        encoder.save(path)
        return path

    def tokenizer_file(self, name: str) -> Path:
        """Return the path of a public ``tokenizer.json``. Raise ``SkipError`` if it does not exist."""
        path = self.tokenizers / name / "tokenizer.json"
        if not path.is_file():
            raise SkipError(f"there is no {name}/tokenizer.json; set TOKENIZERS to the folder that contains it")
        return path

    def peer(self, name: str) -> ModuleType | None:
        """Import a library of the extra ``bench``. Note it on the page and return ``None`` if it is not installed."""
        if importlib.util.find_spec(name) is None:
            self.missing.add(name)
            return None
        return importlib.import_module(name)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of child processes: they import the checkout and cache byte code, as an install does.

        `tokenizers` starts threads as it does without a setting.
        """
        own = ("PYTHONDONTWRITEBYTECODE", "TOKENIZERS_PARALLELISM")
        inherited = {key: value for key, value in os.environ.items() if key not in own}
        return {**inherited, "PYTHONPATH": os.pathsep.join([str(self.checkout), str(self.checkout / "cli")])}


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
