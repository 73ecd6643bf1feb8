"""The benchmark cases by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks import commands, compat, compressed, feeding, spark, subwords, vectors, words
from benchmarks.measuring import Outcome
from benchmarks.setting import Setting

CASES: Mapping[str, Callable[[Setting], Outcome]] = {
    "encode": words.encode,
    "ragged": words.ragged,
    "fit": words.fit,
    "ngrams": words.ngrams,
    "buckets": words.buckets,
    "ngram-buckets": words.ngram_buckets,
    "fit-bpe": subwords.fit_bpe,
    "compat": compat.tokenizer,
    "wordpiece": subwords.wordpiece,
    "bpe": subwords.bpe,
    "text-to-vectors": vectors.text_to_vectors,
    "embed": vectors.embed,
    "pool": vectors.pool,
    "dataset": feeding.dataset,
    "train": feeding.train,
    "command": commands.file_to_file,
    "poems": words.poems,
    "memory": commands.memory,
    "json-lines": compressed.json_lines,
    "spark": spark.spark,
    "one-line": commands.one_line,
}
