"""The classes and functions that a pickle may name, and the records that stand for their objects.

Nothing here imports or calls what a pickle names: each name has a branch that builds the record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

from tokemb.errors import VocabularyError
from tokemb.importers.pickled_arrays import JoblibArray, PickledArray, PickledDtype, scalar

MIGRATED = "tokemb.keras.legacy.text.Tokenizer"
"""The class of scripts that were moved to tokemb and kept their ``pickle.dump``."""

# Where the class has been in the course of time.
_TOKENIZERS = frozenset(
    {
        MIGRATED,
        *(
            f"{module}.Tokenizer"
            for module in (
                "keras.preprocessing.text",
                "keras_preprocessing.text",
                "keras.src.preprocessing.text",
                "keras.legacy.preprocessing.text",
                "keras.src.legacy.preprocessing.text",
                "tensorflow.keras.preprocessing.text",
                "tensorflow.python.keras.preprocessing.text",
                "tensorflow.python.keras._impl.keras.preprocessing.text",
                "tensorflow.contrib.keras.python.keras.preprocessing.text",
                "tf_keras.preprocessing.text",
                "tf_keras.src.preprocessing.text",
            )
        ),
    }
)
_DICTS = frozenset({"collections.OrderedDict", "collections.defaultdict"})
# What protocols 0 and 1 make any object with, its base class, and what a defaultdict makes its values with.
_RECONSTRUCTORS = frozenset({"copyreg._reconstructor", "copy_reg._reconstructor"})
_BUILTINS = frozenset(
    f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("object", "int", "long")
)
_SETS = frozenset(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("set", "frozenset"))
_BYTES = frozenset(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("bytes", "bytearray"))
# Lists, dicts and tuples that a layer of TensorFlow holds.
_WRAPPERS = frozenset(
    f"tensorflow.python.{module}.data_structures.{name}"
    for module in ("trackable", "training.tracking", "training.checkpointable")
    for name in ("ListWrapper", "_DictWrapper", "_TupleWrapper", "List")
)
_NUMPY = {
    f"{module}.{name}": name
    for module, names in {
        "numpy": ("ndarray", "dtype"),
        "numpy.core.multiarray": ("_reconstruct", "scalar"),
        "numpy._core.multiarray": ("_reconstruct", "scalar"),
        "numpy.core.numeric": ("_frombuffer",),
        "numpy._core.numeric": ("_frombuffer",),
    }.items()
    for name in names
}
# How joblib notes an array whose bytes follow in the file.
_JOBLIB_ARRAYS = frozenset(
    {"joblib.numpy_pickle.NumpyArrayWrapper", "sklearn.externals.joblib.numpy_pickle.NumpyArrayWrapper"}
)
# Python 2 and low protocols write bytes as text that is encoded again.
_ENCODE = "_codecs.encode"
# Label encoders and the like lie beside tokenizers. Their objects are skipped.
_SKIPPED = "sklearn.preprocessing."

_ADMITTED = (
    _TOKENIZERS
    | _DICTS
    | _RECONSTRUCTORS
    | _BUILTINS
    | _SETS
    | _BYTES
    | _WRAPPERS
    | set(_NUMPY)
    | _JOBLIB_ARRAYS
    | {"__builtin__.long", _ENCODE}
)


@dataclass(frozen=True)
class Name:
    """A class or function that the file names, and nothing more than its name."""

    name: str


@dataclass
class PickledTokenizer:
    """The attributes of a pickled ``Tokenizer``, and the path of its class."""

    state: dict[str, Any] = field(default_factory=dict)
    path: str = ""


@dataclass
class PickledObject:
    """The attributes of an object that no vocabulary is made of."""

    name: str
    state: dict[str, Any] = field(default_factory=dict)


def admit(module: str, name: str) -> Name:
    """Return the name of a class or function; raise ``VocabularyError`` if a vocabulary has no use for it."""
    path = f"{module}.{name}"
    if path not in _ADMITTED and not (path.startswith(_SKIPPED) and name.isidentifier()):
        refuse(path)
    return Name(path)


def refuse(what: str) -> NoReturn:
    """Raise the error for a pickle that asks for ``what``."""
    raise VocabularyError(
        f"the pickle asks for {what:.200}, which is no part of a Keras vocabulary: it was refused, and nothing executed"
    )


def make(what: Name, arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401
    """Return the record of what calling ``what`` would make."""
    if what.name in _RECONSTRUCTORS and len(arguments) == 3:
        made = _make_object(of_type(arguments[0], Name).name)
    elif what.name in _NUMPY:
        made = _make_numpy(_NUMPY[what.name], arguments)
    else:
        made = None if arguments else _make_object(what.name)
        made = _make_plain(what.name, arguments) if made is None else made
    return refuse(f"a call of {what.name}") if made is None else made


def _make_object(name: str) -> PickledTokenizer | PickledObject | JoblibArray | None:
    if name in _TOKENIZERS:
        return PickledTokenizer(path=name)
    if name in _JOBLIB_ARRAYS:
        return JoblibArray()
    return PickledObject(name) if name.startswith(_SKIPPED) else None


def _make_plain(name: str, arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401
    """Return a container or bytes; ``None`` for a call that makes neither."""
    if name == "collections.OrderedDict" and len(arguments) <= 1:
        return pairs([item for pair in (arguments[0] if arguments else ()) for item in _two(pair)])
    if name == "collections.defaultdict" and (not arguments or isinstance(arguments[0], Name)):
        return {}
    if name in _WRAPPERS and len(arguments) == 1 and isinstance(arguments[0], (list, dict, tuple)):
        return arguments[0]
    if name in _SETS and len(arguments) <= 1:
        return list(of_type(arguments[0], list)) if arguments else []
    return _make_bytes(name, arguments)


def _make_bytes(name: str, arguments: tuple[Any, ...]) -> bytes | None:
    if name in _BYTES and [*map(type, arguments)] in ([], [bytes]):
        return b"".join(arguments)
    if name in _BYTES | {_ENCODE} and arguments[1:] in (("latin1",), ("latin-1",)):
        encoded: bytes = of_type(arguments[0], str).encode("latin-1")
        return encoded
    return None


def _make_numpy(name: str, arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401
    if name == "dtype" and arguments and type(arguments[0]) is str:
        return PickledDtype(arguments[0])
    if name == "_reconstruct":
        return PickledArray()
    if name == "scalar" and len(arguments) == 2:
        return scalar(of_type(arguments[0], PickledDtype), arguments[1])
    if name == "_frombuffer" and len(arguments) >= 3:
        return PickledArray(of_type(arguments[2], tuple), of_type(arguments[1], PickledDtype), arguments[0])
    return None


def set_state(target: Any, state: Any) -> None:  # noqa: ANN401
    """Give a record the attributes that the pickle has for it."""
    if isinstance(target, PickledDtype):
        target.set_state(of_type(state, tuple))
    elif isinstance(target, JoblibArray):
        state = of_type(state, dict)
        target.shape, target.dtype = state["shape"], state["dtype"]
        target.is_aligned = state.get("numpy_array_alignment_bytes") is not None
    elif isinstance(target, PickledArray):
        _, target.shape, target.dtype, _, target.data = of_type(state, tuple)
    elif isinstance(target, (PickledTokenizer, PickledObject)):
        target.state.update(of_type(state, dict))
    else:
        raise TypeError(f"a {type(target).__name__} has no attributes")


def _two(pair: Any) -> tuple[Any, Any]:  # noqa: ANN401
    first, second = pair
    return first, second


def pairs(items: list[Any]) -> dict[Any, Any]:
    """Return the dict of keys and values that follow each other; other keys than plain ones could take long to hash."""
    keys, values = items[::2], items[1::2]
    if any(type(key) not in (str, int, float, bool, bytes, type(None)) for key in keys):
        raise TypeError("a key is neither text nor an integer")
    return dict(zip(keys, values, strict=True))


def of_type(value: Any, kind: type) -> Any:  # noqa: ANN401
    """Return ``value``; raise ``TypeError`` if it is of another type."""
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected, not {type(value).__name__}")
    return value
