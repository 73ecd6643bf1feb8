"""Vocabularies of BERT: one token per line, with the line number as its id, or a JSON object from token to id."""

from __future__ import annotations

from collections.abc import Mapping

from tokemb.counts.subwords import CONTINUATION
from tokemb.errors import VocabularyError
from tokemb.importers.imported import Imported, Original, check_ids, foreign_encoder
from tokemb.importers.options import Options
from tokemb.vocabulary.tokenizer_json import tokenizer_json_of
from tokemb.vocabulary.tokenizers_library import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

KIND = "bert"

_OOV, _START, _END, _PADDING = "[UNK]", "[CLS]", "[SEP]", "[PAD]"
_SPECIAL = (_OOV, _END, _START, _PADDING, "[MASK]")


def looks_like_bert(tokens: Mapping[str, int]) -> bool:
    """Return whether these are the WordPiece tokens of BERT."""
    return _OOV in tokens and (_START in tokens or any(token.startswith(CONTINUATION) for token in tokens))


def read_bert(ids: Mapping[str, int], options: Options) -> Imported:
    """Import a vocabulary of BERT.

    Args:
        ids: The id of each token.
        options: The settings that the file does not contain. Without ``lowercase``, texts are lowercased if the
            vocabulary has no capital letters.

    Raises:
        VocabularyError: If ``[UNK]``, ``[CLS]`` or ``[SEP]`` is missing, or two tokens share an id.
    """
    options.check_only(["lowercase"], KIND)
    check_ids(ids)
    missing = [token for token in (_OOV, _START, _END) if token not in ids]
    if missing:
        raise VocabularyError(
            f"a BERT vocabulary must contain [UNK], [CLS] and [SEP]; this file lacks {', '.join(missing)}"
        )
    if len(set(ids.values())) < len(ids):
        raise VocabularyError("two tokens of this BERT vocabulary have the same id")
    capitals = sum(token.lower() != token for token in ids if token not in _SPECIAL and not token.startswith("[unused"))
    lowercase = not capitals if options.lowercase is None else options.lowercase
    tokenizer = _tokenizer(dict(ids), lowercase)
    encoder = foreign_encoder(tokenizer_json_of(tokenizer), options)
    note = f"{capitals:,} tokens have capital letters, so texts are {'' if lowercase else 'not '}lowercased"
    facts = {"tokens": len(ids), "oov": f"{_OOV} ({encoder.unk_id})", "lowercase": lowercase}
    return Imported(KIND, encoder, _original(dict(ids), lowercase), facts, (note,) if options.lowercase is None else ())


def _tokenizer(ids: dict[str, int], lowercase: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token=_OOV, continuing_subword_prefix=CONTINUATION))
    tokenizer.add_special_tokens([token for token in _SPECIAL if token in ids])
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing((_END, ids[_END]), (_START, ids[_START]))
    tokenizer.decoder = decoders.WordPiece(CONTINUATION)
    if _PADDING in ids:
        tokenizer.enable_padding(pad_id=ids[_PADDING], pad_token=_PADDING)
    return tokenizer


def _original(ids: dict[str, int], lowercase: bool) -> Original:
    from tokemb.vocabulary.tokenizers_library import BertWordPieceTokenizer

    tokenizer = BertWordPieceTokenizer(ids, lowercase=lowercase)
    return lambda texts: [encoding.ids for encoding in tokenizer.encode_batch(texts)]
