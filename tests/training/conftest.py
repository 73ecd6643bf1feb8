"""Trainings that the tests of predictions, evaluations and vectors share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """The folders of small trainings, by task."""
    from tests.training.test_predict import train_all

    root = tmp_path_factory.mktemp("trained")
    train_all(root)
    return root
