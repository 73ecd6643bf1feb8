"""BERT's vocabulary: a token a line, its id the number of the line; or a JSON map from token to id."""

from __future__ import annotations

from collections.abc import Mapping

from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

from tokemb.errors import VocabularyError
from tokemb.importers.imported import Imported, Original, check_ids, foreign_encoder
from tokemb.importers.options import Options
from tokemb.vocabulary.tokenizer_json import tokenizer_json_of

KIND = "bert"

_UNKNOWN, _START, _END, _PADDING = "[UNK]", "[CLS]", "[SEP]", "[PAD]"
_SPECIAL = (_UNKNOWN, _END, _START, _PADDING, "[MASK]")
_CONTINUATION = "##"


def looks_like_bert(tokens: Mapping[str, int]) -> bool:
    """Whether these are tokens of BERT's WordPiece."""
    return _UNKNOWN in tokens and (_START in tokens or any(token.startswith(_CONTINUATION) for token in tokens))


def read_bert(ids: Mapping[str, int], options: Options) -> Imported:
    """Import BERT's tokens with these ids.

    Without ``options.lowercase``, a vocabulary that has no capital letter is one of lowered texts.
    Raises ``VocabularyError`` if one of the tokens is missing that every text needs.
    """
    options.check_only(["lowercase"], KIND)
    check_ids(ids)
    missing = [token for token in (_UNKNOWN, _START, _END) if token not in ids]
    if missing or len(set(ids.values())) < len(ids):
        raise VocabularyError(
            f"a BERT vocabulary has [UNK], [CLS] and [SEP], and an id for each token; it lacks {missing or 'that'}"
        )
    capitals = sum(token.lower() != token for token in ids if token not in _SPECIAL and not token.startswith("[unused"))
    lowercase = not capitals if options.lowercase is None else options.lowercase
    tokenizer = _tokenizer(dict(ids), lowercase)
    encoder = foreign_encoder(tokenizer_json_of(tokenizer), options)
    note = f"{capitals:,} tokens have capital letters, so texts are {'lowered' if lowercase else 'left as they are'}"
    facts = {"tokens": len(ids), "oov": f"{_UNKNOWN} ({encoder.unk_id})", "lowercase": lowercase}
    return Imported(KIND, encoder, _original(dict(ids), lowercase), facts, (note,) if options.lowercase is None else ())


def _tokenizer(ids: dict[str, int], lowercase: bool) -> Tokenizer:
    tokenizer = Tokenizer(WordPiece(ids, unk_token=_UNKNOWN, continuing_subword_prefix=_CONTINUATION))
    tokenizer.add_special_tokens([token for token in _SPECIAL if token in ids])
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing((_END, ids[_END]), (_START, ids[_START]))
    tokenizer.decoder = decoders.WordPiece(_CONTINUATION)
    if _PADDING in ids:
        tokenizer.enable_padding(pad_id=ids[_PADDING], pad_token=_PADDING)
    return tokenizer


def _original(ids: dict[str, int], lowercase: bool) -> Original:
    from tokenizers import BertWordPieceTokenizer

    tokenizer = BertWordPieceTokenizer(ids, lowercase=lowercase)
    return lambda texts: [encoding.ids for encoding in tokenizer.encode_batch(texts)]
