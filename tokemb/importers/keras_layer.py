"""``TextVectorization``, ``StringLookup`` and ``Hashing`` layers in ``.keras`` files, read without Keras."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tokemb._validation import UNIGRAMS, check_count, check_ngrams, check_optional_count
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.importers.imported import Imported, Original, describe, unused_token, word_encoder
from tokemb.importers.keras_splitting import layer_profile
from tokemb.importers.options import Options
from tokemb.models.keras_archive import read_archive, read_member
from tokemb.vocabulary.oov_buckets import OovBuckets
from tokemb.vocabulary.pad_truncate import PadTruncate

KINDS = {"TextVectorization": "text-vectorization", "StringLookup": "string-lookup", "Hashing": "hashing"}


@dataclass(frozen=True)
class Layer:
    """The name, class and config of a layer, and the folder of its assets in a ``.keras`` file."""

    name: str
    class_name: str
    config: Mapping[str, Any]
    assets: str = ""


def read_keras_layer(path: Path, options: Options) -> Imported:
    """Import a ``TextVectorization``, ``StringLookup`` or ``Hashing`` layer of a saved model.

    Args:
        path: The ``.keras`` file.
        options: The options of the import. ``options.layer`` selects one of several layers.

    Raises:
        ModelError: If the file is not a ``.keras`` model.
        ArgumentError: If ``options.layer`` does not select exactly one layer.
        VocabularyError: If tokemb cannot produce the ids of the layer.
    """
    config, _ = read_archive(path)
    layer = _choose_layer([item for item in _layers(config, "assets") if item.class_name in KINDS], options.layer, path)
    options.check_only(["layer"], KINDS[layer.class_name])
    words = [] if layer.class_name == "Hashing" else layer.config.get("vocabulary")
    return import_layer(layer, lambda: _read_asset(path, layer) if words is None else words, options)


def import_layer(layer: Layer, read_words: Callable[[], Any], options: Options) -> Imported:
    """Import a layer.

    Args:
        layer: The layer.
        read_words: A function that returns its vocabulary, with or without the padding and OOV tokens. It is called
            after the settings of the layer have been checked.
        options: The truncation and padding of rows.

    Raises:
        VocabularyError: If tokemb does not support the settings or the vocabulary.
    """
    settings = layer.config
    is_text = layer.class_name == "TextVectorization"
    _check_settings(layer)
    _check_types(layer)
    mask = "" if is_text else settings.get("mask_value" if layer.class_name == "Hashing" else "mask_token")
    oov = settings.get("oov_token") if layer.class_name == "StringLookup" else "[UNK]"
    try:
        buckets = _buckets(layer, mask is not None)
        ngrams = check_ngrams(settings.get("ngrams") if is_text else None)
        length = settings.get("output_sequence_length") if is_text else None
        length = check_optional_count("output_sequence_length", length)
    except ArgumentError as error:
        raise VocabularyError(f"the layer {layer.name} cannot be imported: {error}") from None
    words = read_words()
    specials = [*([] if mask is None else [mask]), *[oov] * (1 if buckets is None else buckets.count)]
    words = _without_specials(words, specials, mask, layer)
    ids = {word: index for index, word in enumerate(words, len(specials))}
    if mask is not None:
        ids[mask] = 0
    unk_token = unused_token(ids) if oov is None or oov in ids else oov
    standardize, split = (settings.get("standardize"), settings.get("split")) if is_text else (None, None)
    if ngrams != UNIGRAMS and split is None:
        raise VocabularyError(
            f"the layer {layer.name} has n-grams of texts that it does not split, which tokemb does not support: "
            "split='whitespace' or split='character' is required"
        )
    profile = replace(layer_profile(standardize, split), ngrams=ngrams)
    encoder = word_encoder(
        {**ids, unk_token: int(mask is not None)},
        profile,
        unk_token=unk_token,
        pad_id=None if mask is None else 0,
        shape=options.shape(PadTruncate(length, "post", length, "post")),
        buckets=buckets,
        settings={"hash_buckets": settings["num_bins"]} if layer.class_name == "Hashing" else None,
    )
    last = "" if buckets is None else f" to {encoder.oov_ids.stop - 1}, {buckets}"
    facts = {
        "layer": layer.name,
        "words": len(words),
        "oov": f"{unk_token} ({encoder.unk_id}{last})",
        **({"standardize": standardize, "split": split} if is_text else {}),
        **({} if profile.ngrams == UNIGRAMS else {"ngrams": ", ".join(map(str, profile.ngrams))}),
        "output_sequence_length": length,
    }
    config = {**settings, "ngrams": None if profile.ngrams == UNIGRAMS else profile.ngrams}
    original = _original(layer.class_name, config, words, mask is not None)
    return Imported(KINDS[layer.class_name], encoder, original, facts, () if mask is not None else (_NO_MASK,))


_NO_MASK = (
    "the layer has no mask_token, so id 0 is the OOV id and no id is left for padding: "
    "encode_ragged returns the ids, one per text"
)


def _layers(config: Mapping[str, Any], prefix: str) -> Iterator[Layer]:
    """Yield the layers of a model and of its nested models. Keras names asset folders by class and position."""
    seen: Counter[str] = Counter()
    inner = config.get("config")
    for layer in inner.get("layers") or () if isinstance(inner, dict) else ():
        if not isinstance(layer, dict) or not isinstance(layer.get("config"), dict):
            continue
        class_name = str(layer.get("class_name"))
        folder = _snake_case(class_name)
        position = f"_{seen[folder]}" if seen[folder] else ""
        seen[folder] += 1
        here = f"{prefix}/layers/{folder}{position}"
        yield Layer(str(layer["config"].get("name")), class_name, layer["config"], here)
        yield from _layers(layer, here)


def _snake_case(name: str) -> str:
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _choose_layer(layers: list[Layer], name: str | None, path: Path) -> Layer:
    found = [layer for layer in layers if name in (None, layer.name)]
    if not layers:
        raise VocabularyError(f"{path} contains no TextVectorization, no StringLookup and no Hashing layer")
    if len(found) != 1:
        raise ArgumentError(f"layer must name one of {', '.join(layer.name for layer in layers)}; received {name!r}")
    return found[0]


def _buckets(layer: Layer, has_mask: bool) -> OovBuckets | None:
    """Return the buckets of a layer, or ``None`` if it has one id for words out of vocabulary."""
    is_hashing = layer.class_name == "Hashing"
    name = "num_bins" if is_hashing else "num_oov_indices"
    count: Any = layer.config.get(name)
    if count in (None, 1) and not is_hashing:
        return None
    buckets = OovBuckets.from_arguments(name, count, layer.config.get("salt"))
    return replace(buckets, count=check_count(name, buckets.count - (is_hashing and has_mask)))


def _check_settings(layer: Layer) -> None:
    """Raise ``VocabularyError`` for a setting that tokemb does not support."""
    choices: dict[str, tuple[Any, ...]] = {"output_mode": ("int",), "encoding": ("utf-8", "UTF-8", None)}
    if layer.class_name == "TextVectorization":
        choices["standardize"] = ("lower_and_strip_punctuation", "lower", "strip_punctuation", None)
        choices["split"] = ("whitespace", "character", None)
    elif layer.class_name == "StringLookup":
        choices["invert"] = (False, None)
    for name, allowed in choices.items():
        value = layer.config.get(name)
        value = list(value) if isinstance(value, tuple) else value
        if any(type(value) is type(item) and value == item for item in allowed):
            continue
        shown = describe(value if isinstance(value, (str, int)) else "a custom function")
        raise VocabularyError(
            f"the layer {layer.name} has {name}={shown:.60}, which a tokenizer.json of words cannot express: "
            f"tokemb supports {', '.join(repr(item) for item in allowed)}"
        )


# The types of other settings, besides None, and what messages call them.
_NUMBERS, _NUMBER, _TEXT = "an integer or a list of integers", "an integer", "a text"
_TYPES: dict[str, tuple[type, ...]] = {_NUMBERS: (int, list, tuple), _NUMBER: (int,), _TEXT: (str,)}
_OTHER_SETTINGS = {
    **dict.fromkeys(("ngrams", "salt"), _NUMBERS),
    **dict.fromkeys(("output_sequence_length", "num_oov_indices", "num_bins"), _NUMBER),
    **dict.fromkeys(("mask_token", "mask_value", "oov_token"), _TEXT),
}
_MAX_NUMBERS = 100


def _check_types(layer: Layer) -> None:
    """Raise ``VocabularyError`` for a setting whose value no layer has."""
    for name, kind in _OTHER_SETTINGS.items():
        value = layer.config.get(name)
        if value is not None and not _has_type(value, _TYPES[kind]):
            raise VocabularyError(f"{name} must be {kind} in the layer {layer.name}; it is {describe(value):.60}")


def _has_type(value: Any, kinds: tuple[type, ...]) -> bool:  # noqa: ANN401
    if type(value) not in kinds:
        return False
    if isinstance(value, (list, tuple)):
        return len(value) <= _MAX_NUMBERS and all(_has_type(number, (int,)) for number in value)
    return not isinstance(value, int) or abs(value) < 1 << 63


def _read_asset(path: Path, layer: Layer) -> list[str]:
    name = f"{layer.assets}/vocabulary.txt"
    try:
        with zipfile.ZipFile(path) as archive:  # not extracted, since its names could be any path
            text = read_member(archive, name).decode()
    except KeyError:
        raise VocabularyError(
            f"{path} contains no {name}: the layer {layer.name} must be adapted before the model is saved"
        ) from None
    except UnicodeDecodeError:
        raise VocabularyError(
            f"{name} in {path} is not UTF-8, as Keras on Windows may write it: load the model there and save it again"
        ) from None
    lines = text.replace("\r\n", "\n").split("\n")
    size = layer.config.get("vocabulary_size")
    if size not in (None, len(lines)) or (size is None and lines != text.splitlines()):
        # Keras writes a token that contains a line end as two lines, which makes later ids ambiguous.
        raise VocabularyError(
            f"{name} in {path} has {len(lines)} lines, but the layer {layer.name} has {size or 'an unknown number of'} "
            "tokens: a token contains a line end, so that the ids of later tokens are unknown"
        )
    return lines


def _without_specials(
    words: Any,  # noqa: ANN401
    specials: list[str | None],
    mask: str | None,
    layer: Layer,
) -> list[str]:
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise VocabularyError(
            f"the vocabulary of the layer {layer.name} must be a list of texts in the file; it is not"
        )
    rest = words[len(specials) :] if words[: len(specials)] == specials else words
    if len(set(rest)) < len(rest) or (mask is not None and mask in rest):
        raise VocabularyError(f"the vocabulary of the layer {layer.name} must not contain a token twice, as in Keras")
    return rest


# The arguments of the original layer that determine its ids, besides the vocabulary.
_SETTINGS = {
    "TextVectorization": ("standardize", "split", "ngrams"),
    "StringLookup": ("mask_token", "oov_token", "num_oov_indices", "salt"),
    "Hashing": ("num_bins", "mask_value", "salt"),
}


def _original(class_name: str, config: dict[str, Any], words: list[str], has_mask: bool) -> Original:
    settings = {name: config.get(name) for name in _SETTINGS[class_name] if name in config}
    if class_name != "Hashing":
        settings["vocabulary"] = words

    def original(texts: list[str]) -> list[list[int]]:
        import keras
        import numpy as np
        import tensorflow as tf

        layer = getattr(keras.layers, class_name)(**settings)
        array = np.asarray(layer(tf.constant(texts, tf.string))).reshape(len(texts), -1)
        # With a mask, rows are filled with id 0.
        return [np.trim_zeros(row, "b").tolist() if has_mask else row.tolist() for row in array]

    return original
