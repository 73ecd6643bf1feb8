"""The state of an optimizer in a model that grows with its vocabulary."""

from __future__ import annotations

import numpy as np
import pytest

import tokemb
from tests.conftest import EXAMPLES

pytestmark = pytest.mark.keras

OLD = tokemb.fit_vocab(["one two three four"])
NEW = OLD.grow(["five six"])
OPTIMIZERS = (
    *("Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Lamb", "Lion", "LossScaleOptimizer"),
    *("MultiOptimizer", "Muon", "Nadam", "RMSprop", "SGD", "ScheduleFreeAdamW"),
)
# Ftrl makes every row without a gradient zeros, also with a new optimizer: its weights follow from its state alone.
OTHERS = ("Ftrl",)
AVERAGES = {
    "plain": {},
    "average": {"use_ema": True},
    "average written at each step": {"use_ema": True, "ema_overwrite_frequency": 1},
}
# The base class of all optimizers computes averages, so that by default two optimizers and those around others do.
AVERAGED = ("Adam", "LossScaleOptimizer", "MultiOptimizer", "SGD")


def optimizer_of(name, **settings):
    from keras import optimizers

    if not hasattr(optimizers, name):
        pytest.skip(f"this Keras has no {name}")
    if name == "LossScaleOptimizer":
        return optimizers.LossScaleOptimizer(optimizers.Adam(**settings))
    if name == "MultiOptimizer":
        choice = optimizers.OptimizerMap(optimizers.SGD(**settings), {".*embedding.*": optimizers.Adagrad(**settings)})
        return optimizers.MultiOptimizer(choice)
    return getattr(optimizers, name)(**settings)


def step(model):
    """Train on the first token alone, as ``fit`` does."""
    import keras

    weights = model.trainable_variables
    gradient = np.zeros(weights[0].shape, np.float32)
    gradient[2] = 0.1
    model.optimizer.apply([keras.ops.convert_to_tensor(gradient)], weights)
    model.optimizer.finalize_variable_values(weights)


def test_every_optimizer_of_keras_is_tested():
    from keras import optimizers

    classes = {name for name in dir(optimizers) if isinstance(getattr(optimizers, name), type)}
    assert classes - {"Optimizer", "OptimizerMap"} <= {*OPTIMIZERS, *OTHERS}


@pytest.mark.parametrize(
    ("name", "average"),
    [(name, each) for name in OPTIMIZERS for each in AVERAGES if each == "plain" or name in AVERAGED or EXAMPLES > 1],
)
def test_new_rows_that_no_text_contains_change_as_they_do_with_a_new_optimizer(name, average):
    settings = AVERAGES[average]
    model = tokemb.embedding_model(OLD, 3, seed=0)
    model.compile(optimizer_of(name, **settings), "mse")
    for _ in range(3):
        step(model)
    grown = tokemb.grow_model(model, OLD, NEW, seed=0)
    fresh = tokemb.embedding_model(NEW, vectors=grown.get_weights()[0])
    fresh.compile(optimizer_of(name, **settings), "mse")
    before = grown.get_weights()[0]
    for trained in (grown, fresh):
        step(trained)
    after, expected = grown.get_weights()[0], fresh.get_weights()[0]
    np.testing.assert_allclose(after[-2:], expected[-2:], atol=1e-6)
    np.testing.assert_allclose(after[-2:], before[-2:], atol=1e-5)


@pytest.mark.parametrize("name", ["Adagrad", "Ftrl", "ScheduleFreeAdamW"])
def test_state_that_does_not_start_at_zero_starts_as_in_a_new_optimizer(name):
    model = tokemb.embedding_model(OLD, 3, seed=0)
    model.compile(optimizer_of(name), "mse")
    for _ in range(3):
        step(model)
    grown = tokemb.grow_model(model, OLD, NEW, seed=0)
    fresh = tokemb.embedding_model(NEW, vectors=grown.get_weights()[0])
    fresh.compile(optimizer_of(name), "mse")
    fresh.optimizer.build(fresh.trainable_variables)
    matrices = [
        (mine.numpy()[-2:], new.numpy()[-2:])
        for mine, new in zip(grown.optimizer.variables, fresh.optimizer.variables, strict=True)
        if len(mine.shape) == 2
    ]
    assert any(new.any() for _, new in matrices)
    for mine, new in matrices:
        np.testing.assert_array_equal(mine, new)


def test_moving_averages_of_old_rows_stay():
    model = tokemb.embedding_model(OLD, 3, seed=0)
    model.compile(optimizer_of("Adam", use_ema=True), "mse")
    for _ in range(3):
        step(model)
    grown = tokemb.grow_model(model, OLD, NEW, seed=0)
    for mine, before in zip(grown.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy()[tuple(map(slice, before.shape))], before.numpy())
