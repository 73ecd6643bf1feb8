"""Comparison of classifiers of traces of system calls: heads that read sequences, and classifiers of bags of calls.

Usage: python -m benchmarks.behaviour [DIAL=value ...]

DATA    the zip of ADFA-LD: folders of .txt files, one trace per file, attacks in Attack_Data_Master
        [../shared/data/adfa_ld/ADFA-LD.zip beside the checkout]
SEEDS   the number of splits into 70 % for training and 30 % for the metrics, of normal traces and of attacks  [5]
MAXLEN  conv and gru read this number of calls from the start of a trace; the others count all calls  [200]
EPOCHS  the maximum number of epochs of conv and gru  [20]

Writes the ROC AUC of each classifier and split to standard output, and their mean and standard deviation.
"""

from __future__ import annotations

import os
import sys
import time
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import numpy as np

import tokemb
from benchmarks.setting import ROOT
from tokemb.training.classify import Labelled, train_classifier
from tokemb.training.metrics import roc_auc
from tokemb.training.schedule import Schedule

DIALS = {
    "DATA": str(ROOT.parent / "shared" / "data" / "adfa_ld" / "ADFA-LD.zip"),
    "SEEDS": "5",
    "MAXLEN": "200",
    "EPOCHS": "20",
}
TRAINING_SHARE = 0.7


def main(arguments: list[str]) -> int:
    """Run the comparison. Return 0, or 2 for wrong usage."""
    dials = dict(DIALS)
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or name not in dials:
            print(__doc__)
            return 0 if argument in ("-h", "--help") else 2
        dials[name] = value
    texts, labels = traces(Path(dials["DATA"]))
    print(f"{len(texts):,} traces, {labels.sum():,} attacks, {sum(map(len, map(str.split, texts))):,} calls")
    areas_of: dict[str, list[float]] = {}
    for seed in range(int(dials["SEEDS"])):
        for name, area, seconds, more in compare_classifiers(
            texts, labels, seed, int(dials["MAXLEN"]), int(dials["EPOCHS"])
        ):
            areas_of.setdefault(name, []).append(area)
            print(f"seed {seed}  {name:<18} {area:.4f}  {seconds:6.1f} s  {more}".rstrip(), flush=True)
    for name, areas in areas_of.items():
        spread = np.std(areas, ddof=1) if len(areas) > 1 else np.nan
        print(f"{name:<18} ROC AUC {np.mean(areas):.4f} +- {spread:.4f} over {len(areas)} splits")
    return 0


def traces(path: Path) -> tuple[list[str], np.ndarray]:
    """Return the traces, as texts of numbers, and their labels: 1 for attacks, 0 otherwise."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".txt") and "_Master/" in name)
        texts = [archive.read(name).decode("ascii") for name in names]
    return texts, np.array(["Attack_Data_Master" in name for name in names], int)


def split(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows for training and for the metrics, with the same shares of both labels."""
    rng = np.random.default_rng(seed)
    parts = [rng.permutation(np.flatnonzero(labels == label)) for label in (0, 1)]
    sizes = [round(len(part) * TRAINING_SHARE) for part in parts]
    sides = (
        [part[:size] for part, size in zip(parts, sizes, strict=True)],
        [part[size:] for part, size in zip(parts, sizes, strict=True)],
    )
    return np.sort(np.concatenate(sides[0])), np.sort(np.concatenate(sides[1]))


def compare_classifiers(texts, labels, seed, maxlen, epochs):
    """Yield the name, ROC AUC, seconds of training and prediction, and details of each classifier on one split."""
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler
    from sklearn.svm import SVC

    training, test = split(labels, seed)
    seen, unseen = [texts[row] for row in training], [texts[row] for row in test]
    encoder = tokemb.fit_vocab(seen, profile="whitespace")
    bags = [encoder.vectorize(part, mode="tf_idf") for part in (seen, unseen)]
    peers = {
        "SVM": make_pipeline(MaxAbsScaler(), SVC(random_state=seed)),
        "random forest": RandomForestClassifier(300, random_state=seed),
        "gradient boosting": GradientBoostingClassifier(random_state=seed),
    }
    for name, peer in peers.items():
        start = time.perf_counter()
        peer.fit(bags[0], labels[training])
        probabilities = hasattr(peer, "predict_proba")
        scores = peer.predict_proba(bags[1])[:, 1] if probabilities else peer.decision_function(bags[1])
        yield name, roc_auc(labels[test], scores), time.perf_counter() - start, ""
    for head in ("conv", "gru"):
        start = time.perf_counter()
        trained = train_classifier(
            Labelled(seen, labels[training].tolist()),
            encoder=encoder,
            test=Labelled(unseen, labels[test].tolist()),
            head=head,
            maxlen=maxlen,
            dim=32,
            units=64,
            dropout=0.2,
            schedule=Schedule(epochs=epochs, learning_rate=0.003, batch_size=64, patience=3, seed=seed),
        )
        fitted = trained.fitted
        more = (
            f"{fitted.rows_per_second:,.0f} rows/s, input at most {fitted.input_share:.1%}, epoch {fitted.best_epoch}"
        )
        yield head, trained.metrics["roc_auc"], time.perf_counter() - start, more


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
