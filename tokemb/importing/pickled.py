"""The state of a pickled Keras ``Tokenizer``, read without pickle.

The machine below knows the instructions that build plain containers, and one class, whose objects it makes as opaque
records. It calls nothing that a file names: whatever else a file asks for is refused by name.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from tokemb.errors import VocabularyError

# Where the class has been in the course of time.
_TOKENIZERS = frozenset(
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
)
_DICTS = frozenset({"collections.OrderedDict", "collections.defaultdict"})
# What protocols 0 and 1 make any object with, its base class, and what a defaultdict makes its values with.
_RECONSTRUCTORS = frozenset({"copyreg._reconstructor", "copy_reg._reconstructor"})
_BUILTINS = frozenset(
    f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("object", "int", "long")
)
_ADMITTED = _TOKENIZERS | _DICTS | _RECONSTRUCTORS | _BUILTINS | {"__builtin__.long"}


@dataclass(frozen=True)
class _Name:
    """A class or function that the file names, and nothing more than its name."""

    name: str


@dataclass
class PickledTokenizer:
    """The attributes of a pickled ``Tokenizer``."""

    state: dict[str, Any] = field(default_factory=dict)


class _Mark:
    """A place on the stack."""


def read_pickle(content: bytes) -> Any:  # noqa: ANN401 - whatever the file holds
    """What a pickle holds: plain containers, and a ``PickledTokenizer`` for a Keras ``Tokenizer``.

    Raises ``VocabularyError`` if it names anything else, or is broken.
    """
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name == "STOP":
                return machine.pop()
            machine.do(opcode.name, argument)
    except VocabularyError:
        raise
    except Exception as error:  # a broken file can make pickletools and the machine raise anything
        reason = f"{type(error).__name__} {error}"
        raise VocabularyError(f"the pickle is broken: {' '.join(reason.split()):.120}") from None
    raise VocabularyError("the pickle is broken: it does not end")


_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "MARK": _Mark,
}
_VALUES = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8".split()
)
# Python 2's str: bytes, which pickletools shows as Latin-1.
_BYTES = frozenset({"STRING", "BINSTRING", "SHORT_BINSTRING"})
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Machine:
    """The stack and the memo of a pickle."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def pop(self) -> Any:  # noqa: ANN401
        """Take the uppermost value."""
        return self._stack.pop()

    def do(self, name: str, argument: Any) -> None:  # noqa: ANN401
        """Carry out one instruction."""
        if name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name]())
        elif name in _VALUES:
            self._stack.append(argument)
        elif name in _BYTES:
            self._stack.append(argument.encode("latin-1").decode())
        elif name in _TUPLES:
            self._collect(len(self._stack) - _TUPLES[name], tuple)
        elif name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
            self._memo[len(self._memo) if argument is None else argument] = self._stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self._stack.append(self._memo[argument])
        elif name not in ("PROTO", "FRAME"):
            action = getattr(self, f"_{name.lower()}", None)
            if action is None:
                _refuse(f"the instruction {name}")
            action(argument)

    def _collect(self, start: int, kind: Callable[[list[Any]], Any]) -> None:
        self._stack[start:] = [kind(self._stack[start:])]

    def _since_mark(self) -> list[Any]:
        for start in range(len(self._stack) - 1, -1, -1):
            if isinstance(self._stack[start], _Mark):
                items = self._stack[start + 1 :]
                del self._stack[start:]
                return items
        raise IndexError("no mark")

    def _pop(self, _: None) -> None:
        self._stack.pop()

    def _pop_mark(self, _: None) -> None:
        self._since_mark()

    def _tuple(self, _: None) -> None:
        self._stack.append(tuple(self._since_mark()))

    def _list(self, _: None) -> None:
        self._stack.append(self._since_mark())

    def _dict(self, _: None) -> None:
        self._stack.append(_pairs(self._since_mark()))

    def _append(self, _: None) -> None:
        item = self._stack.pop()
        _of(self._stack[-1], list).append(item)

    def _appends(self, _: None) -> None:
        items = self._since_mark()
        _of(self._stack[-1], list).extend(items)

    def _setitem(self, _: None) -> None:
        item = self._stack[-2:]
        del self._stack[-2:]
        _of(self._stack[-1], dict).update(_pairs(item))

    def _setitems(self, _: None) -> None:
        items = self._since_mark()
        _of(self._stack[-1], dict).update(_pairs(items))

    def _global(self, argument: str) -> None:
        self._stack.append(_admit(*argument.split(" ", 1)))

    def _stack_global(self, _: None) -> None:
        name, module = _of(self._stack.pop(), str), _of(self._stack.pop(), str)
        self._stack.append(_admit(module, name))

    def _newobj(self, _: None) -> None:
        arguments, name = _of(self._stack.pop(), tuple), _of(self._stack.pop(), _Name)
        self._stack.append(_make(name, arguments))

    _reduce = _newobj

    def _build(self, _: None) -> None:
        state = _of(self._stack.pop(), dict)
        _of(self._stack[-1], PickledTokenizer).state.update(state)


def _admit(module: str, name: str) -> _Name:
    path = f"{module}.{name}"
    if path not in _ADMITTED:
        _refuse(path)
    return _Name(path)


def _refuse(what: str) -> NoReturn:
    raise VocabularyError(
        f"the pickle asks for {what:.200}, which is no part of a Keras Tokenizer: it was refused, and nothing executed"
    )


def _make(what: _Name, arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401
    """What calling ``what`` would make, if that is a container or a ``Tokenizer``."""
    if what.name in _TOKENIZERS and not arguments:
        return PickledTokenizer()
    if what.name == "collections.OrderedDict" and len(arguments) <= 1:
        return _pairs([item for pair in (arguments[0] if arguments else ()) for item in _two(pair)])
    if what.name == "collections.defaultdict" and (not arguments or isinstance(arguments[0], _Name)):
        return {}
    if what.name in _RECONSTRUCTORS and len(arguments) == 3 and _of(arguments[0], _Name).name in _TOKENIZERS:
        return PickledTokenizer()
    return _refuse(f"a call of {what.name}")


def _two(pair: Any) -> tuple[Any, Any]:  # noqa: ANN401
    first, second = pair
    return first, second


def _pairs(items: list[Any]) -> dict[Any, Any]:
    """A dict of keys and values that follow each other; other keys than texts and numbers could take long to hash."""
    keys, values = items[::2], items[1::2]
    if any(type(key) not in (str, int) for key in keys):
        raise TypeError("a key is neither text nor a whole number")
    return dict(zip(keys, values, strict=True))


def _of(value: Any, kind: type) -> Any:  # noqa: ANN401
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected, not {type(value).__name__}")
    return value
