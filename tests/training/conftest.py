"""Trainings that the tests of predictions, evaluations and vectors share."""

from __future__ import annotations

import warnings

import pytest

from tests.conftest import made_once


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """The folders of small trainings, by task."""
    return made_once(tmp_path_factory, "trained", _train_all)


def _train_all(root):
    import tensorflow as tf

    from tests.training.test_predict import train_all

    # Tracing takes seconds, and a small training milliseconds. TensorFlow warns of that.
    tf.config.run_functions_eagerly(True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        train_all(root)
    tf.config.run_functions_eagerly(False)
