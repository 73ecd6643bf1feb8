"""The files that Spark reads for a path, and those that it would leave out or read differently without a message."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from tokemb.errors import ArgumentError, TextError
from tokemb.sources.listing import format_of
from tokemb.sources.local_files import check_file

_GLOB_CHARACTER = re.compile(r"[\\{}\[\]*?]")
_FOLDER_COLUMN = re.compile(r"/([^/=]+)=[^/]*(?=/)")
_SCHEME = re.compile(r"^file:/+")
# The codecs of Hadoop that decompress as tokemb does, by the compression of tokemb.
_CODECS = {"gzip": "GzipCodec", "bz2": "BZip2Codec", "zstd": "ZStandardCodec", None: None}
# The marker before the checksum of 32 bits and up to 7 unused bits at the end of bzip2 files.
_BZIP2_END, _BZIP2_END_BYTES = 0x177245385090, 11


class File(NamedTuple):
    """A file that Spark reads: its whole path and its size in bytes."""

    path: str
    size: int


def as_name(path: str) -> str:
    """Escape the characters of globs in a path."""
    return _GLOB_CHARACTER.sub(r"\\\g<0>", path)


def name_of(path: str) -> str:
    """Return a path for messages: local files without ``file:``."""
    return _SCHEME.sub("/", path)


def find_files(session: SparkSession, path: str) -> list[File]:
    """Return the files with this name, in this folder or that match this glob, sorted.

    Spark's readers skip names that begin with ``_`` or ``.``, and subfolders. Here, these are errors, except hidden
    files in a folder, which no reader reads.

    Raises:
        FileNotFoundError: If there is no file.
        TextError: If Spark leaves out one of the files.
        ArgumentError: If Spark cannot read a name, or decompresses the file in another way than tokemb.
    """
    try:
        files = sorted(_found(session, path), key=lambda file: PurePosixPath(file.path).parts)
    except (Py4JJavaError, PySparkException) as error:
        raise _listing_error(path, error) from None
    codecs: dict[str, str | None] = {}
    for file in files:
        _check_name(file.path)
        suffix = PurePosixPath(file.path).suffix
        if suffix not in codecs:
            codecs[suffix] = _codec(session, file.path)
        _check_codec(file, codecs[suffix])
        if codecs[suffix] == _CODECS["bz2"]:
            _check_end(session, file)
    return files


def _found(session: SparkSession, path: str) -> Iterator[File]:
    java: Any = session.sparkContext._jvm
    location = java.org.apache.hadoop.fs.Path(path)
    system = location.getFileSystem(session.sparkContext._jsc.hadoopConfiguration())
    if not _GLOB_CHARACTER.search(path) or system.exists(location):
        statuses = [system.getFileStatus(location)] if system.exists(location) else []
    elif "**" in path:
        raise ArgumentError(f"Spark has no ** in globs, and {path} contains it: pass one * for each level of folders")
    else:
        statuses = system.globStatus(location) or []
    if not statuses:
        raise FileNotFoundError(errno.ENOENT, "Spark finds no file", path)
    found: list[File] = []
    for status in statuses:
        found += _in_folder(system, status) if status.isDirectory() else [_file(status)]
    for file in found:
        name = PurePosixPath(file.path).name
        if _is_hidden(name):
            raise TextError(f"Spark skips names that begin with _ or ., and {name_of(file.path)} does: rename it")
    if not found:
        raise TextError(f"Spark finds no file at {path}: it skips names that begin with _ or .")
    yield from found


def _in_folder(system: Any, folder: Any) -> list[File]:  # noqa: ANN401 - objects of Java
    """Return the files in a folder and in folders such as ``n=1`` within it.

    Raises:
        TextError: If there are other folders, or names that only Spark would read beside those of known formats.
    """
    found: list[File] = []
    _check_links(folder.getPath().toString())
    for status in system.listStatus(folder.getPath()):
        name = status.getPath().getName()
        if _is_hidden(name):
            continue
        if not status.isDirectory():
            found.append(_file(status))
        elif "=" in name:
            found += _in_folder(system, status)
        elif inside := _in_folder(system, status):
            raise TextError(
                f"Spark reads no subfolders, and {name_of(inside[0].path)} is in one: pass it as well, or pass globs "
                f"such as {name_of(folder.getPath().toString())}/*"
            )
    unknown = [file.path for file in found if format_of(file.path)[0] is None]
    if 0 < len(unknown) < len(found):
        raise TextError(
            f"{name_of(unknown[0])} has no extension of a known format, and other files of the folder have one: pass a "
            "glob that matches the files to read"
        )
    return found


def _file(status: Any) -> File:  # noqa: ANN401
    path = status.getPath().toString()
    if path.startswith("file:"):
        check_file(name_of(path))  # Spark would wait for the writer of a pipe
    return File(path, status.getLen())


def _check_links(folder: str) -> None:
    """Raise ``FileNotFoundError`` if a local folder has a broken link, which Hadoop does not list."""
    if folder.startswith("file:"):
        for entry in os.scandir(name_of(folder)):
            if not _is_hidden(entry.name):
                entry.stat()


def _is_hidden(name: str) -> bool:
    return (name.startswith("_") and "=" not in name) or name.startswith(".")


def _listing_error(path: str, error: Exception) -> Exception:
    message = str(error.java_exception.toString() if isinstance(error, Py4JJavaError) else error)
    if "URISyntaxException" in message:
        return ArgumentError(f"Spark cannot read names that contain a colon, and finds one at {path}: rename the file")
    if "FileNotFoundException" in message:
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return TextError(f"Spark cannot list {path}: {message.strip().splitlines()[0]:.300}")


def _check_name(path: str) -> None:
    name = PurePosixPath(path).name
    for character, shown in ((":", "a colon"), ("\\", "a backslash"), ("\n", "a newline")):
        if character in name:
            raise ArgumentError(f"Spark cannot read names that contain {shown}: rename {name_of(path)}")


def _codec(session: SparkSession, path: str) -> str | None:
    """Return the class of Hadoop that decompresses files with this name. ``None`` if they are read unchanged."""
    java: Any = session.sparkContext._jvm
    factory = java.org.apache.hadoop.io.compress.CompressionCodecFactory(
        session.sparkContext._jsc.hadoopConfiguration()
    )
    codec = factory.getCodec(java.org.apache.hadoop.fs.Path(path))
    return None if codec is None else str(codec.getClass().getSimpleName())


def _check_codec(file: File, codec: str | None) -> None:
    """Raise an error if Spark decompresses a file in another way than tokemb, which for ``.lz4`` loses all rows."""
    compression, name = format_of(file.path)[1], name_of(file.path)
    if compression not in _CODECS or codec != _CODECS[compression]:
        suffix = PurePosixPath(file.path).suffix
        if codec is None:
            raise ArgumentError(f"Spark does not decompress {suffix}: decompress {name} first")
        raise ArgumentError(f"Spark would decompress {suffix} differently: decompress or rename {name} first")
    if compression is not None and not file.size:
        raise TextError(f"{name} is not a valid {compression} file or is truncated: it has no bytes")


def _check_end(session: SparkSession, file: File) -> None:
    """Raise ``TextError`` if a bzip2 file does not end as one. Hadoop reads the blocks before that without an error."""
    end = int.from_bytes(read_end(session, file, _BZIP2_END_BYTES), "big")
    if all((end >> unused + 32) & (1 << 48) - 1 != _BZIP2_END for unused in range(8)):
        raise TextError(f"{name_of(file.path)} is not a valid bz2 file or is truncated: it has no end of the stream")


def read_end(session: SparkSession, file: File, size: int) -> bytes:
    """Return the last ``size`` bytes of a file, fewer if it is shorter."""
    java: Any = session.sparkContext._jvm
    location = java.org.apache.hadoop.fs.Path(file.path)
    stream = location.getFileSystem(session.sparkContext._jsc.hadoopConfiguration()).open(location)
    try:
        start = max(file.size - size, 0)
        stream.seek(start)
        return bytes(stream.read() for _ in range(file.size - start))
    finally:
        stream.close()


def check_read(frame: DataFrame, found: Sequence[File]) -> None:
    """Raise ``TextError`` if Spark reads other files than ``found``."""
    read, expected = {name_of(unquote(name)) for name in frame.inputFiles()}, {name_of(file.path) for file in found}
    if different := sorted(read ^ expected):
        raise TextError(f"Spark reads other files than there are, among them {different[0]}: pass the files one by one")


def folder_columns(found: Sequence[File]) -> list[str]:
    """Return the columns that Spark reads from the names of folders, such as ``n`` from ``n=1``."""
    return list(dict.fromkeys(name for file in found for name in _FOLDER_COLUMN.findall(file.path)))


def base_of(found: Sequence[File]) -> str:
    """Return the folder above all folders such as ``n=1``."""
    return found[0].path.split("=")[0].rpartition("/")[0]
