"""The classes and functions that a pickle may name, and the records that represent their objects.

Nothing here imports or calls a name from a pickle. Each allowed name has a branch that builds the record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

from tokemb.errors import VocabularyError
from tokemb.importers.pickled_arrays import JoblibArray, PickledArray, PickledDtype, scalar

MIGRATED = "tokemb.keras.legacy.text.Tokenizer"
"""The class in pickles of scripts that use ``tokemb.keras``."""

# The paths of the class in all versions of Keras.
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
# The constructor of objects in protocols 0 and 1, their base class, and the default factories of a defaultdict.
_RECONSTRUCTORS = frozenset({"copyreg._reconstructor", "copy_reg._reconstructor"})
_BUILTINS = frozenset(
    f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("object", "int", "long")
)
_SETS = frozenset(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("set", "frozenset"))
_BYTES = frozenset(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("bytes", "bytearray"))
# Lists, dicts and tuples that are attributes of a TensorFlow layer.
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
# The placeholders of joblib for an array whose bytes follow in the file.
_JOBLIB_ARRAYS = frozenset(
    {"joblib.numpy_pickle.NumpyArrayWrapper", "sklearn.externals.joblib.numpy_pickle.NumpyArrayWrapper"}
)
# Python 2 and low protocols write bytes as text with a call that encodes it.
_ENCODE = "_codecs.encode"
# Label encoders and similar objects are often saved together with tokenizers. They are skipped.
_SKIPPED = "sklearn.preprocessing."

_ALLOWED = (
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
    """The name of a class or function in the file. The name is never resolved."""

    name: str


@dataclass
class PickledTokenizer:
    """The attributes of a pickled ``Tokenizer``, and the path of its class."""

    state: dict[str, Any] = field(default_factory=dict)
    path: str = ""


@dataclass
class PickledObject:
    """The attributes of an object that is not part of a vocabulary."""

    name: str
    state: dict[str, Any] = field(default_factory=dict)


def admit(module: str, name: str) -> Name:
    """Return the name of a class or function. Raises ``VocabularyError`` if it is not allowed."""
    path = f"{module}.{name}"
    if path not in _ALLOWED and not (path.startswith(_SKIPPED) and name.isidentifier()):
        refuse(path)
    return Name(path)


def refuse(requirement: str) -> NoReturn:
    """Raise the error for a pickle that needs something that is not allowed."""
    raise VocabularyError(
        f"the pickle needs {requirement:.200}, which is not part of a Keras vocabulary: the file was rejected, and "
        "nothing in it was executed"
    )


def make(function: Name, arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401
    """Return the record of the object that a call would create."""
    if function.name in _RECONSTRUCTORS and len(arguments) == 3:
        record = _make_object(of_type(arguments[0], Name).name)
    elif function.name in _NUMPY:
        record = _make_numpy(_NUMPY[function.name], arguments)
    else:
        record = None if arguments else _make_object(function.name)
        record = _make_plain(function.name, arguments) if record is None else record
    return refuse(f"a call of {function.name}") if record is None else record


def _make_object(name: str) -> PickledTokenizer | PickledObject | JoblibArray | None:
    if name in _TOKENIZERS:
        return PickledTokenizer(path=name)
    if name in _JOBLIB_ARRAYS:
        return JoblibArray()
    return PickledObject(name) if name.startswith(_SKIPPED) else None


def _make_plain(name: str, arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401
    """Return a container or bytes. ``None`` if the call creates neither."""
    if name == "collections.OrderedDict" and len(arguments) <= 1:
        return pairs([item for pair in (arguments[0] if arguments else ()) for item in _unpack_pair(pair)])
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
    """Set the attributes of a record to those in the pickle."""
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


def _unpack_pair(pair: Any) -> tuple[Any, Any]:  # noqa: ANN401
    first, second = pair
    return first, second


def pairs(items: list[Any]) -> dict[Any, Any]:
    """Return the dict of alternating keys and values. Only plain keys are allowed, since others may be slow to hash."""
    keys, values = items[::2], items[1::2]
    if any(type(key) not in (str, int, float, bool, bytes, type(None)) for key in keys):
        raise TypeError("a key is neither text nor an integer")
    return dict(zip(keys, values, strict=True))


def of_type(value: Any, kind: type) -> Any:  # noqa: ANN401
    """Return ``value``. Raises ``TypeError`` if it has another type."""
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected, not {type(value).__name__}")
    return value
