"""The errors that tokemb raises.

::

    TokembError
    ├── ArgumentError        (ValueError)       an invalid argument: max_size=0, an unknown profile
    ├── TextTypeError        (TypeError)        an input that is not a column of texts: a single str, bytes
    ├── TextError            (ValueError)       a row or a file that is not text, a corpus without tokens
    ├── CountsError          (ValueError)       a file of token counts that is missing, newer or corrupt
    ├── VocabularyError      (ValueError)       a vocabulary that is missing, newer, changed or corrupt
    ├── OutputExistsError    (FileExistsError)  an existing output that must not be replaced
    ├── OutputInUseError     (OSError)          a folder that another process is writing
    ├── RowsLostError        (RuntimeError)     rows read that differ from rows written: a defect of tokemb
    ├── ModelError           (ValueError)       a Keras model that does not match the ids or the vocabulary
    ├── VectorsError         (ValueError)       a file of pre-trained vectors that is corrupt
    ├── TrainingError        (ValueError)       a training that diverged: its loss or its weights are NaN or infinite
    └── MissingPackageError  (ImportError)      an optional package that is not installed

Every message is one sentence. It states the rule, the value received and, where there is one, the remedy.
Errors of the disk remain ``OSError``.
"""


class TokembError(Exception):
    """The base class of all errors that tokemb raises deliberately."""


class ArgumentError(TokembError, ValueError):
    """An argument has an invalid value."""


class TextTypeError(TokembError, TypeError):
    """The input is not a column of texts."""


class TextError(TokembError, ValueError):
    """A row or a file is not text, or a corpus has no tokens."""


class CountsError(TokembError, ValueError):
    """A file of token counts cannot be used."""


class VocabularyError(TokembError, ValueError):
    """A vocabulary folder or ``tokenizer.json`` cannot be used."""


class OutputExistsError(TokembError, FileExistsError):
    """An output would replace a file or folder that must be kept. ``force=True`` replaces it."""


class OutputInUseError(TokembError, OSError):
    """Another process is writing the same folder."""


class RowsLostError(TokembError, RuntimeError):
    """The rows written are not the rows read, which is a defect of tokemb. The output was not written."""


class ModelError(TokembError, ValueError):
    """A Keras model does not match the ids or the vocabulary."""


class VectorsError(TokembError, ValueError):
    """A file of pre-trained vectors cannot be used."""


class TrainingError(TokembError, ValueError):
    """A training diverged: its loss or its weights are NaN or infinite."""


class MissingPackageError(TokembError, ImportError):
    """An optional package is required and not installed."""


def one_line(error: BaseException | str) -> str:
    """Return the message of an error of another library on one line."""
    return " ".join(str(error).split())
