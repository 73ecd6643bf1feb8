"""Models that grow with their vocabulary: what was learned stays, bit for bit."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import command_here, examples
from tests.models.test_check import token_and_position
from tokemb.errors import ArgumentError, ModelError
from tokemb.models.embedding_lookup import read_lookup

pytestmark = pytest.mark.keras

WORDS = "one two three four five six seven eight nine ten eleven"
OLD = tokemb.fit_vocab([WORDS])  # input_dim 13, which no other weight here is long
NEW = OLD.grow(["twelve thirteen fourteen one"])
IDS = OLD.encode([WORDS, "two two other", "", "eleven ten nine"], maxlen=12)
LABELS = np.array([0.0, 1.0, 1.0, 0.0])


def inner(dim=3, encoder=OLD, **settings):
    return tokemb.embedding_model(encoder, dim, seed=1, **settings)


def functional(part=None):
    ids = keras.Input((None,), dtype="int32", name="ids")
    hidden = keras.layers.GRU(2)((part or inner())(ids))
    return keras.Model(ids, keras.layers.Dense(1, name="score")(hidden), name="classifier")


def trained(model, optimizer="adam", epochs=2, **settings):
    model.compile(optimizer, "mse", metrics=["mae"], **settings)
    model.fit(IDS, LABELS, epochs=epochs, verbose=0)
    return model


def embedding_of(model):
    from tokemb.models.model_layers import layers_of

    (layer,) = {id(layer): layer for layer in layers_of(model) if isinstance(layer, keras.layers.Embedding)}.values()
    return layer


def predict(model, ids=IDS):
    return np.asarray(model(ids, training=False))


def saved_and_loaded(model, path):
    model.save(path)
    return keras.models.load_model(path)


def sequential():
    return keras.Sequential([inner(), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])


def plain_embedding():
    embedding = keras.layers.Embedding(13, 3, mask_zero=True)
    return keras.Sequential([keras.Input((None,)), embedding, keras.layers.GRU(2), keras.layers.Dense(1)])


def nested():
    ids = keras.Input((None,), dtype="int32")
    return keras.Sequential([keras.Model(ids, functional()(ids)), keras.layers.Dense(1)])


def shared():
    """One Embedding for two inputs, which are compared."""
    left, right = (keras.Input((None,), dtype="int32") for _ in range(2))
    encode = keras.Sequential([inner(), keras.layers.GRU(2)])
    return keras.Model([left, right], keras.layers.Dot(1)([encode(left), encode(right)]))


def of_documents():
    """Rows of sentences of ids: the embedding model within a wrapper."""
    ids = keras.Input((2, 6), dtype="int32")
    rows = keras.layers.TimeDistributed(keras.Sequential([inner(), keras.layers.GRU(2)]))(ids)
    return keras.Model(ids, keras.layers.Dense(1)(keras.layers.GRU(2)(rows)))


@pytest.mark.parametrize("make", [inner, functional, sequential, plain_embedding, nested, shared, of_documents])
def test_what_was_learned_stays(tmp_path, make):
    model = make()
    ids = {shared: [IDS, IDS[::-1]], of_documents: IDS.reshape(4, 2, 6)}.get(make, IDS)
    before, matrix = predict(model, ids), embedding_of(model).get_weights()[0]
    names = [layer.name for layer in model.layers]
    for given_model in (model, model.save(tmp_path / "m.keras") or tmp_path / "m.keras"):
        grown = tokemb.grow_model(given_model, OLD, NEW, seed=0)
        layer = embedding_of(grown)
        assert (layer.input_dim, layer.mask_zero, layer.trainable) == (NEW.input_dim, True, True)
        np.testing.assert_array_equal(layer.get_weights()[0][: OLD.input_dim], matrix)
        np.testing.assert_array_equal(predict(grown, ids), before)
        again = saved_and_loaded(grown, tmp_path / "grown.keras")
        np.testing.assert_array_equal(predict(again, ids), before)
        assert embedding_of(again).input_dim == NEW.input_dim
        if make not in (shared, of_documents):
            assert tokemb.check(NEW, grown) == tokemb.check(NEW, tmp_path / "grown.keras") == []
            assert make is plain_embedding or tokemb.check(OLD, grown)[0].rule == "fingerprint"
            new_tokens = NEW.encode(["twelve thirteen fourteen"])
            np.testing.assert_array_equal(predict(again, new_tokens), predict(grown, new_tokens))
    # What was given is as it was.
    assert [layer.name for layer in model.layers] == names
    assert embedding_of(model).input_dim == OLD.input_dim
    np.testing.assert_array_equal(predict(model, ids), before)


def test_all_names_carry_the_new_vocabulary():
    from tokemb.models.embedding_model import fingerprint_in_name
    from tokemb.models.model_layers import layers_of

    for model in (nested(), of_documents(), inner()):
        grown = tokemb.grow_model(model, OLD, NEW)
        carried = {fingerprint_in_name(layer.name) for layer in layers_of(grown)} - {None}
        assert carried == {NEW.fingerprint[:16]}


@pytest.mark.parametrize("optimizer", ["adam", "adagrad", "adafactor"])
def test_training_goes_on_where_it_was(tmp_path, optimizer):
    # Compiling the steps into functions takes most of the time, and one optimizer whose steps are compiled is enough.
    model = trained(functional(), optimizer, run_eagerly=optimizer != "adam")
    grown = saved_and_loaded(tokemb.grow_model(model, OLD, NEW), tmp_path / "grown.keras")
    assert (grown.loss, type(grown.optimizer)) == ("mse", type(model.optimizer))
    assert int(grown.optimizer.iterations) == int(model.optimizer.iterations) == 2
    initial = type(model.optimizer)()
    initial.build([embedding_of(grown).embeddings])
    for mine, theirs in zip(grown.optimizer.variables, model.optimizer.variables, strict=True):
        mine, theirs = mine.numpy(), theirs.numpy()
        np.testing.assert_array_equal(mine[tuple(map(slice, theirs.shape))], theirs)
        if mine.shape != theirs.shape:
            (fresh,) = {start.numpy()[-1].tobytes() for start in initial.variables if start.shape == mine.shape}
            assert {row.tobytes() for row in mine[OLD.input_dim :]} == {fresh}
    for either in (model, grown):
        either.fit(IDS, LABELS, epochs=2, shuffle=False, verbose=0)
    # Adafactor's steps follow the size of the whole matrix, new rows included.
    np.testing.assert_allclose(predict(grown), predict(model), atol=1e-4 if optimizer == "adafactor" else 1e-6)
    before = embedding_of(grown).get_weights()[0]
    grown.fit(NEW.encode(["twelve one"], maxlen=12), LABELS[:1], verbose=0)
    assert (embedding_of(grown).get_weights()[0][NEW.vocabulary.index("twelve")] != before[13]).any()


def test_new_rows_are_drawn_as_the_old_tokens_rows_are_spread():
    old = tokemb.fit_vocab([" ".join(f"w{i}" for i in range(4000))])
    new = old.grow([" ".join(f"n{i}" for i in range(4000))])
    matrix = np.random.default_rng(0).normal([1, -5, 0], [2, 0.1, 0], (old.input_dim, 3))
    matrix[:2] = 1e6  # padding and [UNK] are no tokens
    model = tokemb.embedding_model(old, vectors=matrix)
    first, second, third = (tokemb.grow_model(model, old, new, seed=seed).get_weights()[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    rows = first[old.input_dim :]
    assert len(rows) == 4000
    np.testing.assert_allclose(rows.mean(axis=0), [1, -5, 0], atol=0.2)
    np.testing.assert_allclose(rows.std(axis=0), [2, 0.1, 0], atol=0.1)
    assert not np.array_equal(rows, third[old.input_dim :])
    np.testing.assert_array_equal(first[: old.input_dim], third[: old.input_dim])


@examples(8)
@given(
    st.lists(st.text(alphabet="abcd ", max_size=8), max_size=5),
    st.lists(st.text(alphabet="abcdef ", max_size=8), max_size=5),
    st.integers(0, 4),
    st.integers(1, 3),
)
def test_old_rows_stay_for_any_vocabulary(before, after, extra, dim):
    old = tokemb.fit_vocab([*before, "z"])
    new = old.grow(after)
    model = keras.Sequential([keras.layers.Embedding(old.input_dim + extra, dim)])
    model.build((None, None))
    (matrix,) = model.get_weights()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)  # an output may happen to be as long as the vocabulary
        (grown,) = tokemb.grow_model(model, old, new, seed=0).get_weights()
    assert grown.shape == (max(new.input_dim, old.input_dim + extra), dim)
    np.testing.assert_array_equal(grown[: len(matrix)], matrix)
    assert np.isfinite(grown).all()


@pytest.mark.parametrize("dtype", ["float64", "mixed_float16", "bfloat16"])
def test_other_precisions_keep_their_bits(dtype):
    model = keras.Sequential([keras.layers.Embedding(13, 3, dtype=dtype)])
    model.build((None, None))
    layer = embedding_of(tokemb.grow_model(model, OLD, NEW))
    assert layer.embeddings.dtype == embedding_of(model).embeddings.dtype
    before, after = (np.array(keras.ops.convert_to_numpy(one.embeddings)) for one in (embedding_of(model), layer))
    assert after[:13].tobytes() == before.tobytes()
    assert len({row.tobytes() for row in after[13:]}) == 3


def test_settings_of_the_embedding_stay(tmp_path):
    model = inner(mask_zero=False, trainable=False)
    layer = embedding_of(tokemb.grow_model(model, OLD, NEW))
    assert (layer.mask_zero, layer.trainable, layer.trainable_variables) == (False, False, [])
    options = {"embeddings_regularizer": "l2", "embeddings_constraint": keras.constraints.MaxNorm(2.0), "name": "tok"}
    grown = tokemb.grow_model(keras.Sequential([keras.Input((5,)), keras.layers.Embedding(13, 3, **options)]), OLD, NEW)
    layer = embedding_of(saved_and_loaded(grown, tmp_path / "m.keras"))
    assert (layer.name, layer.input_dim, len(layer.losses)) == ("tok", 16, 1)
    assert layer.embeddings.constraint.max_value == 2.0
    assert grown.input_shape == (None, 5)


def test_a_grown_look_up_is_read_without_keras(tmp_path):
    grown = tokemb.grow_model(inner(), OLD, NEW)
    grown.save(tmp_path / "m.keras")
    lookup = read_lookup(tmp_path / "m.keras")
    np.testing.assert_array_equal(lookup.matrix, grown.get_weights()[0])


def test_growing_twice_is_growing():
    newer = NEW.grow(["fifteen"])
    twice = tokemb.grow_model(tokemb.grow_model(functional(), OLD, NEW, seed=0), NEW, newer, seed=0)
    assert embedding_of(twice).input_dim == newer.input_dim
    assert tokemb.check(newer, twice) == []
    same = tokemb.grow_model(twice, newer, newer.grow(["one"]))
    np.testing.assert_array_equal(embedding_of(same).get_weights()[0], embedding_of(twice).get_weights()[0])


def test_several_embeddings():
    ids, user = (keras.Input((None,), dtype="int32", name=name) for name in ("ids", "user"))
    words = keras.layers.Embedding(13, 3, name="words")(ids)
    users = keras.layers.Embedding(14, 3, name="users")(user)
    two_inputs = keras.Model([ids, user], keras.layers.Concatenate(axis=1)([words, users]))
    with pytest.raises(
        ModelError, match="several inputs and Embeddings: select the layers to grow with embedding=..., from words"
    ):
        tokemb.grow_model(two_inputs, OLD, NEW)
    grown = tokemb.grow_model(two_inputs, OLD, NEW, embedding="words")
    assert [grown.get_layer(name).input_dim for name in ("words", "users")] == [16, 14]
    for names in ("none", [], ["words", "none"]):
        with pytest.raises(ModelError, match="embedding must name layers of the model; received"):
            tokemb.grow_model(two_inputs, OLD, NEW, embedding=names)
    # A model with the vocabulary's name needs none said, and the Embedding of other ids stays.
    marked = keras.Model([ids, user], keras.layers.Concatenate(axis=1)([inner()(ids), users]))
    assert tokemb.grow_model(marked, OLD, NEW).get_layer("users").input_dim == 14
    # Two of the same ids both grow, not alike.
    both = keras.Model(ids, keras.layers.Embedding(13, 3)(ids) * keras.layers.Embedding(13, 3)(ids))
    both.set_weights(both.get_weights()[:1] * 2)
    first, second = tokemb.grow_model(both, OLD, NEW, seed=0).get_weights()
    assert first.shape == second.shape == (16, 3)
    np.testing.assert_array_equal(first[:13], second[:13])
    assert not np.array_equal(first[13:], second[13:])


def test_what_cannot_be_told_or_grown():
    ids = keras.Input((None,), dtype="int32")
    shifted = keras.Model(ids, keras.layers.Embedding(13, 3, name="words")(ids + 0))
    with pytest.raises(ModelError, match="no Embedding takes the ids of the model unchanged: select .*, from words"):
        tokemb.grow_model(shifted, OLD, NEW)
    assert tokemb.grow_model(shifted, OLD, NEW, embedding=["words"]).get_layer("words").input_dim == 16
    with pytest.raises(ModelError, match="unchanged: the model has no Embedding"):
        tokemb.grow_model(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]), OLD, NEW)
    with pytest.raises(ModelError, match="small has input_dim 12, the vocabulary needs 13: use the vocabulary that"):
        tokemb.grow_model(keras.Model(ids, keras.layers.Embedding(12, 3, name="small")(ids)), OLD, NEW)
    with pytest.raises(ModelError, match=f"made for the vocabulary {OLD.fingerprint[:16]}, this is .* grew from it"):
        tokemb.grow_model(functional(), NEW, NEW.grow(["x"]))
    low_rank = keras.Model(ids, keras.layers.Embedding(13, 3, lora_rank=1, name="low")(ids))
    with pytest.raises(ModelError, match="low has LoRA or is quantized"):
        tokemb.grow_model(low_rank, OLD, NEW)
    lost = tokemb.embedding_model(OLD, 2)
    lost.set_weights([np.full((13, 2), np.nan)])
    with pytest.raises(ModelError, match="the vectors of the model are NaN or infinite"):
        tokemb.grow_model(lost, OLD, NEW)
    with pytest.raises(ModelError, match="model must be a Keras model or the path of a saved one; received int"):
        tokemb.grow_model(3, OLD, NEW)


def test_vocabularies_of_which_one_did_not_grow_from_the_other():
    for other in (tokemb.fit_vocab(["one two"]), tokemb.fit_vocab([WORDS + " aardvark"])):
        with pytest.raises(ArgumentError, match="new must be a vocabulary that grew from old"):
            tokemb.grow_model(functional(), OLD, other)


# Keras' own, which its module's filter misses once pytest.warns has seen it
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_what_is_as_long_as_the_vocabulary_is_said_and_stays():
    ids = keras.Input((None,), dtype="int32")
    pooled = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(13, 3)(ids))
    model = keras.Model(ids, keras.layers.Dense(13, name="next")(pooled))
    with pytest.warns(UserWarning, match=r"next/kernel \(3, 13\), next/bias \(13,\), output \(None, 13\);"):
        grown = tokemb.grow_model(model, OLD, NEW)
    np.testing.assert_array_equal(predict(grown), predict(model))
    # An extra row of the Embedding counts too.
    wide = keras.Model(ids, keras.layers.Dense(14, name="next")(keras.layers.Embedding(14, 3)(ids)))
    with pytest.warns(UserWarning, match=r"next/kernel \(3, 14\)"):
        assert tokemb.grow_model(wide, OLD, NEW).output_shape == (None, None, 14)


def test_a_users_own_layers():
    @keras.saving.register_keras_serializable("tokemb_tests")
    class Tied(keras.Model):
        """Gives the ids again: the output has the weights of the Embedding, and its own copy of that reference."""

        def __init__(self, keep=False, input_dim=13, **settings):
            super().__init__(**settings)
            self.keep = keep
            self.words = keras.layers.Embedding(input_dim, 3)
            self.other = keras.layers.Layer()

        def build(self, shape):
            self.words.build(shape)
            if self.keep:
                self.other._track_variable(self.words.embeddings)
            self.built = True

        def call(self, ids):
            return keras.ops.matmul(self.words(ids), keras.ops.transpose(self.words.embeddings))

        def get_config(self):
            return {"keep": self.keep, "input_dim": self.words.input_dim}

    model = Tied()
    predict(model)
    grown = tokemb.grow_model(model, OLD, NEW)
    assert predict(grown).shape == (4, 12, 16)
    np.testing.assert_allclose(predict(grown)[..., :13], predict(model), rtol=1e-5)
    tied = Tied(keep=True)
    predict(tied)
    with pytest.raises(ModelError, match="the weights of embedding.* are shared with another layer"):
        tokemb.grow_model(tied, OLD, NEW)

    class Unknown(keras.layers.Layer):
        pass

    with pytest.raises(ModelError, match="Keras cannot copy the model: Could not locate class 'Unknown'"):
        tokemb.grow_model(keras.Sequential([inner(), Unknown()]), OLD, NEW)


@keras.saving.register_keras_serializable("tokemb_tests")
class OfFixedSize(keras.Model):
    """A model whose config holds the size that it was made with."""

    def __init__(self, vocab_size, **settings):
        super().__init__(**settings)
        self.vocab_size = vocab_size
        self.words = keras.layers.Embedding(vocab_size, 3)
        self.pool = keras.layers.GlobalAveragePooling1D()

    def call(self, ids):
        return self.pool(self.words(ids))

    def get_config(self):
        return {"vocab_size": self.vocab_size}


@pytest.mark.any_message  # it quotes Keras
def test_a_grown_model_that_could_not_be_loaded_again_is_refused(tmp_path):
    model = OfFixedSize(13)
    predict(model)
    with pytest.raises(
        ModelError, match=r"the grown model cannot be loaded again.*return the current size .*get_config"
    ):
        tokemb.grow_model(model, OLD, NEW)
    OLD.save(tmp_path / "v")
    model.save(tmp_path / "m.keras")
    (tmp_path / "new.txt").write_text("twelve\n")
    grow = "grow new.txt --vocab v -o w --model m.keras --grown-model g.keras".split()
    assert "cannot be loaded again" in run(*grow, cwd=tmp_path, code=1)[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.keras", "new.txt", "v"]


def test_the_command_loads_what_it_wrote_before_it_keeps_it(tmp_path, monkeypatch):
    OLD.save(tmp_path / "v")
    functional().save(tmp_path / "m.keras")
    (tmp_path / "new.txt").write_text("twelve\n")
    monkeypatch.setattr("keras.Model.save", lambda _, path: path.write_bytes(b"cut"))
    grow = "grow new.txt --vocab v -o w --model m.keras --grown-model g.keras".split()
    assert "the grown model cannot be loaded again" in run(*grow, cwd=tmp_path, code=1)[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.keras", "new.txt", "v"]


@pytest.mark.parametrize("make", [functional, lambda: token_and_position(13)])
def test_a_layer_of_the_users_around_the_embedding_grows(make, tmp_path):
    model = make()
    grown = tokemb.grow_model(model, OLD, NEW, seed=0)
    np.testing.assert_array_equal(predict(grown, IDS[:, :4]), predict(model, IDS[:, :4]))
    again, new_tokens = saved_and_loaded(grown, tmp_path / "grown.keras"), np.array([[13, 14, 15, 1]])
    np.testing.assert_array_equal(predict(again, new_tokens), predict(grown, new_tokens))
    assert tokemb.check(NEW, tmp_path / "grown.keras", new_tokens) == []


def test_an_output_of_tied_weights_grows_with_the_embedding(tmp_path):
    ids = keras.Input((None,), dtype="int32")
    words = keras.layers.ReversibleEmbedding(13, 3)
    model = keras.Model(ids, words(words(ids), reverse=True))
    grown = tokemb.grow_model(model, OLD, NEW, seed=0)
    assert grown.output_shape == (None, None, 16)
    assert predict(grown).shape == (4, 12, 16)
    np.testing.assert_allclose(predict(grown)[..., :13], predict(model), rtol=1e-6)
    assert predict(saved_and_loaded(grown, tmp_path / "grown.keras")).shape == (4, 12, 16)
    untied = keras.layers.ReversibleEmbedding(13, 3, tie_weights=False)
    with pytest.raises(ModelError, match="is a ReversibleEmbedding"):
        tokemb.grow_model(keras.Model(ids, untied(untied(ids), reverse=True)), OLD, NEW)


# The command


def run(*arguments, cwd, code=0):
    done = command_here(*arguments, cwd=cwd)
    assert (done.returncode, done.stdout) == (code, b""), done.stderr.decode()
    return done.stderr.decode().splitlines()


def test_the_command(tmp_path):
    OLD.save(tmp_path / "v")
    model = trained(functional(), run_eagerly=True)
    model.save(tmp_path / "m.keras")
    (tmp_path / "new.txt").write_text("twelve thirteen fourteen one\n")
    grow = "grow new.txt --vocab v -o w --model m.keras --grown-model g.keras".split()
    notes = run(*grow, cwd=tmp_path)
    assert notes[-3:] == ["wrote      w", "wrote      g.keras", "next       tokemb check --vocab w --model g.keras"]
    grown = keras.models.load_model(tmp_path / "g.keras")
    expected = tokemb.grow_model(model, OLD, NEW, seed=0)
    for mine, theirs in zip(grown.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert int(grown.optimizer.iterations) == 2
    assert tokemb.check(tokemb.Encoder.load(tmp_path / "w"), grown) == []
    # In place, and without what it was compiled with.
    grow = "grow new.txt --vocab v -o v --model m.keras --grown-model m.keras --no-compile --seed 1".split()
    run(*grow, "--force", cwd=tmp_path)
    again = keras.models.load_model(tmp_path / "m.keras")
    assert not again.compiled
    assert not np.array_equal(embedding_of(again).get_weights()[0], embedding_of(grown).get_weights()[0])


@pytest.mark.any_message  # it quotes Keras
def test_the_command_with_a_loss_of_the_users_own_and_an_output_over_the_vocabulary(tmp_path):
    def own_loss(y_true, y_pred):
        return keras.ops.mean(y_pred)

    OLD.save(tmp_path / "v")
    (tmp_path / "new.txt").write_text("twelve\n")
    model = keras.Sequential([inner(), keras.layers.Dense(13, name="next")])
    model.compile("adam", own_loss)
    model.save(tmp_path / "m.keras")
    grow = "grow new.txt --vocab v -o w --model m.keras --grown-model g.keras".split()
    notes = run(*grow, cwd=tmp_path, code=1)
    assert notes[-1].startswith("Error: Keras cannot load m.keras")
    assert notes[-1].endswith("to grow it without them, load it with --no-compile")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.keras", "new.txt", "v"]
    notes = run(*grow, "--no-compile", "--embedding", "token_embedding", cwd=tmp_path)
    (warning,) = [note for note in notes if note.startswith("warning")]
    assert warning.startswith("warning    only Embedding layers grow; these are as long as the vocabulary and are unch")
    assert "are unchanged: next/kernel (3, 13)" in warning


@pytest.mark.parametrize("settings", [{"num_oov_buckets": 3, "min_count": 2}, {"hash_buckets": 12}])
def test_token_that_leaves_its_bucket_starts_with_the_vector_of_the_bucket(settings, tmp_path):
    old = tokemb.fit_vocab([WORDS, "one two three four five"], **settings)
    texts = ["one three twelve", "", "four eleven two"]
    model = functional(inner(encoder=old))
    new = old.grow(["three three eleven twelve"])
    assert new.buckets == old.buckets
    assert new.buckets.statistics is None
    grown = tokemb.grow_model(model, old, new)
    before, after = old.encode(texts, maxlen=4), new.encode(texts, maxlen=4)
    assert (after >= old.input_dim).sum() >= 2
    assert not (before >= old.input_dim).any()
    assert (predict(grown, after) == predict(model, before)).all()
    assert embedding_of(grown).input_dim == new.input_dim
    new.save(tmp_path / "v")
    assert (tokemb.Encoder.load(tmp_path / "v").encode(texts, maxlen=4) == after).all()


@pytest.mark.parametrize("settings", [{"maxlen": 2}, {"start": "[S]", "end": "[E]"}, {"segmenter": "jieba"}])
def test_token_leaves_its_bucket_whatever_rows_the_vocabulary_makes_of_texts(settings):
    if "segmenter" in settings:
        pytest.importorskip("jieba")
    old = tokemb.fit_vocab(["one two 深度"], num_oov_buckets=3, **settings)
    new = old.grow(["three four 学习 five"])
    assert new.vocabulary[old.input_dim :]
    before, after = (embedding_of(model).get_weights()[0] for model in grown_pair(old, new))
    for index, token in enumerate(new.vocabulary[old.input_dim :], old.input_dim):
        bucket = tokemb.Encoder.hashing(4, profile="whitespace").encode([token])[0, 0]  # ids 1 to 3 are the buckets
        assert (after[index] == before[bucket]).all()


def grown_pair(old, new):
    model = inner(encoder=old)
    return model, tokemb.grow_model(model, old, new)


def test_vocabulary_with_other_buckets_did_not_grow_from_the_old_one():
    old = tokemb.fit_vocab([WORDS], num_oov_buckets=3)
    other = tokemb.fit_vocab([WORDS], num_oov_buckets=3, salt=1).grow(["twelve"])
    with pytest.raises(ArgumentError, match="new must be a vocabulary that grew from old"):
        tokemb.grow_model(inner(encoder=old), old, other)
