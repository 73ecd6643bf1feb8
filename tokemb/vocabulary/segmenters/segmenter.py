"""A segmenter with its version and user dictionary, as vocabularies and counts store it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS
from tokemb.errors import ArgumentError, MissingPackageError, TextTypeError, VocabularyError
from tokemb.rows.threads import thread_count
from tokemb.vocabulary.segmenters.adapters import Adapter, Segment, find_adapter, open_adapter

if TYPE_CHECKING:
    from tokemb.vocabulary.segmenters.jieba_kernel import JiebaKernel

# A process starts and loads a dictionary in half a second or more.
_WORTH_PROCESSES = 1 << 20

# Bytes of text that a process gets at a time: enough to hide the pipe, and few enough to keep all of them busy.
_PART_BYTES = 1 << 16

# Segmenters that stay loaded in this process. Some take hundreds of megabytes.
_LOADED = 2


class Segmenter:
    """Put spaces between the words of texts with the segmenter that a vocabulary was fitted with.

    Attributes:
        name: The name of the segmenter, for example ``"jieba"``.
        package: The package whose version decides the words.
        version: The version of the package.
        user_dictionary: The content of the user dictionary, or ``None``.
    """

    def __init__(self, name: str, package: str, version: str, user_dictionary: bytes | None = None) -> None:
        """Initialize the segmenter. No package is loaded until texts are segmented."""
        self.name, self.package, self.version, self.user_dictionary = name, package, version, user_dictionary
        self._processes: Any = None
        self._lock = Lock()

    @classmethod
    def from_arguments(cls, name: str | None, user_dictionary: Path | None) -> Segmenter | None:
        """Return the installed segmenter for the arguments of ``fit_vocab``, or ``None`` if ``name`` is ``None``.

        Raises:
            ArgumentError: If an argument is invalid.
            MissingPackageError: If the package is not installed.
            OSError: If the dictionary cannot be read.
        """
        if name is None:
            if user_dictionary is not None:
                raise ArgumentError('user_dictionary is for a segmenter: pass also segmenter="jieba"')
            return None
        if not isinstance(name, str):
            raise ArgumentError(f'segmenter must be a name, such as "jieba"; received {type(name).__name__}')
        if user_dictionary is not None and not isinstance(user_dictionary, Path):
            raise ArgumentError(
                f"user_dictionary must be a file as pathlib.Path; received {type(user_dictionary).__name__}"
            )
        adapter = find_adapter(name)
        content = None if user_dictionary is None else user_dictionary.read_bytes()
        if content is not None:
            # An invalid dictionary is an error before any text is read.
            _kernel(name, content) or _open(adapter.target, content)
        return cls(name, adapter.package, adapter.version, content)

    @classmethod
    def from_json(cls, content: object, user_dictionary: bytes | None) -> Segmenter | None:
        """Return the segmenter of ``to_json`` with the dictionary that was saved beside it.

        Raises:
            VocabularyError: If ``content`` is not what ``to_json`` returns.
        """
        if content is None:
            return None
        values = [content.get(name) for name in ("name", "package", "version")] if isinstance(content, dict) else []
        match values:
            case [str(name), str(package), str(version)]:
                return cls(name, package, version, user_dictionary)
        raise VocabularyError(
            f"a segmenter must have the texts name, package and version; received {content!r:.80}: restore the file, "
            "or fit the vocabulary again"
        )

    def to_json(self) -> dict[str, str]:
        """Return name, package, version, and the SHA-256 of the user dictionary as JSON values."""
        digest = {} if self.user_dictionary is None else {"user_dictionary": self._digest}
        return {"name": self.name, "package": self.package, "version": self.version, **digest}

    @property
    def _digest(self) -> str:
        return hashlib.sha256(self.user_dictionary or b"").hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Segmenter) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.name, self.package, self.version, self.user_dictionary))

    def __reduce__(self) -> tuple[Callable[..., Segmenter], tuple[Any, ...]]:
        return Segmenter, (self.name, self.package, self.version, self.user_dictionary)

    def __str__(self) -> str:
        dictionary = "" if self.user_dictionary is None else f" with the user dictionary {self._digest[:12]}"
        return f"{self.name} {self.version}{dictionary}"

    __repr__ = __str__

    def batches(self, batches: Iterable[pa.Array], threads: int | None) -> Iterator[pa.Array]:
        """Segment batches of texts as ``text_batches`` yields them. The arguments and errors are those of ``segment``.

        Yields:
            Arrow arrays ``large_string`` ``(rows,)``.
        """
        for batch in batches:
            yield self.segment(batch, threads)

    def segment(self, texts: pa.Array, threads: int | None) -> pa.LargeStringArray:
        """Put spaces between the words of texts.

        Args:
            texts: ``large_string`` ``(rows,)``.
            threads: The maximum number of threads or processes. ``None`` uses all cores.

        Returns:
            ``large_string`` ``(rows,)`` in the same order.

        Raises:
            TextTypeError: If the rows are lists of tokens.
            VocabularyError: If another version of the package is installed.
            MissingPackageError: If it is not installed.
        """
        if texts.type != STRINGS:
            raise TextTypeError(
                f"the segmenter {self.name} splits texts into words; received rows that are lists of tokens: pass "
                "texts, or a vocabulary without a segmenter"
            )
        adapter, count = self._adapter(), thread_count(threads)
        if (kernel := _kernel(self.name, self.user_dictionary)) is not None:
            return kernel.segment(texts, count)
        if count == 1 or (self._processes is None and texts.nbytes < _WORTH_PROCESSES):
            return pa.array(_open(adapter.target, self.user_dictionary)(texts.to_pylist()), STRINGS)
        parts = (part.to_pylist() for part in _parts(texts))
        words = self._running(adapter, count).map(parts)
        return pa.chunked_array([pa.array(part, STRINGS) for part in words], STRINGS).combine_chunks()

    def _adapter(self) -> Adapter:
        """Return the installed segmenter. Its version must be the stored one, since versions find other words."""
        try:
            adapter = find_adapter(self.name)
        except (MissingPackageError, ArgumentError) as error:
            raise MissingPackageError(
                f"texts of this vocabulary are segmented with {self.name} {self.version}, which is not installed: "
                f"pip install {self.package}=={self.version}"
            ) from error
        if adapter.version != self.version:
            raise VocabularyError(
                f"texts of this vocabulary are segmented with {self.package} {self.version}, and version "
                f"{adapter.version} is installed, which may find other words: "
                f"pip install {self.package}=={self.version}, or fit the vocabulary again"
            )
        return adapter

    def _running(self, adapter: Adapter, count: int) -> Any:  # noqa: ANN401 - imported only where it is used
        from tokemb.vocabulary.segmenters.processes import Processes

        with self._lock:
            if self._processes is None or not self._processes.usable or self._processes.count != count:
                self._processes = Processes(adapter.target, self.user_dictionary, count)
            return self._processes


@lru_cache(_LOADED)
def _open(target: str, user_dictionary: bytes | None) -> Segment:
    return open_adapter(target, user_dictionary)


@lru_cache(_LOADED)
def _kernel(name: str, user_dictionary: bytes | None) -> JiebaKernel | None:
    """Return the kernel of a segmenter. ``None`` if it has none, or none for the installed version."""
    if name != "jieba":
        return None
    from tokemb.vocabulary.segmenters.jieba_kernel import open_kernel

    return open_kernel(user_dictionary)


def _parts(texts: pa.LargeStringArray) -> Iterator[pa.LargeStringArray]:
    """Split texts into slices of about ``_PART_BYTES``."""
    offsets = np.frombuffer(texts.buffers()[1], np.int64, len(texts) + 1, texts.offset * 8)
    start = 0
    while start < len(texts):
        stop = max(int(np.searchsorted(offsets, offsets[start] + _PART_BYTES, "right")) - 1, start + 1)
        yield texts.slice(start, stop - start)
        start = stop
