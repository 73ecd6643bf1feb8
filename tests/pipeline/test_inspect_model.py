"""What ``inspect`` says of folders that trainings and exports write."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from tokemb_cli.main import cli

import tokemb
from tokemb.pipeline.inspect import inspect


@pytest.mark.parametrize("task", ["classify", "ratings"])
def test_a_folder_of_a_training_is_described(task, tmp_path):
    from tokemb.training.classify import Labelled, train_classifier
    from tokemb.training.ratings import train_ratings
    from tokemb.training.schedule import Schedule

    schedule = Schedule(epochs=1)
    if task == "classify":
        trained = train_classifier(Labelled(["good", "bad"] * 9, ["a", "b"] * 9), dim=2, schedule=schedule)
    else:
        table = {"user": ["a", "b"] * 9, "item": ["c", "d"] * 9, "stars": [1, 2] * 9}
        trained = train_ratings(table, ["user", "item"], "stars", dim=2, schedule=schedule)
    trained.save(tmp_path / "t")
    description = inspect(tmp_path / "t")
    assert inspect(tmp_path / "t" / "training.json") == description
    assert (description["kind"], description["task"]) == ("training", task)
    assert description["fingerprint"] == trained.vocabulary.fingerprint
    assert description["vocabulary"] == {"classify": "vocabulary", "ratings": "columns"}[task]
    assert description["metrics"] == trained.metrics
    assert description["classes"] == (["a", "b"] if task == "classify" else None)
    assert {layer["output_dim"] for layer in description["embeddings"]} <= {1, 2}
    shown = CliRunner().invoke(cli, ["inspect", str(tmp_path / "t")])
    assert (shown.exit_code, f"metrics.rows            {trained.metrics['rows']}\n" in shown.output) == (0, True)
    loss = trained.metrics["loss" if task == "classify" else "rmse"]
    assert f"{loss:g}\n" in shown.output, "no percentage"


def test_a_saved_model_is_described(tmp_path):
    from tokemb.models.saved_model import export_saved_model

    encoder = tokemb.fit_vocab(["a b"], profile="whitespace")
    export_saved_model(encoder, tmp_path / "s", model=tokemb.embedding_model(encoder, 2), returns="vectors", maxlen=3)
    description = inspect(tmp_path / "s")
    assert description.pop("bytes") > 1000
    assert description == {
        "kind": "saved model",
        "input": "texts",
        "answer": "vectors",
        "maxlen": 3,
        "fingerprint": encoder.fingerprint,
    }
    (tmp_path / "s" / "assets.extra" / "tokemb.json").write_text("{}")
    with pytest.raises(tokemb.TokembError, match="is not a file that tokemb wrote"):
        inspect(tmp_path / "s")
    (tmp_path / "s" / "assets.extra" / "tokemb.json").unlink()
    with pytest.raises(tokemb.TokembError, match="is a SavedModel that tokemb export did not write"):
        inspect(tmp_path / "s")


def test_report_whose_classes_are_no_labels_is_shown(tmp_path):
    report = {"format_version": 1, "task": "classify", "fingerprint": "f", "classes": [{"a": 1}, "b"]}
    (tmp_path / "training.json").write_text(json.dumps(report))
    result = CliRunner().invoke(cli, ["inspect", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "{'a': 1}, b" in result.stdout
