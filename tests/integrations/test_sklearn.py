from __future__ import annotations

import inspect
import pickle
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import DATA, MIXED, examples, python

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import (
    check_estimator,
    check_get_params_invariance,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
    parametrize_with_checks,
)
from sklearn.utils.validation import validate_data

from tokemb.integrations.sklearn import MODES, EncoderTransformer

pytestmark = pytest.mark.slow

SENTENCES = ["deep learning is very deep", "", "learning is fun", "what is it"]
BAGS = ("multi_hot", "count", "tf_idf")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The vectors of a vocabulary of ``SENTENCES``, as a saved model."""
    path = tmp_path_factory.mktemp("model") / "m.keras"
    tokemb.embedding_model(tokemb.fit_vocab(SENTENCES), 3, seed=1).save(path)
    return path


def transformer(mode, model):
    return EncoderTransformer(mode=mode, embedding=model if mode == "vectors" else None)


def dense(output):
    return output if isinstance(output, np.ndarray) else output.toarray()


def test_reserved_tokens_that_can_be_read_only_once_are_an_error():
    with pytest.raises(tokemb.TokembError, match="reserve must be read in each fit; received generator: pass a list"):
        EncoderTransformer(reserve=(token for token in ["[A]"])).fit(SENTENCES)


# scikit-learn has no checks for transformers of texts: all are for rows of numbers. So rows of numbers become texts.


class OfNumbers(EncoderTransformer):
    def fit(self, X, y=None):  # noqa: N803
        return super().fit(self._texts(X, reset=True), y)

    def transform(self, X):  # noqa: N803
        self._check_fitted()
        return super().transform(self._texts(X, reset=False))

    def _check_fitted(self):
        if not hasattr(self, "encoder_"):
            raise NotFittedError("fit it first")

    def _texts(self, X, reset):  # noqa: N803
        rows = validate_data(self, X, reset=reset, dtype=np.float64)
        return [" ".join(f"{number:.0f}".replace("-", "m") for number in row) for row in rows]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = False, True
        return tags


@parametrize_with_checks(
    [OfNumbers(), OfNumbers(mode="tf_idf", max_size=5), OfNumbers(mode="ids"), OfNumbers(mode="count", profile="chars")]
)
def test_scikit_learn_checks_it(estimator, check):
    check(estimator)


@pytest.mark.parametrize("mode", MODES)
def test_the_checks_that_need_no_input(mode, model):
    for check in (
        check_get_params_invariance,
        check_no_attributes_set_in_init,
        check_set_params,
    ):
        check("EncoderTransformer", transformer(mode, str(model)))
    check_parameters_default_constructible("EncoderTransformer", EncoderTransformer())


def test_the_tags_are_those_of_scikit_learn_s_own():
    ours, theirs = get_tags(EncoderTransformer()), get_tags(CountVectorizer())
    assert ours.input_tags == theirs.input_tags
    assert ours.requires_fit
    assert not ours.target_tags.required
    with pytest.warns(match="Can't test estimator"):  # as it says of its own vectorizers
        check_estimator(EncoderTransformer(), on_skip=None)


def test_settings_are_those_of_fit_vocab():
    theirs = inspect.signature(tokemb.fit_vocab).parameters
    ours = inspect.signature(EncoderTransformer).parameters
    assert set(theirs) - set(ours) == {"texts"}
    for name in set(theirs) & set(ours) - {"padding", "truncating"}:  # None is what the vocabulary says
        assert ours[name].default == theirs[name].default


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "profile": st.sampled_from(["words", "keras", "text-vectorization", "chars", "bert"]),
        "max_size": st.integers(1, 9),
        "min_count": st.integers(1, 2),
        "reserve": st.sampled_from([[], ["[BOS]"], ("very", "[A]")]),
    },
)


@given(SETTINGS, st.sampled_from(MODES[:4]), st.none() | st.integers(1, 9), st.sampled_from([None, "pre", "post"]))
@examples(25)
def test_it_does_what_an_encoder_does(told, mode, maxlen, side):
    texts = SENTENCES * 2
    made = EncoderTransformer(mode=mode, maxlen=maxlen, padding=side, truncating=side, **told)
    output = made.fit_transform(texts)
    encoder = tokemb.fit_vocab(texts, **told)
    assert made.encoder_.fingerprint == encoder.fingerprint
    sides = {"padding": side, "truncating": side}
    others = ["deep deep fun", "never seen at all, not one of these many words so far"]
    for given_texts, given_output in ((texts, output), (others, made.transform(others))):
        if mode == "ids":
            width = maxlen or encoder.encode(texts).shape[1]
            expected = encoder.encode(given_texts, maxlen=width, **sides)
            assert given_output.dtype == np.int32
        else:
            expected = encoder.vectorize(given_texts, mode=mode).toarray()
        np.testing.assert_array_equal(dense(given_output), expected)
    assert len(made.get_feature_names_out()) == output.shape[1]


@pytest.mark.parametrize("pooling", ["mean", "sum", "max"])
@pytest.mark.parametrize("maxlen", [None, 2])
def test_vectors(model, pooling, maxlen):
    made = EncoderTransformer(mode="vectors", embedding=model, pooling=pooling, maxlen=maxlen, truncating="pre")
    encoder = tokemb.fit_vocab(SENTENCES)
    rows = encoder.encode_ragged(SENTENCES, maxlen=maxlen, truncating="pre")
    output = made.fit_transform(SENTENCES)
    np.testing.assert_array_equal(output, tokemb.embed(model, rows, pooling=pooling))
    assert output.dtype == np.float32
    assert list(made.get_feature_names_out()) == ["vectors0", "vectors1", "vectors2"]


def test_a_given_encoder_is_kept(tmp_path):
    encoder = tokemb.fit_vocab(["is it deep"], maxlen=2)
    encoder.save(tmp_path / "v")
    for given_encoder in (encoder, tmp_path / "v", str(tmp_path / "v")):
        made = EncoderTransformer(given_encoder, mode="ids").fit(SENTENCES)
        assert (made.encoder_ is encoder) == (given_encoder is encoder)
        np.testing.assert_array_equal(made.transform(SENTENCES), encoder.encode(SENTENCES))
        copied = clone(made).encoder
        assert copied is encoder if given_encoder is encoder else copied == given_encoder
    assert made.set_params(truncating="pre").fit([]).transform(["is it deep"]).tolist() == [[4, 2]]


def test_rows_are_as_long_as_the_vocabulary_or_the_longest_that_was_fitted_says():
    ids = EncoderTransformer(mode="ids")
    assert ids.fit(["a b c", "a"]).transform(["a"]).shape == (1, 3)
    assert ids.transform(["a b c d e"]).shape == (1, 3)
    assert ids.fit(["a b c"]).set_params(encoder=ids.encoder_).fit(["", " "]).transform(["a"]).shape == (1, 1)
    assert list(ids.get_feature_names_out()) == ["ids0"]
    assert ids.set_params(encoder=None, maxlen=2).fit_transform(["a b c"]).tolist() == [[2, 3]]


def test_names_are_the_tokens():
    made = EncoderTransformer(reserve=["[NEW]"], max_size=2).fit(SENTENCES)
    names = made.get_feature_names_out()
    assert (names.dtype, list(names)) == (object, ["[id 0]", "[UNK]", "[NEW]", "is", "deep"])
    many = EncoderTransformer(profile="whitespace").fit(MIXED).get_feature_names_out()
    assert len(set(many)) == len(many)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fitted", [False, True])
def test_pickles_and_clones(mode, model, fitted):
    made = transformer(mode, model)
    expected = dense(clone(made).fit_transform(SENTENCES))
    if fitted:
        made.fit(SENTENCES)
    again = pickle.loads(pickle.dumps(made))
    assert again.get_params() == made.get_params() == clone(made).get_params()
    assert not hasattr(clone(made), "encoder_")
    if not fitted:
        with pytest.raises(NotFittedError):
            again.transform(SENTENCES)
        with pytest.raises(NotFittedError):
            again.get_feature_names_out()
        again.fit(SENTENCES)
    np.testing.assert_array_equal(dense(again.transform(SENTENCES)), expected)


def test_a_model_in_memory_and_what_is_pickled_needs_no_file(tmp_path):
    encoder = tokemb.fit_vocab(SENTENCES)
    model = tokemb.embedding_model(encoder, 2, seed=0)
    expected = tokemb.embed(model, encoder.encode_ragged(SENTENCES), pooling="mean")
    made = clone(EncoderTransformer(encoder, mode="vectors", embedding=model))
    np.testing.assert_array_equal(made.fit_transform(SENTENCES), expected)
    model.save(tmp_path / "m.keras")
    made = EncoderTransformer(encoder, mode="vectors", embedding=tmp_path / "m.keras").fit([])
    content = pickle.dumps(made)
    (tmp_path / "m.keras").unlink()
    np.testing.assert_array_equal(pickle.loads(content).transform(SENTENCES), expected)


def test_another_mode_needs_another_fit(model):
    made = EncoderTransformer(embedding=model).fit(SENTENCES)
    for mode in ("ids", "vectors"):
        with pytest.raises(NotFittedError):
            made.set_params(mode=mode).transform(SENTENCES)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_of_a_frame(library, model):
    frames = pytest.importorskip(library)
    frame = frames.DataFrame({"n": [1, 2, 3, 4], "text": SENTENCES})
    parts = [(mode, transformer(mode, model), "text") for mode in ("ids", "vectors")]
    joined = ColumnTransformer([*parts, ("n", "passthrough", ["n"])]).set_output(transform=library).fit_transform(frame)
    names = [*(f"ids__ids{i}" for i in range(5)), *(f"vectors__vectors{i}" for i in range(3)), "n__n"]
    assert list(joined.columns) == names
    expected = tokemb.fit_vocab(SENTENCES).encode(SENTENCES)
    np.testing.assert_array_equal(joined.to_numpy()[:, :5], expected)
    if library == "pandas":
        alone = transformer("ids", model).set_output(transform="pandas").fit_transform(frame["text"][::-1])
        assert list(alone.index) == [3, 2, 1, 0]
        assert set(alone.dtypes) == {np.dtype("int32")}


def test_bags_beside_other_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"n": [1.0, 2, 3, 4], "title": SENTENCES[::-1], "text": SENTENCES})
    joined = ColumnTransformer(
        [("a", EncoderTransformer(mode="count"), "title"), ("b", EncoderTransformer(mode="count"), "text")],
        remainder="passthrough",
    ).fit(frame)
    matrix = joined.transform(frame)
    encoder = tokemb.fit_vocab(SENTENCES)
    bags = encoder.vectorize(SENTENCES, mode="count").toarray()
    np.testing.assert_array_equal(dense(matrix), np.hstack([bags[::-1], bags, np.arange(1, 5)[:, None]]))
    assert joined.get_feature_names_out()[:3].tolist() == ["a__[id 0]", "a__[UNK]", "a__is"]


def test_a_search_over_settings():
    texts, labels = ["good fine"] * 6 + ["bad poor"] * 6, [1] * 6 + [0] * 6
    grid = {
        "encodertransformer__mode": list(BAGS),
        "encodertransformer__max_size": [1, 4],
        "encodertransformer__profile": ["words", "chars"],
    }
    search = GridSearchCV(make_pipeline(EncoderTransformer(), LogisticRegression()), grid, cv=2, error_score="raise")
    search.fit(texts, labels)
    assert search.best_score_ == 1
    assert search.predict(["good fine", "bad poor"]).tolist() == [1, 0]
    encoder = tokemb.fit_vocab(texts, max_size=4)
    search.set_params(
        estimator__encodertransformer__encoder=encoder, param_grid={"encodertransformer__mode": ["count"]}
    )
    assert search.fit(texts, labels).best_estimator_[0].encoder_ is encoder, "it is not copied"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "binary"}, "mode must be one of multi_hot, count, tf_idf, ids, vectors; received 'binary'"),
        ({"mode": "vectors"}, "mode='vectors' requires a Keras model or the path of a saved one: pass embedding="),
        ({"mode": "vectors", "pooling": "min", "embedding": "m"}, "pooling must be one of mean, sum, max"),
        ({"mode": "tf_idf", "algorithm": "bpe"}, "mode='tf_idf' requires document counts"),
        ({"mode": "vectors", "embedding": "nowhere.keras"}, "there is no model at nowhere.keras"),
        ({"encoder": "nowhere"}, "nowhere"),
        ({"max_size": 0}, "max_size must be an integer of at least 1"),
        ({"mode": "ids", "maxlen": 0}, "maxlen must be an integer of at least 1"),
        ({"encoder": "v", "min_count": 2}, "min_count requires that fit fits a vocabulary, and encoder was passed"),
        ({"encoder": "v", "reserve": ["a"]}, "reserve requires that fit fits a vocabulary"),
        ({"encoder": "v", "algorithm": "bpe"}, "algorithm requires that fit fits a vocabulary"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    made = EncoderTransformer(**settings)  # which says nothing yet, as scikit-learn wants it
    with pytest.raises(tokemb.TokembError, match=message.replace("(", r"\(")):
        made.fit(SENTENCES)


def test_models_of_other_vocabularies(model):
    with pytest.raises(tokemb.TokembError, match="vocabulary"):
        EncoderTransformer(mode="vectors", embedding=model).fit(["other texts"])


@pytest.mark.parametrize("mode", ["ids", "count"])
def test_texts_that_are_none(mode):
    made = EncoderTransformer(mode=mode)
    for wrong in ("one text", np.array([["a"], ["b"]]), iter(["a"]), (text for text in ["a"]), [1, 2]):
        with pytest.raises(TypeError, match=r"texts must be|every row must be"):
            made.fit(wrong)
    with pytest.raises(ValueError, match="is missing"):
        made.fit(["a", None])


def test_without_scikit_learn_the_error_says_what_to_install():
    run = python(
        "import sys; sys.modules['sklearn'] = None\n"
        "try: import tokemb.integrations.sklearn\n"
        "except ImportError as error: print(type(error).__name__, error)"
    )
    assert run.stdout == ("MissingPackageError EncoderTransformer needs scikit-learn: pip install tokemb[sklearn]\n"), (
        run.stderr
    )


def test_bags_need_no_tensorflow():
    run = python(
        "import sys; from tokemb.integrations.sklearn import EncoderTransformer\n"
        "print(EncoderTransformer().fit_transform(['a b']).shape, 'keras' in sys.modules, 'tensorflow' in sys.modules)"
    )
    assert run.stdout == "(1, 4) False False\n", run.stderr


def accuracy(texts, labels, step):
    order = np.random.default_rng(0).permutation(len(texts))
    texts, labels = [texts[i] for i in order], np.array(labels)[order]
    return cross_val_score(make_pipeline(step, LogisticRegression(max_iter=300)), texts, labels, cv=3).mean()


@pytest.mark.skipif(not (DATA / "sms_spam").exists(), reason="needs the corpus")
def test_messages_are_told_from_spam():
    lines = [line.split("\t", 1) for line in (DATA / "sms_spam" / "sms.tsv").read_text("utf-8").splitlines()]
    texts, labels = [text for _, text in lines], [label == "spam" for label, _ in lines]
    score = partial(accuracy, texts, labels)
    theirs = score(CountVectorizer())
    for mode in BAGS:
        assert score(EncoderTransformer(mode=mode, min_count=2)) > max(0.97, theirs - 0.01)


def test_buckets_are_columns_with_names_of_their_own():
    texts = ["a a b", "c a d"]
    bags = EncoderTransformer(mode="count", max_size=1, num_oov_buckets=3)
    counts = bags.fit_transform(texts).toarray()
    assert list(bags.get_feature_names_out()) == ["[id 0]", "[UNK] 1", "[UNK] 2", "[UNK] 3", "a"]
    assert counts[:, 1:4].sum(axis=1).tolist() == [1, 2]
    hashed = EncoderTransformer(mode="ids", hash_buckets=50, salt=3).fit(texts)
    assert (hashed.transform(["b a"]) == tokemb.Encoder.hashing(50, salt=3).encode(["b a"], maxlen=3)).all()
