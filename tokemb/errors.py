"""The errors that tokemb raises.

::

    TokembError
    ├── ArgumentError        (ValueError)   a setting that cannot be: max_size=0, an unknown profile
    ├── TextTypeError        (TypeError)    something that is not a column of texts: one bare str, bytes
    ├── TextError            (ValueError)   a row or a file that is not text, a corpus without tokens
    ├── CountsError          (ValueError)   a file of token counts that is missing, newer, broken, or not one
    ├── VocabularyError      (ValueError)   a vocabulary that is missing, newer, changed, or not one
    ├── OutputExistsError    (FileExistsError)  an output that must not replace what is there
    ├── OutputInUseError     (OSError)      a folder that another process is writing
    ├── RowsLostError        (RuntimeError) other rows were written than were read: a defect of tokemb
    ├── ModelError           (ValueError)   a model that cannot take these ids
    ├── VectorsError         (ValueError)   a file of pre-trained vectors that is broken, or not one
    ├── TrainingError        (ValueError)   a training that diverged: its loss or its weights are NaN or infinite
    └── MissingPackageError  (ImportError)  a package that is an extra and not installed

Every message is one sentence: the rule, what was met instead, and the way out where there is one.
Failures of the disk stay ``OSError``.
"""


class TokembError(Exception):
    """The root: whatever tokemb raises on purpose."""


class ArgumentError(TokembError, ValueError):
    """A setting has a value that it cannot have."""


class TextTypeError(TokembError, TypeError):
    """The input is not a column of texts."""


class TextError(TokembError, ValueError):
    """A row or a file is not text, or a corpus holds no tokens."""


class CountsError(TokembError, ValueError):
    """A file of token counts cannot be used."""


class VocabularyError(TokembError, ValueError):
    """A vocabulary folder or ``tokenizer.json`` cannot be used."""


class OutputExistsError(TokembError, FileExistsError):
    """An output would replace something that may be worth more; ``force=True`` replaces it."""


class OutputInUseError(TokembError, OSError):
    """Another process is writing the same folder."""


class RowsLostError(TokembError, RuntimeError):
    """Other rows were written than were read, which is a defect of tokemb; the output was not written."""


class ModelError(TokembError, ValueError):
    """A Keras model cannot take these ids or this vocabulary."""


class VectorsError(TokembError, ValueError):
    """A file of pre-trained vectors cannot be used."""


class TrainingError(TokembError, ValueError):
    """A training diverged: its loss or its weights are NaN or infinite."""


class MissingPackageError(TokembError, ImportError):
    """A package is needed that is installed only on demand."""
