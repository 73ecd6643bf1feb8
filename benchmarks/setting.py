"""What the cases share: the texts, the vocabularies, and how much to do."""

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
    """One run of the benchmarks; everything costly is made once, when a case first asks for it."""

    corpus: Path
    poem_file: Path
    tokenizers: Path
    rows: int | None
    repeat: int
    touch: int  # MiB
    gigabytes: float
    folder: Path  # for files; gone after the run
    checkout: Path = ROOT  # whose tokemb the commands run
    missing: set[str] = field(default_factory=set)

    @cached_property
    def texts(self) -> list[str]:
        """The corpus."""
        return corpora.texts(self.corpus, self.rows)

    @cached_property
    def size(self) -> int:
        """Bytes of the corpus in UTF-8."""
        return sum(len(text.encode()) for text in self.texts)

    @cached_property
    def text_file(self) -> Path:
        """The corpus as a text file, a row a line."""
        path = self.folder / "text.txt"
        path.write_text("".join(text + "\n" for text in self.texts), "utf-8", newline="\n")
        return path

    @cached_property
    def poems(self) -> list[str]:
        """The poems; raises ``SkipError`` if there are none."""
        if not self.poem_file.is_file():
            raise SkipError("there are no poems; POEMS names a JSON Lines file with a `text`")
        return corpora.poems(self.poem_file, self.rows)

    @cached_property
    def words(self) -> tokemb.Encoder:
        """The vocabulary of the profile words."""
        return self.fit("words")

    def fit(self, profile: str) -> tokemb.Encoder:
        """A vocabulary of the corpus, which pads to ``MAXLEN`` by itself."""
        return tokemb.fit_vocab(self.texts, profile=profile, max_size=MAX_SIZE, maxlen=MAXLEN)

    def saved(self, encoder: tokemb.Encoder, name: str) -> Path:
        """Save a vocabulary for the peers and commands that read it."""
        path = self.folder / f"{name}.vocab"
        encoder.save(path)
        return path

    def tokenizer_file(self, name: str) -> Path:
        """Somebody's ``tokenizer.json``; raises ``SkipError`` if it is not there."""
        path = self.tokenizers / name / "tokenizer.json"
        if not path.is_file():
            raise SkipError(f"there is no {name}/tokenizer.json; TOKENIZERS names the folder that holds it")
        return path

    def peer(self, name: str) -> ModuleType | None:
        """A library of the extra ``bench``; ``None``, and a note on the page, if it is not installed."""
        if importlib.util.find_spec(name) is None:
            self.missing.add(name)
            return None
        return importlib.import_module(name)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of child processes: they find the checkout, and keep its byte code as an install does."""
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        return {**kept, "PYTHONPATH": os.pathsep.join([str(self.checkout), str(self.checkout / "cli")])}


def cores() -> int:
    """As many cores as this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
