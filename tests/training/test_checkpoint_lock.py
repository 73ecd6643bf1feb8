"""The lock of the folder of checkpoints, in Python as on the command line."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tokemb.errors import OutputInUseError
from tokemb.files.locked_folder import locked_folder
from tokemb.training.checkpoint_lock import locked_checkpoints
from tokemb.training.classify import Labelled, train_classifier
from tokemb.training.cross_validation import cross_validate
from tokemb.training.knowledge_tracing import train_knowledge_tracing
from tokemb.training.next_event import train_next
from tokemb.training.ratings import train_ratings
from tokemb.training.repeat import repeat
from tokemb.training.schedule import Schedule
from tokemb.training.search import search
from tokemb.training.tag import Tagged, train_tagger


def never_called(**_):
    raise AssertionError("the folder is locked")


TRAININGS = [
    lambda **settings: train_classifier(Labelled(["a", "b"], [0, 1]), **settings),
    lambda **settings: train_tagger(Tagged(["a b"], ["X Y"]), **settings),
    lambda **settings: train_next(["a b c"], **settings),
    lambda **settings: train_ratings({"a": ["x"], "b": ["y"], "r": [1]}, ["a", "b"], "r", **settings),
    lambda **settings: train_knowledge_tracing({"skill": [["a"]], "correct": [[1]]}, **settings),
    lambda **settings: search(never_called, {"dim": [1]}, **settings),
    lambda **settings: repeat(never_called, settings["schedule"], 2),
    lambda **settings: cross_validate(never_called, ["a", "b"], folds=2, **settings),
]
NAMES = ["classify", "tag", "next", "ratings", "knowledge-tracing", "search", "seeds", "folds"]


@pytest.mark.parametrize("train", TRAININGS, ids=NAMES)
def test_training_does_not_use_a_checkpoint_folder_of_a_training_that_runs(train, tmp_path):
    with locked_folder(tmp_path / "state"), pytest.raises(OutputInUseError, match="state is being written by process"):
        train(schedule=Schedule(checkpoint=tmp_path / "state"))


def test_folder_of_checkpoints_is_locked_for_other_threads_but_not_for_its_parts(tmp_path):
    folder = tmp_path / "new" / "state"

    def lock():
        with locked_checkpoints(folder):
            pass

    with locked_checkpoints(folder):
        with locked_checkpoints(folder), locked_checkpoints(str(folder / "trial-1")), locked_checkpoints(None):
            assert [path.name for path in folder.iterdir()] == [".tokemb-lock"]
        with ThreadPoolExecutor() as pool, pytest.raises(OutputInUseError):
            pool.submit(lock).result()
    assert list((tmp_path / "new").iterdir()) == []
    lock()


def test_lock_is_released_after_an_error_and_the_folder_keeps_its_files(tmp_path):
    (tmp_path / "x.checkpoint.npz").touch()
    with pytest.raises(KeyboardInterrupt), locked_checkpoints(tmp_path):
        raise KeyboardInterrupt
    with locked_checkpoints(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["x.checkpoint.npz"]
