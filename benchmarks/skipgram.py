"""Comparison of `tokemb train skipgram` with gensim: quality of the word vectors, and speed.

Usage: python -m benchmarks.skipgram [DIAL=value ...]

DATA     a folder with imdb/*.tsv.gz (the last column is the text), english_novels/*.tar.gz of texts, and the word
         pairs word_eval/EN-WS-353-ALL.txt, EN-MEN-TR-3k.txt and EN-RW-STANFORD.txt  [../shared/data beside the
         checkout]
ROWS     the number of rows, for a quick run  [all]
EPOCHS   the number of epochs, at least 2  [5]
DIM      the embedding dimension  [100]
THREADS  the number of threads of tokemb and workers of gensim  [1]
CBOW     1 for CBOW instead of skip-gram  [0]
SUBWORDS the lengths of character n-grams, for example 3,6, without gensim  [no n-grams]

Both use the same words, those that occur at least 5 times, in the same rows: reviews, and lines of novels. gensim reads
them from a file of ids (`corpus_file`), its fastest way. Both use window 5, 5 negatives, sample 0.001, and a learning
rate from 0.025 to 0.0001. The output is Spearman's correlations, and words per second of all epochs but the first: by
the clock, and by processor time, which depends less on other work on the machine.
"""

from __future__ import annotations

import gzip
import os
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import numpy as np
import numpy.typing as npt

import tokemb
from benchmarks.setting import ROOT
from tokemb.analysis import TokenVectors, similarity_correlation
from tokemb.rows.ragged import Ragged
from tokemb.training.skipgram import SkipGram, train_skipgram

DIALS = {
    "DATA": str(ROOT.parent / "shared" / "data"),
    "ROWS": "",
    "EPOCHS": "5",
    "DIM": "100",
    "THREADS": "1",
    "CBOW": "0",
    "SUBWORDS": "",
}
MIN_COUNT = 5
PAIRS = {"WS-353": "EN-WS-353-ALL.txt", "MEN": "EN-MEN-TR-3k.txt", "RW": "EN-RW-STANFORD.txt"}

# Seconds by the clock, and of processor time, at the end of each epoch.
Marks = list[tuple[float, float]]
Matrix = npt.NDArray[np.float32]


def main(arguments: list[str]) -> int:
    """Run the comparison. Return 0, or 2 for wrong usage."""
    dials = dict(DIALS)
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or name not in dials:
            print(__doc__)
            return 0 if argument in ("-h", "--help") else 2
        dials[name] = value
    data = Path(dials["DATA"])
    rows = list(islice(texts(data), int(dials["ROWS"]) if dials["ROWS"] else None))
    encoder = tokemb.fit_vocab(rows, min_count=MIN_COUNT)
    settings = settings_of(dials)
    ids = encoder.encode_ragged(rows)
    known = ids.select(ids.values != encoder.unk_id)
    print(f"{len(rows):,} rows, {len(known.values):,} words of {encoder.input_dim - 2:,} distinct ones", flush=True)
    trainings: dict[str, Callable[..., Matrix]] = {"tokemb": partial(train_tokemb, rows)}
    if settings.subwords is None:  # gensim reads ids, which have other n-grams than words
        trainings["gensim"] = partial(train_gensim, known)
    for name, train in trainings.items():
        marks: Marks = []
        matrix = train(
            encoder, settings, lambda *_, marks=marks: marks.append((time.perf_counter(), time.process_time()))
        )
        words = (len(marks) - 1) * len(known.values)
        clock, processor = (words / (last - first) for first, last in zip(marks[0], marks[-1], strict=True))
        print(
            f"{name}  {clock:9,.0f} words/s  {processor:9,.0f} words/s of processor time",
            *correlations(data, encoder, matrix),
            sep="  ",
            flush=True,
        )
    return 0


def settings_of(dials: dict[str, str]) -> SkipGram:
    """Return the settings that the dials describe."""
    least, _, most = dials["SUBWORDS"].partition(",")
    return SkipGram(
        dim=int(dials["DIM"]),
        epochs=int(dials["EPOCHS"]),
        threads=int(dials["THREADS"]),
        cbow=dials["CBOW"] == "1",
        subwords=(int(least), int(most)) if least else None,
    )


def texts(data: Path) -> Iterator[str]:
    """Yield reviews, and lines of novels."""
    for path in sorted((data / "imdb").glob("*.tsv.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
            for line in file:
                yield line.rstrip("\n").split("\t")[-1]
    for path in sorted((data / "english_novels").glob("*.tar.gz")):
        with tarfile.open(path) as archive:
            for member in archive:
                novel = archive.extractfile(member)
                if novel is not None:
                    yield from filter(None, novel.read().decode("utf-8-sig").splitlines())


def train_tokemb(rows: list[str], encoder: tokemb.Encoder, settings: SkipGram, on_epoch: Callable[..., None]) -> Matrix:
    """Train with tokemb. Return one vector per id, float32 (input_dim, dim)."""
    matrix: Matrix = train_skipgram(rows, encoder, settings, on_epoch=on_epoch).model.get_weights()[0]
    return matrix


def train_gensim(rows: Ragged, encoder: tokemb.Encoder, settings: SkipGram, on_epoch: Callable[..., None]) -> Matrix:
    """Train with gensim. Return one vector per id, float32 (input_dim, dim)."""
    from gensim.models import Word2Vec
    from gensim.models.callbacks import CallbackAny2Vec

    class Marking(CallbackAny2Vec):
        def on_epoch_end(self, model: Word2Vec) -> None:
            on_epoch()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ids.txt"
        with path.open("w", encoding="ascii") as file:
            file.writelines(" ".join(map(str, row.tolist())) + "\n" for row in rows)
        model = Word2Vec(
            corpus_file=str(path),
            sg=int(not settings.cbow),
            vector_size=settings.dim,
            window=settings.window,
            negative=settings.negatives,
            sample=settings.sample,
            epochs=settings.epochs,
            alpha=settings.learning_rate,
            min_alpha=settings.final_learning_rate,
            min_count=1,
            workers=settings.threads,
            seed=1,
            callbacks=[Marking()],
        )
    matrix = np.zeros((encoder.input_dim, settings.dim), np.float32)
    matrix[[int(word) for word in model.wv.index_to_key]] = model.wv.vectors
    return matrix


def correlations(data: Path, encoder: tokemb.Encoder, matrix: Matrix) -> Iterator[str]:
    """Yield Spearman's correlation with human judgements for each set of pairs."""
    vectors = TokenVectors.load(tokemb.embedding_model(encoder, vectors=matrix), encoder)
    for name, file in PAIRS.items():
        found = similarity_correlation(vectors, data / "word_eval" / file)
        yield f"{name} {found.spearman:.4f} ({found.found} of {found.pairs} pairs)"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
