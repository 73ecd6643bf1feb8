"""Pickles, read without pickle: plain containers, NumPy arrays and Keras ``Tokenizer`` objects.

The interpreter below supports the instructions that build plain containers, and makes records for the few classes that
``pickled_objects`` allows. It never calls a name from the file. Other names are rejected with an error.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

from tokemb.errors import VocabularyError, one_line
from tokemb.files.expansion import is_bomb
from tokemb.importers.pickled_arrays import JoblibArray, PickledArray
from tokemb.importers.pickled_objects import Name, admit, make, of_type, pairs, refuse, set_state

# Each object in a pickle is usually copied once. Short ones, such as names of encodings, are used many times.
_COPIES_PER_BYTE = 16


class _Mark:
    """A mark on the stack."""


def read_pickle(content: bytes, stored: int | None = None) -> Any:  # noqa: ANN401 - any content
    """Read a pickle.

    Args:
        content: The bytes of the pickle.
        stored: The size of its file, which may be compressed. ``None`` is that of ``content``.

    Returns:
        Plain containers, with records of the objects in them.

    Raises:
        VocabularyError: If the pickle contains other objects, or is corrupt.
    """
    try:
        return _read(io.BytesIO(content), _Size(len(content), len(content) if stored is None else stored))
    except VocabularyError:
        raise
    except Exception as error:  # a corrupt file can make pickletools and the interpreter raise any error
        reason = one_line(f"{type(error).__name__} {error}")
        raise VocabularyError(f"the pickle is corrupt: {reason:.120}") from None


class _Size:
    """The size of what a pickle has made so far.

    A pickle can pass one large object to any number of calls, which copy it, and compressed instructions take almost no
    space. Both would take far more memory than the file.
    """

    def __init__(self, content: int, stored: int) -> None:
        """Initialize the size with those of the pickle and of its file in bytes."""
        self._content, self._stored = content, stored
        self._instructions, self._copied = 0, 0

    def add_instruction(self) -> None:
        """Count an instruction, which makes at most one object."""
        self._instructions += 1
        if is_bomb(self._instructions, self._stored):
            raise _bomb()

    def add_copies(self, values: Iterable[Any]) -> None:
        """Count the elements of containers and texts that a call copies. Other values are not copied."""
        self._copied += sum(len(value) for value in values if isinstance(value, (str, bytes, list, dict)))
        if self._copied > _COPIES_PER_BYTE * self._content:
            raise _bomb()


def _bomb() -> VocabularyError:
    return VocabularyError("the pickle was rejected: its objects would take far more memory than the file has bytes")


def _read(stream: BinaryIO, size: _Size) -> Any:  # noqa: ANN401
    interpreter = _Interpreter(size)
    for opcode, argument, _ in pickletools.genops(stream):
        size.add_instruction()
        if opcode.name == "STOP":
            return interpreter.pop()
        interpreter.execute(opcode.name, argument)
        if opcode.name == "BUILD" and isinstance(interpreter.top, JoblibArray):
            _read_elements(interpreter.top, stream, size)
    raise VocabularyError("the pickle is corrupt: it is truncated")


def _read_elements(array: JoblibArray, stream: BinaryIO, size: _Size) -> None:
    """Read the elements of an array, which joblib writes between two instructions."""
    if array.dtype is not None and array.dtype.holds_objects:
        inner = of_type(_read(stream, size), PickledArray)
        array.shape, array.dtype, array.data = inner.shape, inner.dtype, inner.data
        return
    if array.is_aligned:
        stream.read(stream.read(1)[0])
    array.data = stream.read(array.size_in_bytes)


_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": list,
    "MARK": _Mark,
}
_VALUES = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 "
    "BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8".split()
)
# The str of Python 2, which is bytes. pickletools decodes it as Latin-1.
_BYTES = frozenset({"STRING", "BINSTRING", "SHORT_BINSTRING"})
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Interpreter:
    """An interpreter of pickle instructions, with its stack and memo."""

    def __init__(self, size: _Size) -> None:
        self._size = size
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def pop(self) -> Any:  # noqa: ANN401
        """Remove and return the top of the stack."""
        return self._stack.pop()

    @property
    def top(self) -> Any:  # noqa: ANN401
        """The top of the stack."""
        return self._stack[-1]

    def execute(self, name: str, argument: Any) -> None:  # noqa: ANN401
        """Execute one instruction."""
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
                refuse(f"the instruction {name}")
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
        self._stack.append(pairs(self._since_mark()))

    def _append(self, _: None) -> None:
        item = self._stack.pop()
        of_type(self._stack[-1], list).append(item)

    def _appends(self, _: None) -> None:
        items = self._since_mark()
        of_type(self._stack[-1], list).extend(items)

    def _setitem(self, _: None) -> None:
        item = self._stack[-2:]
        del self._stack[-2:]
        of_type(self._stack[-1], dict).update(pairs(item))

    def _setitems(self, _: None) -> None:
        items = self._since_mark()
        of_type(self._stack[-1], dict).update(pairs(items))

    def _global(self, argument: str) -> None:
        self._stack.append(admit(*argument.split(" ", 1)))

    def _stack_global(self, _: None) -> None:
        name, module = of_type(self._stack.pop(), str), of_type(self._stack.pop(), str)
        self._stack.append(admit(module, name))

    def _newobj(self, _: None) -> None:
        arguments, name = of_type(self._stack.pop(), tuple), of_type(self._stack.pop(), Name)
        self._size.add_copies(arguments)
        self._stack.append(make(name, arguments))

    _reduce = _newobj

    # Sets are read as lists, so that their items need not be hashable.
    _additems = _appends
    _frozenset = _list

    def _build(self, _: None) -> None:
        state = self._stack.pop()
        self._size.add_copies([state])
        set_state(self._stack[-1], state)
