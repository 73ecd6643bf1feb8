"""Benchmarks of public subword tokenizers: texts to ids with the published file."""

from __future__ import annotations

from typing import Any

import numpy as np
from tokenizers import Tokenizer

import tokemb
from benchmarks import peers
from benchmarks.agreement import same_ids, same_ragged, same_vocabulary
from benchmarks.measuring import Comparison, Outcome, Party, compare
from benchmarks.setting import MAXLEN, Setting, cores

BPE_SIZE = 8000

FIRST, SECOND = TURNS = ("first pass", "second pass")


def wordpiece(setting: Setting) -> Outcome:
    """Measure encoding with all_minilm_l6_v2 to padded ids."""
    saved, texts = setting.tokenizer_file("all_minilm_l6_v2"), setting.texts
    nanotoken = setting.peer("nanotoken")

    def padding() -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(saved))
        tokenizer.enable_truncation(MAXLEN)
        tokenizer.enable_padding(length=MAXLEN)
        return tokenizer

    parties = [
        Party("tokemb", lambda encoder: encoder.encode(texts, maxlen=MAXLEN), lambda: tokemb.Encoder.load(saved)),
        Party("tokenizers", lambda tokenizer: peers.tokenizers_padded(tokenizer, texts, MAXLEN), padding),
    ]
    if nanotoken is not None:
        parties.append(
            Party(
                "nanotoken",
                lambda tokenizer: peers.nanotoken_padded(tokenizer, texts, MAXLEN),
                lambda: nanotoken.WordPieceTokenizer.from_json(saved.read_text("utf-8")),
            )
        )

    def check(results: dict[str, Any]) -> None:
        same_ids(results, "tokemb", "tokenizers")
        same_ids(results, "tokemb", "nanotoken")

    comparisons = [
        Comparison("tokenizers", turn=FIRST),
        Comparison("nanotoken", turn=FIRST),
        Comparison("tokenizers", turn=SECOND, least=25),
        Comparison("nanotoken", turn=SECOND, least=0.85),
    ]
    work = f"encode to (rows, {MAXLEN}), all_minilm_l6_v2"
    return compare(
        work, parties, comparisons, check, repeat=setting.repeat, touch=setting.touch, turns=TURNS, size=setting.size
    )


def bpe(setting: Setting) -> Outcome:
    """Measure encoding with roberta_base to ids without padding."""
    saved, texts = setting.tokenizer_file("roberta_base"), setting.texts
    gigatoken, tiktoken = setting.peer("gigatoken"), setting.peer("tiktoken")
    parties = [
        Party("tokemb", lambda encoder: encoder.encode_ragged(texts), lambda: tokemb.Encoder.load(saved)),
        Party(
            "tokenizers",
            lambda tokenizer: peers.tokenizers_ragged(tokenizer, texts),
            lambda: Tokenizer.from_file(str(saved)),
        ),
    ]
    if gigatoken is not None:
        parties.append(
            Party(
                "gigatoken",
                lambda tokenizer: tokenizer.encode_batch(texts),
                lambda: gigatoken.Tokenizer(str(saved)),
                peers.awkward_ragged,
            )
        )
    if tiktoken is not None:
        parties.append(
            Party(
                "tiktoken",
                lambda encoding: encoding.encode_ordinary_batch(texts, num_threads=cores()),
                lambda: peers.byte_level_tiktoken(tiktoken, saved)[0],
                lambda rows: peers.tiktoken_ragged(rows, peers.byte_level_tiktoken(tiktoken, saved)[1]),
            )
        )

    def check(results: dict[str, Any]) -> None:
        rows = results["tokemb"]
        same_ragged({**results, "tokemb": (rows.values, rows.row_splits)}, "tokemb", "tokenizers")
        # The other two add no special tokens.
        content = {**results, "tokemb": _without_special_tokens(rows)}
        same_ragged(content, "tokemb", "gigatoken")
        same_ragged(content, "tokemb", "tiktoken")

    comparisons = [
        Comparison("tokenizers", turn=FIRST),
        Comparison("gigatoken", turn=FIRST),
        Comparison("tiktoken", turn=FIRST),
        Comparison("tokenizers", turn=SECOND, least=30),
        Comparison("gigatoken", turn=SECOND, least=0.85),
        Comparison("tiktoken", turn=SECOND),
    ]
    return compare(
        "encode to ragged, roberta_base",
        parties,
        comparisons,
        check,
        repeat=setting.repeat,
        touch=setting.touch,
        turns=TURNS,
        size=setting.size,
        notes=[
            "roberta_base: gigatoken and tiktoken add no `<s>` and `</s>`, so ids are compared without these tokens. "
            "tiktoken uses the merges of the same file, and returns lists."
        ],
    )


def fit_bpe(setting: Setting) -> Outcome:
    """Measure training a BPE vocabulary on a list of ``str``. The merges are those of the same words."""
    texts = setting.texts
    saved = setting.saved(setting.words, "words") / "tokenizer.json"
    parties = [
        Party("tokemb", lambda _: tokemb.fit_vocab(texts, algorithm="bpe", max_size=BPE_SIZE)),
        Party("tokenizers", lambda _: peers.tokenizers_bpe(saved, texts, BPE_SIZE)),
    ]

    def check(results: dict[str, Any]) -> None:
        trained = results["tokenizers"].get_vocab()
        same_vocabulary("tokemb", results["tokemb"].vocabulary, "tokenizers", peers.ids_in_order(trained))

    return compare(
        f"fit, BPE with {BPE_SIZE:,} tokens",
        parties,
        [Comparison("tokenizers", least=10)],
        check,
        repeat=setting.repeat,
        touch=setting.touch,
        size=setting.size,
    )


def _without_special_tokens(rows: tokemb.Ragged) -> tuple[Any, Any]:
    """Return values and row splits without the first and the last token of every row."""
    first, last = rows.row_splits[:-1], rows.row_splits[1:] - 1
    keep = np.ones(len(rows.values), bool)
    keep[first] = keep[last] = False
    inner = rows.select(keep)
    return inner.values, inner.row_splits
