"""Trainings that the tests of predictions, evaluations and vectors share."""

from __future__ import annotations

import warnings

import pytest


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """The folders of small trainings, by task."""
    import tensorflow as tf

    from tests.training.test_predict import train_all

    root = tmp_path_factory.mktemp("trained")
    # Tracing takes seconds, and a small training milliseconds. TensorFlow warns of that.
    tf.config.run_functions_eagerly(True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        train_all(root)
    tf.config.run_functions_eagerly(False)
    return root
