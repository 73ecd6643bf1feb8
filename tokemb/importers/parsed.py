"""Vocabularies in the values of JSON files and pickles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tokemb.errors import VocabularyError
from tokemb.files.json_content import parse_json
from tokemb.importers.bert import looks_like_bert, read_bert
from tokemb.importers.containers import choose, is_complete, is_layer, is_vocabulary_list, is_word_map
from tokemb.importers.imported import Imported, check_ids
from tokemb.importers.keras_layer_values import read_layer_values, read_vocabulary_list
from tokemb.importers.keras_tokenizer import read_keras_tokenizer
from tokemb.importers.options import Options
from tokemb.importers.pad_last import ends_with_padding, read_pad_last
from tokemb.importers.pickled_objects import PickledTokenizer
from tokemb.importers.tokenizer_json import read_tokenizer_json

# Prefixes of subwords in models other than WordPiece.
_SUBWORD_MARKS = ("Ġ", "▁")


def unwrap_json(text: str, path: Path, *, required: bool = True) -> Any:  # noqa: ANN401
    """Parse JSON, and JSON within JSON strings.

    Args:
        text: The text.
        path: The file, for messages.
        required: Whether the text must be JSON.

    Returns:
        A dict or a list. ``None`` for other values, and for a text that is not JSON unless that is ``required``.

    Raises:
        VocabularyError: If the text is ``required`` to be JSON and is not, or a JSON string in it is not JSON.
    """
    value: Any = text
    try:
        while isinstance(value, str):
            value = parse_json(value)
    except ValueError as error:
        if required or value is not text:
            raise VocabularyError(f"{path} is not JSON: {error}") from None
        return None
    return value if isinstance(value, (dict, list)) else None


def read_parsed(value: Any, path: Path, options: Options) -> Imported:  # noqa: ANN401
    """Import a value that is a vocabulary, or the vocabulary in it that ``options.item`` selects.

    Raises:
        VocabularyError: If there is no vocabulary.
        ArgumentError: If there are several and ``options.item`` does not select one.
    """
    if isinstance(value, str):
        value = unwrap_json(value, path)
    if options.item is None or not isinstance(value, (dict, list, tuple)):
        imported = _read_vocabulary(value, path, options)
        if imported is not None:
            return imported
    chosen = choose(value, options.item, path, maps=options.item is not None)
    if chosen is None and isinstance(value, dict):
        imported = _read_custom_dict(value, path, options)
        if imported is not None:
            return imported
    chosen = chosen or choose(value, None, path, maps=True)
    if chosen is not None:
        name, inner = chosen
        imported = read_parsed(inner, path, replace(options, item=None))
        return replace(imported, facts={"item": name, **imported.facts})
    if isinstance(value, dict):
        raise VocabularyError(
            f"{path} contains no vocabulary: it must have a word_index, a Tokenizer or a tokenizer.json"
        )
    if isinstance(value, list):
        raise VocabularyError(
            f"{path} is a JSON list or a pickled list, which has neither ids nor how texts are split: if it is words "
            "in the order of their ids, write them to a text file, one word per line"
        )
    raise VocabularyError(
        f"{path} is a pickled {type(value).__name__}, and not a Keras Tokenizer nor a container of one"
    )


def _read_vocabulary(value: Any, path: Path, options: Options) -> Imported | None:  # noqa: ANN401
    """Import a value that is itself a vocabulary. Return ``None`` for any other value."""
    if isinstance(value, PickledTokenizer):
        return read_keras_tokenizer(value.state, options, pickled=value.path)
    if is_layer(value):
        return read_layer_values(value, path, options)
    if is_vocabulary_list(value):
        return read_vocabulary_list(value, options)
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("model"), dict) and "pre_tokenizer" in value:
        return read_tokenizer_json(value, path, options)
    if is_complete(value):
        return read_keras_tokenizer(value["config"], options)
    if value and all(type(index) is int for index in value.values()):
        return _read_word_map(value, path, options)
    return None


def _read_custom_dict(value: dict[str, Any], path: Path, options: Options) -> Imported | None:
    """Import a dict with a ``word_index`` and some settings, or with a ``tokenizer`` that is a vocabulary."""
    if "word_index" in value and "tokenizer" not in value:
        return read_keras_tokenizer(value, options)
    inner = value.get("tokenizer")
    if isinstance(inner, (dict, str)):
        return read_parsed(inner, path, options)
    return None


def _read_word_map(ids: Mapping[str, int], path: Path, options: Options) -> Imported:
    check_ids(ids)
    if looks_like_bert(ids):
        return read_bert(ids, options)
    if ends_with_padding(ids):
        return read_pad_last(ids, options)
    if ids.get("") == 0 and ids.get("[UNK]") == 1 and is_word_map(ids):
        return read_vocabulary_list(sorted(ids, key=ids.__getitem__), options)
    marked = sum(token.startswith(_SUBWORD_MARKS) for token in ids)
    if marked > len(ids) / 10:
        raise VocabularyError(
            f"{path} contains subwords without their merges or scores: import the tokenizer.json of the model instead"
        )
    return read_keras_tokenizer({"word_index": ids}, options)
