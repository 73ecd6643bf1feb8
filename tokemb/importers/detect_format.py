"""Which format a file has, seen from its content; and the import itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tokemb._validation import check_choice
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.importers import bert, keras_layer, keras_tokenizer, word_lists
from tokemb.importers.bert import looks_like_bert, read_bert
from tokemb.importers.compressed import decompressed
from tokemb.importers.imported import Imported
from tokemb.importers.keras_layer import read_keras_layer
from tokemb.importers.options import Options
from tokemb.importers.parsed import read_parsed, unwrap_json
from tokemb.importers.pickled import read_pickle
from tokemb.importers.text_vectorization import is_keras_layer, read_text_vectorization
from tokemb.importers.tokenizer_json import KIND as TOKENIZER_JSON
from tokemb.importers.word_lists import looks_like_gensim, read_gensim, read_words

if TYPE_CHECKING:
    import keras

LINES = (bert.KIND, word_lists.GENSIM, word_lists.WORDS)
"""The names of the formats that are lines of text."""

KINDS = (keras_tokenizer.KIND, *keras_layer.KINDS.values(), *LINES, TOKENIZER_JSON)
"""The names of all formats."""

_PICKLES = (".pkl", ".pickle", ".p", ".joblib")
_OLD_PICKLES = (b"ccopy_reg\n", b"ccopyreg\n")


def import_vocabulary(
    source: Path | str | keras.layers.TextVectorization,
    *,
    kind: str | None = None,
    maxlen: int | None = None,
    padding: str | None = None,
    truncating: str | None = None,
    lowercase: bool | None = None,
    num_words: int | None = None,
    oov_token: str | None = None,
    filters: str | None = None,
    split: str | None = None,
    char_level: bool | None = None,
    layer: str | None = None,
    item: str | None = None,
    profile: str | None = None,
    offset: int | None = None,
) -> Encoder:
    """Take over the vocabulary of another library; every token keeps its id.

    ``source``: an adapted ``TextVectorization`` layer, or the path of a file: a legacy Keras
    ``Tokenizer`` (JSON in the forms in which it is found, or a pickle, which is read without pickle), a word map,
    a ``.keras`` file with a ``TextVectorization`` or ``StringLookup``, a pickled
    ``{"config": layer.get_config(), "weights": layer.get_weights()}`` or ``get_vocabulary()``, BERT's ``vocab.txt``,
    gensim's ``Dictionary.save_as_text``, words, one a line, or a ``tokenizer.json``. The file can be compressed.
    ``kind``: which of the formats of lines it is, ``"bert"``, ``"gensim"`` or ``"words"``, if that is not what it looks
    like.
    ``maxlen``, ``padding``, ``truncating``: what ``encode`` does when it is not told; a file that says them keeps them,
    a Keras ``Tokenizer`` gets Keras' defaults ``"pre"`` and ``"pre"``.
    ``lowercase``: whether texts are lowered, for BERT (by default if its tokens have no capitals) and Keras.
    ``num_words``, ``oov_token``, ``filters``, ``split``, ``char_level``: as in Keras, for a ``word_index`` whose file
    does not say them.
    ``layer``: the name of the layer in a ``.keras`` file, if it has several.
    ``item``: which vocabulary of a pickled dict, list or tuple, if it holds several: its key or position, such as
    ``"source"`` or ``"0"``, or several of them with dots between.
    ``profile``: how texts are split for gensim's words and word lists, by default ``"whitespace"``.
    ``offset``: what gensim's ids are raised by (by default 0), or the id of the first word of a list (by default 2).

    Raises ``VocabularyError`` for a file that cannot be read or whose ids tokemb cannot give, ``ModelError`` for a
    broken ``.keras`` file, ``ArgumentError`` for settings that cannot be, or that the file says itself.
    """
    options = Options(
        maxlen,
        padding,
        truncating,
        lowercase,
        num_words,
        oov_token,
        filters,
        split,
        char_level,
        layer,
        item,
        profile,
        offset,
    )
    if is_keras_layer(source):
        if kind is not None or options != Options():
            raise ArgumentError("a layer has all settings of its vocabulary: pass no other argument")
        return read_text_vectorization(source)
    return read_foreign(source, options, kind=kind).encoder


def read_foreign(path: Path | str, options: Options | None = None, *, kind: str | None = None) -> Imported:
    """``import_vocabulary``, and beside the encoder what was read."""
    path, options = Path(path), options or Options()
    if kind is not None:
        check_choice("kind", kind, LINES)
    if path.is_dir() and (path / "tokenizer.json").is_file():
        path /= "tokenizer.json"
    if not path.is_file():
        raise VocabularyError(f"there is no vocabulary file at {path}")
    content = decompressed(path.read_bytes(), path)
    if kind is not None:
        return _of_lines(_text(content, path), kind, options)
    if content.startswith(b"PK\x03\x04"):
        return read_keras_layer(path, options)
    if content.startswith(b"\x89HDF"):
        raise VocabularyError(f"{path} is an HDF5 file, which has weights and no vocabulary: take what lay beside it")
    if content.startswith((b"\x80", *_OLD_PICKLES)) or path.suffix in _PICKLES:
        return read_parsed(read_pickle(content), path, options)
    text = _text(content, path)
    value = unwrap_json(text, path, required=path.suffix == ".json")
    return _of_lines(text, None, options) if value is None else read_parsed(value, path, options)


def _text(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise VocabularyError(f"{path} is no vocabulary that tokemb can read: it is not UTF-8 text") from None


def _of_lines(text: str, kind: str | None, options: Options) -> Imported:
    if "\0" in text:
        raise ArgumentError("this is no file of lines of text: it has NUL characters")
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    ids = {line: index for index, line in enumerate(lines)}
    if kind == bert.KIND or (kind is None and looks_like_bert(ids)):
        return read_bert(ids, options)
    if kind == word_lists.GENSIM or (kind is None and looks_like_gensim(lines)):
        return read_gensim(lines, options)
    return read_words(lines, options, sure=kind is not None)
