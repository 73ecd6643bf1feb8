"""Keras on JAX and PyTorch, in processes of their own that have no TensorFlow."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import tokemb
from tests.conftest import python

pytestmark = pytest.mark.keras

WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = None
import warnings
warnings.simplefilter("error")
warnings.filterwarnings("ignore", category=DeprecationWarning)
"""

TRAIN = """
import json, sys
from pathlib import Path
import numpy as np
import tokemb
here = Path(sys.argv[1])
encoder = tokemb.Encoder.load(here / "v")
texts, labels = ["a b", "c d", "b a b", "d"] * 20, [1, 0, 1, 0] * 20

import keras
assert keras.backend.backend() == sys.argv[2], keras.backend.backend()
keras.utils.set_random_seed(0)
base = tokemb.embedding_model(encoder, 4, seed=0)
pooled = keras.layers.GlobalAveragePooling1D()(base.output)
model = keras.Model(base.input, keras.layers.Dense(1, activation="sigmoid")(pooled), name=base.name)

# The mask reaches the pooling: padding changes nothing.
short, long = (model.predict(encoder.encode(texts[:4], maxlen=n), verbose=0) for n in (3, 30))
np.testing.assert_allclose(short, long, rtol=1e-5)

model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
class Seen(keras.utils.PyDataset):
    '''The same data, and what Keras asks for.'''
    def __init__(self, data):
        super().__init__()
        self.data, self.labels = data, []
    def __len__(self):
        return len(self.data)
    def __getitem__(self, i):
        return self.data[i]
    def on_epoch_end(self):
        self.labels.append(np.concatenate([self.data[i][0].ravel() for i in range(len(self))]).tolist())
        self.data.on_epoch_end()
settings = dict(batch_size=8, shuffle=True, seed=1, bucket=[2, 4])
seen = Seen(encoder.py_dataset(texts, labels, **settings))
held = encoder.py_dataset(["b", "c"], [1, 0])
history = model.fit(seen, validation_data=held, epochs=10, verbose=0).history
assert history["val_accuracy"][-1] == 1, history
assert len({str(each) for each in seen.labels}) == len(seen.labels) >= 10, "every epoch is another pass"
expected = encoder.py_dataset(texts, labels, **settings)
for each in seen.labels:
    assert each == np.concatenate([ids.ravel() for ids, _ in expected]).tolist()
    expected.on_epoch_end()
np.testing.assert_allclose(
    model.predict(encoder.py_dataset(texts[:4], batch_size=3), verbose=0),
    model.predict(encoder.encode(texts[:4]), verbose=0), rtol=1e-5)
assert model.evaluate(held, verbose=0, return_dict=True)["accuracy"] == 1

ids = encoder.encode(texts[:4])
np.testing.assert_array_equal(tokemb.embed(base, ids), base.predict(ids, verbose=0))
rows = encoder.encode_ragged(texts[:4])
matrix = base.get_layer("token_embedding").get_weights()[0]
means = np.stack([matrix[row].mean(axis=0) for row in rows])
np.testing.assert_allclose(tokemb.embed(base, rows, pooling="mean"), means, rtol=1e-5)
assert tokemb.check(encoder, base, ids) == []
grown = encoder.grow(["new"])
assert tokemb.grow_model(model, encoder, grown).count_params() == model.count_params() + 4
deep = keras.Model(base.input, keras.layers.GRU(3, return_sequences=True)(base.output))
np.testing.assert_allclose(
    tokemb.embed(deep, rows, pooling="mean"), tokemb.embed(deep, ids, pooling="mean"), rtol=1e-4, atol=1e-6)

base.save(here / "base.keras")
model.save(here / "model.keras")
deep.save(here / "deep.keras")
np.savez(here / "expected.npz", base=base.predict(ids, verbose=0), model=model.predict(ids, verbose=0),
         deep=tokemb.embed(deep, ids, pooling="max"), ids=ids)
"""


@pytest.fixture(scope="module", params=["jax", "torch"])
def backend(request):
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return request.param


@pytest.fixture(scope="module")
def trained(backend, tmp_path_factory):
    """A folder with models that were trained and saved with the backend."""
    here = tmp_path_factory.mktemp(backend)
    tokemb.fit_vocab(["a b c d"]).save(here / "v")
    run = python(WITHOUT_TENSORFLOW + TRAIN, str(here), backend, KERAS_BACKEND=backend)
    assert run.returncode == 0, run.stderr
    return here


def test_fit_embed_and_save(trained):
    assert {"base.keras", "model.keras", "deep.keras"} <= {path.name for path in trained.iterdir()}


def test_commands_in_a_process_of_that_backend(backend, trained, tmp_path):
    """The one that makes a model, and the one that runs it."""
    np.save(tmp_path / "ids.npy", np.load(trained / "expected.npz")["ids"])
    code = WITHOUT_TENSORFLOW + "sys.argv[0] = 'tokemb'\nfrom tokemb_cli.main import main\nmain()"
    for arguments in (
        "init-model --vocab {0}/v --dim 3 -o {1}/made.keras",
        "embed {1}/ids.npy --model {0}/deep.keras --pooling max -o {1}/out.npy",
    ):
        run = python(code, *arguments.format(trained, tmp_path).split(), KERAS_BACKEND=backend)
        assert run.returncode == 0, run.stderr
    np.testing.assert_allclose(
        np.load(tmp_path / "out.npy"), np.load(trained / "expected.npz")["deep"], rtol=1e-5, atol=1e-6
    )
    assert tokemb.embed(tmp_path / "made.keras", [[1, 2]]).shape == (1, 2, 3)


def test_tensorflow_loads_what_others_saved(trained):
    import keras

    assert keras.backend.backend() == "tensorflow"
    expected = np.load(trained / "expected.npz")
    for name in ("base", "model"):
        model = keras.models.load_model(trained / f"{name}.keras")
        np.testing.assert_allclose(model.predict(expected["ids"], verbose=0), expected[name], rtol=1e-5, atol=1e-6)
