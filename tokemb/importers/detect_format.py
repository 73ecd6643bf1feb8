"""Import of a vocabulary, with detection of its format from the content."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tokemb._validation import LINE_KINDS, check_choice, check_optional_count
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.importers import bert, keras_layer, keras_tokenizer, word_lists
from tokemb.importers.bert import looks_like_bert, read_bert
from tokemb.importers.compressed import decompress
from tokemb.importers.imported import Imported
from tokemb.importers.keras_layer import read_keras_layer
from tokemb.importers.options import Options
from tokemb.importers.parsed import read_parsed, unwrap_json
from tokemb.importers.pickled import read_pickle
from tokemb.importers.text_vectorization import is_keras_layer, read_text_vectorization
from tokemb.importers.tokenizer_json import KIND as TOKENIZER_JSON
from tokemb.importers.vectors import looks_like_vectors, read_vectors
from tokemb.importers.word_lists import looks_like_gensim, read_gensim, read_words

if TYPE_CHECKING:
    import keras

KINDS = (keras_tokenizer.KIND, *keras_layer.KINDS.values(), *LINE_KINDS, TOKENIZER_JSON)
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
    max_size: int | None = None,
    segmenter: str | None = None,
    user_dictionary: Path | None = None,
) -> Encoder:
    """Import the vocabulary of another library. Every token keeps its id.

    Args:
        source: An adapted ``TextVectorization`` layer, or the path of a file: a legacy Keras ``Tokenizer`` (JSON, or a
            pickle, which is read without pickle), a word map, a ``.keras`` file with a ``TextVectorization`` or
            ``StringLookup`` layer, a pickled ``{"config": layer.get_config(), "weights": layer.get_weights()}`` or
            ``get_vocabulary()``, a ``vocab.txt`` of BERT, the output of gensim's ``Dictionary.save_as_text``, a word
            list with one word per line, a ``tokenizer.json``, or a file of pre-trained vectors, whose words become the
            vocabulary. The file may be compressed.
        kind: The format of a text file: ``"bert"``, ``"gensim"`` or ``"words"``. ``None`` detects it.
        maxlen: The default length of rows in ``encode``. ``None`` uses the value in the file, if it has one.
        padding: The default side of padding, ``"pre"`` or ``"post"``. ``None`` uses the value in the file, and Keras'
            default ``"pre"`` for a Keras ``Tokenizer``.
        truncating: The default side of truncation, as for ``padding``.
        lowercase: Whether texts are lowercased, for BERT and ``word_index`` files. For BERT, the default is true if no
            token has a capital letter.
        num_words: As in Keras, for a ``word_index`` whose file does not contain it.
        oov_token: As in Keras, for a ``word_index`` whose file does not contain it.
        filters: As in Keras, for a ``word_index`` whose file does not contain it.
        split: As in Keras, for a ``word_index`` whose file does not contain it.
        char_level: As in Keras, for a ``word_index`` whose file does not contain it.
        layer: The name of the layer in a ``.keras`` file that has several.
        item: The vocabulary in a pickled dict, list or tuple that contains several: its key or position, such as
            ``"source"`` or ``"0"``, or several of these joined with dots.
        profile: The profile that splits texts, for gensim, word lists and vectors. The default is ``"whitespace"``.
        offset: For gensim, the number that is added to every id (default 0). For word lists, the id of the first word
            (default 2).
        max_size: For vectors, the maximum number of words, from the start of the file.
        segmenter: For vectors, what finds the words of texts, as for ``fit_vocab``.
        user_dictionary: For vectors, words that the segmenter should find, as for ``fit_vocab``.

    Raises:
        VocabularyError: If the file cannot be read, or tokemb cannot produce its ids.
        ModelError: If a ``.keras`` file is corrupt.
        VectorsError: If a file of vectors is corrupt.
        ArgumentError: If an argument is invalid, or does not apply to the file.
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
        check_optional_count("max_size", max_size),
        segmenter,
        user_dictionary,
    )
    if is_keras_layer(source):
        if kind is not None or options != Options():
            raise ArgumentError("a layer contains all settings of its vocabulary: pass no other argument")
        return read_text_vectorization(source)
    return read_foreign(source, options, kind=kind).encoder


def read_foreign(path: Path | str, options: Options | None = None, *, kind: str | None = None) -> Imported:
    """Import a vocabulary from a file, with details of the import.

    Args:
        path: The file, as for ``import_vocabulary``.
        options: The other arguments of ``import_vocabulary``.
        kind: As for ``import_vocabulary``.

    Returns:
        The encoder and what was read.

    Raises:
        VocabularyError: If the file cannot be read, or tokemb cannot produce its ids. Other errors are those of
            ``import_vocabulary``.
    """
    path, options = Path(path), options or Options()
    if kind is not None:
        check_choice("kind", kind, LINE_KINDS)
    if path.is_dir() and (path / "tokenizer.json").is_file():
        path /= "tokenizer.json"
    if not path.is_file():
        raise VocabularyError(f"there is no vocabulary file at {path}")
    if kind is None and looks_like_vectors(path):  # first, since such a file can be larger than memory
        return read_vectors(path, options)
    stored = path.read_bytes()
    content = decompress(stored, path)
    if kind is not None:
        return _read_lines(_text(content, path), kind, options)
    if content.startswith(b"PK\x03\x04"):
        return read_keras_layer(path, options)
    if content.startswith(b"\x89HDF"):
        raise VocabularyError(
            f"{path} is an HDF5 file, which contains weights but no vocabulary: import the file that was saved with it"
        )
    if content.startswith((b"\x80", *_OLD_PICKLES)) or path.suffix in _PICKLES:
        return read_parsed(read_pickle(content, len(stored)), path, options)
    text = _text(content, path)
    value = unwrap_json(text, path, required=path.suffix == ".json")
    return _read_lines(text, None, options) if value is None else read_parsed(value, path, options)


def _text(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise VocabularyError(f"{path} is not a vocabulary that tokemb can read: it is not UTF-8 text") from None


def _read_lines(text: str, kind: str | None, options: Options) -> Imported:
    if "\0" in text:
        raise ArgumentError("the file is not a text file: it contains NUL characters")
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    ids = {line: index for index, line in enumerate(lines)}
    if kind == bert.KIND or (kind is None and looks_like_bert(ids)):
        return read_bert(ids, options)
    if kind == word_lists.GENSIM or (kind is None and looks_like_gensim(lines)):
        return read_gensim(lines, options)
    return read_words(lines, options, explicit=kind is not None)
