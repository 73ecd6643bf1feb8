"""Chinese words as jieba finds them, with jieba's dictionary and probabilities."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any

from tokemb.errors import ArgumentError, MissingPackageError

_lock = Lock()


def open_segmenter(user_dictionary: bytes | None) -> Callable[[str], Iterable[str]]:
    """Return jieba's function that splits a text into words. It is used for versions that the kernel does not know.

    Args:
        user_dictionary: A dictionary in the format of jieba: a word per line, optionally with a count and a tag.

    Raises:
        ArgumentError: If jieba rejects the dictionary.
    """
    return load_tokenizer(*import_jieba(), user_dictionary)[0].lcut


def import_jieba() -> tuple[Any, Any]:
    """Return the modules ``jieba`` and ``jieba.finalseg``. Raise ``MissingPackageError`` if there are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in its sources, and its use of pkg_resources
        try:
            import jieba
            from jieba import finalseg
        except ImportError as error:
            raise missing_jieba() from error
    return jieba, finalseg


def missing_jieba() -> MissingPackageError:
    """Return the error for a missing package."""
    return MissingPackageError("the segmenter jieba is not installed: pip install tokemb[jieba]")


def load_tokenizer(jieba: Any, finalseg: Any, user_dictionary: bytes | None) -> tuple[Any, set[str]]:  # noqa: ANN401
    """Return a tokenizer of jieba, and the words of the user dictionary that are to be split into characters.

    Raises:
        ArgumentError: If jieba rejects the dictionary.
    """
    # Not the tokenizer that jieba's functions share, which other code may have changed.
    tokenizer = jieba.Tokenizer()
    # Not with jieba's own method, which trusts a file in the folder of temporary files, whatever version wrote it.
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    if user_dictionary is None:
        return tokenizer, set()
    check_lines(user_dictionary)
    with _lock:  # jieba has one set of words to split for all tokenizers
        shared, finalseg.Force_Split_Words = finalseg.Force_Split_Words, set()
        try:
            tokenizer.load_userdict(io.BytesIO(user_dictionary))
            return tokenizer, finalseg.Force_Split_Words
        finally:
            finalseg.Force_Split_Words = shared


def check_lines(user_dictionary: bytes) -> None:
    """Raise ``ArgumentError`` for what jieba rejects, with the line, and for a dictionary without words."""
    for number, line in enumerate(user_dictionary.splitlines(), 1):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            raise ArgumentError(
                f"user_dictionary must be a file in UTF-8 for jieba; line {number} is not: {error.reason} "
                f"at byte {error.start}"
            ) from None
    if not user_dictionary.decode().replace("\ufeff", "").strip():
        raise ArgumentError("user_dictionary must contain words, one per line; received a file without words")
