"""``.array_record`` files: one ``tf.train.Example`` per row, in the file format of Grain and TensorFlow Datasets."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa

from tokemb.errors import one_line
from tokemb.files.array_records import array_record_module
from tokemb.formats.output_options import OutputOptions
from tokemb.formats.tfrecord import ExampleWriter

# Grain reads single records in any order, and rejects files with several records per group.
_OPTIONS = "group_size:1"

# The library reports errors of the disk as texts that contain these descriptions.
_REASONS = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


class ArrayRecordWriter(ExampleWriter):
    """Writer of ``.array_record`` files. The library compresses the records."""

    suffix = ".array_record"

    @classmethod
    def check(cls, layout: OutputOptions) -> None:
        """Raise ``MissingPackageError`` without the library, and ``ArgumentError`` as for ``.tfrecord``."""
        array_record_module()
        super().check(layout)

    def __init__(self, path: Path, layout: OutputOptions) -> None:
        super().__init__(path, layout)
        self._file = array_record_module().ArrayRecordWriter(os.fsencode(path), _OPTIONS)

    def _write_records(self, records: pa.Array) -> None:
        with _errors_of_disk():
            for record in records.to_pylist():
                self._file.write(record)

    def _complete(self) -> None:
        with _errors_of_disk():
            self._file.close()

    def _close(self) -> None:
        with suppress(RuntimeError):  # an error of the disk, which was raised already
            self._file.close()


@contextmanager
def _errors_of_disk() -> Iterator[None]:
    """Raise the errors of the library, which concern the disk, as ``OSError``."""
    try:
        yield
    except RuntimeError as error:
        number = next((number for number in _REASONS if os.strerror(number) in str(error)), errno.EIO)
        raise OSError(number, one_line(error)) from error
