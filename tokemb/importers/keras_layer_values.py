"""``TextVectorization`` layers saved without a model, as their config, weights and vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tokemb.errors import VocabularyError
from tokemb.importers.imported import Imported, check_reachable, describe
from tokemb.importers.keras_layer import KINDS, Layer, import_layer
from tokemb.importers.options import Options
from tokemb.importers.pickled_arrays import PickledArray
from tokemb.importers.word_lists import read_words

_CLASS = "TextVectorization"
_SPECIAL = {"": 0, "[UNK]": 1}
# The default settings of a TextVectorization.
_DEFAULTS = {
    "standardize": "lower_and_strip_punctuation",
    "split": "whitespace",
    "ngrams": None,
    "output_mode": "int",
    "output_sequence_length": None,
}


def read_layer_values(value: Mapping[str, Any], path: Path, options: Options) -> Imported:
    """Import ``{"config": layer.get_config(), "weights": layer.get_weights()}``, or the config alone.

    Depending on the release of Keras, the vocabulary is in the weights, in the config, or in a list that the script
    saved as ``"vocabulary"`` or ``"vocab"``.

    Raises:
        VocabularyError: If the vocabulary is in none of these places, or tokemb cannot produce the ids of the layer.
    """
    options.check_only([], KINDS[_CLASS])
    config = value.get("config", value)
    name = config.get("name")
    layer = Layer(name if isinstance(name, str) else describe(name), _CLASS, config)
    return import_layer(layer, lambda: _vocabulary(value, config, path), options)


def read_vocabulary_list(value: list[Any], options: Options) -> Imported:
    """Import the output of ``get_vocabulary()`` of a layer.

    The list does not contain how texts are split. Without ``options.profile``, the defaults of ``TextVectorization``
    are assumed.
    """
    words = _texts(value)
    if options.profile is not None:
        return read_words(words, options, explicit=True)
    options.check_only([], KINDS[_CLASS])
    imported = import_layer(Layer("", _CLASS, _DEFAULTS), lambda: words, options)
    check_reachable(imported.encoder, {word: index for index, word in enumerate(words) if index > 1}, _REMEDY)
    return replace(
        imported,
        facts={name: fact for name, fact in imported.facts.items() if name != "layer"},
        notes=(*imported.notes, _ASSUMED),
        assumed=("standardize", "split", "ngrams"),
    )


_REMEDY = (
    "the layer does not have the default split or has n-grams, which the list does not contain: save the config of the "
    'layer too, as {"config": layer.get_config(), "vocabulary": layer.get_vocabulary()}, or pass profile="whitespace"'
)
_ASSUMED = (
    "the file does not contain how texts are split: the defaults of TextVectorization are assumed; pass profile if the "
    "layer has another standardize or split"
)


def _vocabulary(value: Mapping[str, Any], config: Mapping[str, Any], path: Path) -> list[str]:
    weights = value.get("weights")
    arrays = [_texts(array) for array in weights] if isinstance(weights, (list, tuple)) else []
    saved = next((value[name] for name in ("vocabulary", "vocab") if value is not config and value.get(name)), None)
    vocabulary = saved if saved is not None else config.get("vocabulary")
    if vocabulary is not None:
        return _texts(vocabulary)
    if len(arrays) == 2 and len(arrays[0]) == len(arrays[1]):
        return _by_id(arrays[0], arrays[1], path)
    if arrays and all(isinstance(word, str) for word in arrays[0]):
        return arrays[0]
    raise VocabularyError(
        f"{path} contains no vocabulary, since get_config() and get_weights() have none in Keras 3: save "
        '{"config": layer.get_config(), "vocabulary": layer.get_vocabulary()}, or a .keras model with the layer'
    )


def _by_id(words: list[Any], ids: list[Any], path: Path) -> list[str]:
    """Return the words in the order of their ids, which the weights of old Keras releases contain."""
    if not all(isinstance(word, str) for word in words) or not all(isinstance(number, int) for number in ids):
        raise VocabularyError(f"the weights of the layer in {path} must be texts and their ids; they are not")
    index = {**dict(zip(words, ids, strict=True)), **_SPECIAL}
    ordered = sorted(index, key=index.__getitem__)
    if [index[word] for word in ordered] != list(range(len(ordered))):
        raise VocabularyError(
            f"the ids in {path} must be consecutive from 2 on; those in the weights of its layer are not"
        )
    return ordered


def _texts(words: Any) -> list[Any]:  # noqa: ANN401
    """Return the elements of a list or an array. Bytes, as TensorFlow has them, are decoded."""
    try:
        elements = words.values() if isinstance(words, PickledArray) else list(words)
        return [word.decode() if isinstance(word, bytes) else word for word in elements]
    except UnicodeDecodeError:
        raise VocabularyError("the vocabulary of this layer is not UTF-8 text") from None
    except (TypeError, ValueError):
        raise VocabularyError("the vocabulary and the weights of this layer must be lists or arrays of texts") from None
