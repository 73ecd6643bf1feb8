"""Saved models by others: what refers to other files, unpacks to too much or is damaged is refused in one sentence."""

from __future__ import annotations

import io
import json
import os
import stat
import zipfile

import h5py
import numpy as np
import pytest

import tokemb
from tests.conftest import python, tokemb_command
from tokemb.errors import ModelError
from tokemb.models.embedder import load_model
from tokemb.models.embedding_lookup import read_lookup
from tokemb.models.keras_archive import check_model_file
from tokemb.pipeline.inspect import inspect

pytestmark = pytest.mark.keras

WEIGHTS = "model.weights.h5"
MATRIX = "layers/embedding/vars/0"
SHAPE = (6, 3)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The members of a saved look-up."""
    path = tmp_path_factory.mktemp("model") / "m.keras"
    tokemb.embedding_model(tokemb.fit_vocab(["deep learning is very"]), 3, seed=0).save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def weights(fill, **settings):
    """The bytes of an HDF5 file without the matrix, which ``fill`` adds to the group of its layer."""
    content = io.BytesIO()
    with h5py.File(content, "w", **settings) as file:
        fill(file.create_group(MATRIX.rpartition("/")[0]))
    return content.getvalue()


def external(group):
    group.create_dataset("0", SHAPE, "f4", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)])


def virtual(group):
    layout = h5py.VirtualLayout(SHAPE, "f4")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", SHAPE)
    group.create_virtual_dataset("0", layout)


def external_link(group):
    group["0"] = h5py.ExternalLink("/tmp/other.h5", "/x")


def soft_link(group):
    group.file["there"] = np.zeros(SHAPE, "f4")
    group["0"] = h5py.SoftLink("/there")


def external_group(group):
    del group.file["layers"]["embedding"]
    group.file["layers"]["embedding"] = h5py.ExternalLink("/tmp/other.h5", "/embedding")


def references(group):
    group.create_dataset("0", SHAPE, h5py.ref_dtype)


def nested_references(group):
    group.create_dataset("0", (2,), np.dtype([("a", "f4"), ("b", h5py.ref_dtype, (2,))]))


def plugin(group):
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk(SHAPE)
    properties.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, ())
    space = h5py.h5s.create_simple(SHAPE)
    h5py.h5d.create(group.id, b"0", h5py.h5t.NATIVE_FLOAT, space, properties)


def huge_shape(group):
    group.create_dataset("0", (1 << 30, 3), "f4", chunks=(1 << 20, 3), compression="gzip")


def elsewhere(group):
    """A good matrix, and beside it what is not good."""
    group["0"] = np.zeros(SHAPE, "f4")
    external(group.file.create_group("optimizer"))


HOSTILE = {
    external: "has its data in another file",
    virtual: "is virtual",
    external_link: "/layers/embedding/vars/0 is a link to another object or file",
    soft_link: "is a link to another object or file",
    external_group: "/layers/embedding is a link to another object or file",
    references: "contains references to other objects",
    nested_references: "contains references to other objects",
    plugin: "requires the plugin of filter 32015",
    huge_shape: "declares 12,884,901,888 bytes",
    elsewhere: "/optimizer/0 has its data in another file",
}


@pytest.mark.parametrize("fill", HOSTILE, ids=lambda fill: fill.__name__)
@pytest.mark.parametrize("kind", [".keras", "folder", ".h5"])
def test_weights_that_refer_to_anything_outside_are_refused(tmp_path, model, fill, kind):
    content, path = weights(fill), tmp_path / f"evil{kind}"
    if kind == ".keras":
        written(path, {**model, WEIGHTS: content})
        assert read_lookup(path) is None
    elif kind == ".h5":
        path.write_bytes(content)
    else:
        path.mkdir()
        for name, member in {**model, WEIGHTS: content}.items():
            (path / name).write_bytes(member)
    with pytest.raises(ModelError, match=HOSTILE[fill]) as caught:
        load_model(path)
    assert str(path) in str(caught.value)


def test_embed_writes_nothing_of_a_file_that_the_weights_name(tmp_path, model):
    (tmp_path / "secret").write_bytes(np.arange(18, dtype=np.float32).tobytes())

    def reads_secret(group):
        group.create_dataset("0", SHAPE, "f4", external=[(str(tmp_path / "secret"), 0, 72)])

    written(tmp_path / "evil.keras", {**model, WEIGHTS: weights(reads_secret)})
    np.save(tmp_path / "ids.npy", np.array([[2, 3]], np.int32))
    run = tokemb_command("embed", "ids.npy", "--model", "evil.keras", "-o", "v.npy", cwd=tmp_path)
    assert (run.returncode, run.stdout) == (1, b"")
    assert run.stderr.decode() == (
        f"Error: {WEIGHTS} in evil.keras was refused: the dataset /{MATRIX} has its data in another file; "
        "save the model again with Keras\n"
    )
    assert not (tmp_path / "v.npy").exists()


def test_weights_with_hard_links_in_a_circle_are_read(tmp_path, model):
    matrix = np.arange(18, dtype=np.float32).reshape(SHAPE)

    def circle(group):
        group["0"] = matrix
        group.file["again"] = group.file["layers"]
        group.file["layers"]["root"] = group.file["/"]

    path = written(tmp_path / "m.keras", {**model, WEIGHTS: weights(circle)})
    np.testing.assert_array_equal(read_lookup(path).matrix, matrix)


def test_weights_in_compressed_chunks_are_read(tmp_path, model):
    matrix = np.arange(18, dtype=np.float32).reshape(SHAPE)
    content = weights(
        lambda group: group.create_dataset("0", data=matrix, compression="gzip", shuffle=True, fletcher32=True)
    )
    path = written(tmp_path / "m.keras", {**model, WEIGHTS: content}, zipfile.ZIP_DEFLATED)
    np.testing.assert_array_equal(read_lookup(path).matrix, matrix)


def _lookup_layer(vocabulary):
    layer = {"name": "lookup", "vocabulary": vocabulary, "num_oov_indices": 1}
    layers = [{"module": "keras.layers", "class_name": "StringLookup", "config": layer, "registered_name": None}]
    model = {"class_name": "Sequential", "config": {"name": "m", "layers": layers}}
    return json.dumps(model).encode()


MEMBERS = {
    "a name that leads out": ({"../../outside": b""}, "member '../../outside' leads out"),
    "an absolute name": ({"/tmp/outside": b""}, "member '/tmp/outside' leads out"),
    "a name of Windows": ({"C:\\outside": b""}, "leads out of the archive"),
    "a layer that reads a file": ({"config.json": _lookup_layer("/etc/passwd")}, "reads the file '/etc/passwd'"),
    **{
        f"a tokenizer that reads its {setting}": (
            {
                "config.json": json.dumps(
                    {"class_name": "WhisperTokenizer", "config": {setting: "/etc/passwd"}}
                ).encode()
            },
            "its layer WhisperTokenizer reads the file '/etc/passwd'",
        )
        for setting in ("merges", "proto", "special_tokens", "language_tokens")
    },
    "a layer of code": ({"config.json": b'{"class_name": "TFSMLayer", "config": {}}'}, "TFSMLayer runs code"),
    "deep JSON": ({"config.json": b"[" * 5000 + b"]" * 5000}, "at most 200 levels deep"),
    "a large asset": ({"assets/vocabulary.txt": bytes(1 << 25)}, "which is too much for a saved model"),
    "a large config": ({"config.json": b'{"config":{}}' + b" " * (1 << 25)}, "which is too much for a saved model"),
}


@pytest.mark.parametrize("name", MEMBERS)
def test_archives_that_lead_out_or_unpack_to_too_much_are_refused(tmp_path, model, name):
    members, reason = MEMBERS[name]
    path = written(tmp_path / "evil.keras", {**model, **members}, zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelError, match=reason):
        load_model(path)


def test_a_symbolic_link_in_an_archive_is_refused(tmp_path, model):
    path = written(tmp_path / "evil.keras", model)
    link = zipfile.ZipInfo("assets")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc")
    with pytest.raises(ModelError, match="its member 'assets' leads out of the archive"):
        load_model(path)


def test_folders_with_links_as_vocabularies_and_of_other_programs_are_refused(tmp_path, monkeypatch, model):
    import keras

    monkeypatch.setattr(keras.models, "load_model", None)
    folder = tmp_path / "m"
    (folder / "assets" / "layers").mkdir(parents=True)
    with pytest.raises(ModelError, match="m: it is a folder without config.json, and no model that Keras saved"):
        load_model(folder)
    (folder / "config.json").write_bytes(model["config.json"])
    (folder / "assets" / "layers" / "vocabulary.txt").symlink_to("/etc/passwd")
    with pytest.raises(ModelError, match=r"m was refused: assets/layers/vocabulary.txt is a link, which may lead"):
        load_model(folder)


def test_code_in_a_legacy_file_is_refused(tmp_path):
    config = json.dumps({"class_name": "Lambda", "config": {"function": ["4wEAAAA=", None, None]}})
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = config
    with pytest.raises(ModelError, match="its layer Lambda runs code"):
        load_model(tmp_path / "m.h5")


def test_a_legacy_file_that_is_an_archive_too_is_checked_as_what_keras_opens(tmp_path, model):
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Lambda", "config": {"function": ["4wEA", None, None]}})
        file["model_weights"] = h5py.ExternalLink("/tmp/other.h5", "/")
    with zipfile.ZipFile(path, "a") as archive:
        for name, content in model.items():
            archive.writestr(name, content)
    assert zipfile.is_zipfile(path)
    with pytest.raises(ModelError, match="model_weights is a link to another object or file"):
        load_model(path, compiled=True)
    with h5py.File(path, "a") as file:
        del file["model_weights"]
    with zipfile.ZipFile(path, "a") as archive:
        for name, content in model.items():
            archive.writestr(name, content)
    with pytest.raises(ModelError, match="its layer Lambda runs code"):
        load_model(path)


def test_the_training_of_a_legacy_file_is_checked_as_its_model_is(tmp_path, monkeypatch):
    import keras

    monkeypatch.setattr(keras.models, "load_model", None)
    model = {"class_name": "Sequential", "config": {"layers": []}}
    training = {"loss": {"class_name": "Popen", "module": "subprocess", "config": {}}}
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"], file.attrs["training_config"] = json.dumps(model), json.dumps(training)
    with pytest.raises(ModelError, match="was refused: it names 'subprocess.Popen'"):
        load_model(tmp_path / "m.h5", compiled=True)


def test_a_module_of_pytorch_in_a_model_is_refused(tmp_path, model):
    config = {"class_name": "TorchModuleWrapper", "module": "keras.layers", "config": {"module": "gAI="}}
    path = written(tmp_path / "m.keras", {**model, "config.json": json.dumps(config).encode()})
    with pytest.raises(ModelError, match="its layer TorchModuleWrapper runs code"):
        load_model(path)


NAMED = [
    ({"class_name": "Popen", "module": "subprocess", "config": {}}, "subprocess.Popen"),
    ({"class_name": "X", "module": "this", "registered_name": "x>X", "config": {}}, "this.X"),
    ({"class_name": "function", "module": "os", "config": "system"}, "os.system"),
    ({"class_name": "function", "module": "builtins", "config": "exec"}, "builtins.exec"),
    ({"class_name": "function", "module": "keras.utils", "config": "get_file"}, "keras.utils.get_file"),
    (
        {"class_name": "function", "module": "keras.src.saving.saving_lib", "config": "load_model"},
        "saving_lib.load_model",
    ),
    ({"class_name": "__typespec__", "module": "this", "spec_name": "X"}, "this.__typespec__"),
    ({"class_name": "load_model", "module": "keras.models", "config": {}}, "keras.models.load_model"),
]


@pytest.mark.parametrize(("named", "name"), NAMED, ids=[name for _, name in NAMED])
@pytest.mark.parametrize("form", ["archive", "folder", "legacy"])
def test_modules_that_a_model_names_are_not_imported(tmp_path, monkeypatch, model, named, name, form):
    import keras

    config = json.loads(model["config.json"])
    config["config"]["layers"][1]["config"]["embeddings_initializer"] = named
    content = json.dumps(config).encode()
    if form == "archive":
        path = written(tmp_path / "m.keras", {**model, "config.json": content})
    elif form == "folder":
        path = tmp_path / "m"
        path.mkdir()
        (path / "config.json").write_bytes(content)
    else:
        path = tmp_path / "m.h5"
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = content.decode()
    # Releases of Keras differ in what they import, so none is asked.
    monkeypatch.setattr(keras.models, "load_model", None)
    with pytest.raises(ModelError, match=f"was refused: it names '.*{name}', which is not part of a Keras model"):
        load_model(path)


def test_functions_of_keras_and_registered_classes_are_loaded(tmp_path):
    import keras

    @keras.saving.register_keras_serializable("tokemb_hostile")
    class Twice(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 2

    @keras.saving.register_keras_serializable("tokemb_hostile")
    def loss(true, predicted):
        return keras.ops.mean(true - predicted)

    layers = [keras.layers.Embedding(4, 2), Twice(), keras.layers.Dense(2, activation=keras.ops.relu)]
    model = keras.Sequential([keras.Input((None,), dtype="int32"), *layers, keras.layers.Activation("gelu")])
    model.compile("adam", loss, metrics=["mae", keras.losses.mean_squared_error])
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
        load_model(tmp_path / name)


def test_a_legacy_file_is_loaded_when_it_is_sound(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((None,), dtype="int32"), keras.layers.Embedding(4, 2)])
    model.save(tmp_path / "m.h5")
    check_model_file(tmp_path / "m.h5")
    np.testing.assert_array_equal(tokemb.embed(tmp_path / "m.h5", [[1, 3]]), model.get_weights()[0][[[1, 3]]])


INSPECT_BOMB = """
import sys
from pathlib import Path
from tests.peak import peak
from tokemb.errors import ModelError
from tokemb.pipeline.inspect import inspect
before = peak()
try:
    inspect(Path(sys.argv[1]))
except ModelError as error:
    print(peak() - before, error)
"""


def test_a_config_that_unpacks_to_a_gigabyte_takes_no_memory(tmp_path, model):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("metadata.json", "{}")
        with archive.open("config.json", "w") as file:
            for _ in range(1 << 6):
                file.write(b" " * (1 << 24))
    run = python(INSPECT_BOMB, str(path))
    grown, message = run.stdout.split(" ", 1)
    assert int(grown) < 50_000
    assert "config.json unpacks from" in message


@pytest.mark.parametrize("form", ["archive", "folder", "legacy"])
def test_an_embedding_that_is_far_larger_than_the_file_is_refused(tmp_path, model, form):
    config = json.loads(model["config.json"])
    config["config"]["layers"][1]["config"] |= {"input_dim": 10**9, "output_dim": 8}
    content = json.dumps(config).encode()
    path = tmp_path / ("m.h5" if form == "legacy" else "m.keras")
    if form == "archive":
        written(path, {**model, "config.json": content})
    elif form == "folder":
        path.mkdir()
        for name, member in {**model, "config.json": content}.items():
            (path / name).write_bytes(member)
    else:
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = content.decode()
    with pytest.raises(ModelError, match="its layer Embedding declares 32,000,000,000 bytes, and the file has"):
        check_model_file(path)


def test_a_deep_config_is_an_error_of_inspect(tmp_path, model):
    deep = b'{"config": {"a": ' + b'{"a": ' * 900 + b"1" + b"}" * 900 + b"}}"
    path = written(tmp_path / "m.keras", {**model, "config.json": deep})
    with pytest.raises(ModelError, match="at most 200 levels deep"):
        inspect(path)


def test_damaged_weights_end_the_command_with_an_error(tmp_path, model):
    path = written(tmp_path / "m.keras", model)
    content = bytearray(path.read_bytes())
    content[content.index(WEIGHTS.encode()) + 1000] ^= 255
    path.write_bytes(content)
    np.save(tmp_path / "ids.npy", np.array([[2, 3]], np.int32))
    run = tokemb_command("embed", "ids.npy", "--model", "m.keras", "-o", "v.npy", cwd=tmp_path)
    assert run.returncode == 1
    assert run.stderr.decode() == f"Error: Keras cannot load m.keras: Bad CRC-32 for file '{WEIGHTS}'\n"


# An error that is in a reference cycle lives until the interpreter ends.
KEPT_ERROR = """
import atexit, gc, io
import h5py
from tokemb.files.hdf5 import release_frames

class Broken(io.RawIOBase):
    def seek(self, *_):
        raise OSError(5, "damaged")

try:
    h5py.File(Broken(), "r")
except OSError as error:
    release_frames(error)
    error.itself = error
atexit.register(gc.freeze)
"""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_in_place_of_a_model_is_an_error_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "m.keras")
    with pytest.raises(ModelError, match="m.keras: it is neither a regular file nor a folder$"):
        load_model(tmp_path / "m.keras")


def test_an_error_of_h5py_that_is_kept_does_not_crash_the_interpreter():
    run = python(KEPT_ERROR)
    assert (run.returncode, run.stderr) == (0, "")
