"""Import of a ``tokenizer.json``, the format that tokemb itself uses."""

from __future__ import annotations

from pathlib import Path

from tokemb.importers.imported import Imported, foreign_encoder
from tokemb.importers.options import Options
from tokemb.vocabulary.tokenizer_json import TokenizerJson, tokenizer_of

KIND = "tokenizer-json"


def read_tokenizer_json(specification: TokenizerJson, path: Path, options: Options) -> Imported:
    """Import any ``tokenizer.json``.

    Args:
        specification: The content of the file.
        path: The file, for messages.
        options: The options of the import.

    Raises:
        VocabularyError: If `tokenizers` cannot load the file.
    """
    options.check_only([], KIND)
    tokenizer = tokenizer_of(specification, str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()

    def original(texts: list[str]) -> list[list[int]]:
        return [encoding.ids for encoding in tokenizer.encode_batch(texts)]

    encoder = foreign_encoder(specification, options)
    facts = {"tokens": len(tokenizer.get_vocab()), "oov": encoder.unk_id, "model": encoder.algorithm}
    return Imported(KIND, encoder, original, facts)
