"""Bags of words: how often each id occurs in each row, as a SciPy matrix that holds the non-zero numbers alone.

SciPy is imported here and nowhere else; it is an extra.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tokemb._validation import check_choice
from tokemb.errors import ArgumentError, MissingPackageError
from tokemb.rows.corpus_statistics import CorpusStatistics
from tokemb.rows.ragged import Ragged
from tokemb.vocabulary.vocabulary import Vocabulary

try:
    from scipy.sparse import csr_matrix, vstack
except ImportError as error:
    raise MissingPackageError("bags of words need SciPy: pip install tokemb[scipy]") from error

MODES = ("multi_hot", "count", "tf_idf")


def bags_of_words(encoder: Vocabulary, parts: Iterable[Ragged], mode: str) -> csr_matrix:
    """The ids of ``encoder`` in each row of ``parts``, weighted as ``mode`` says; see ``Encoder.vectorize``."""
    check_choice("mode", mode, MODES)
    weights = None
    if mode == "tf_idf":  # before any work
        weights = inverse_document_frequencies(encoder.table, encoder.corpus, encoder.unk_id)
    matrix = count_matrix(parts, encoder.input_dim)
    if mode == "multi_hot":
        matrix.data[:] = 1
    elif weights is not None:
        matrix.data *= weights[matrix.indices]
    return matrix


def count_matrix(parts: Iterable[Ragged], input_dim: int) -> csr_matrix:
    """Count the ids, from 0 to ``input_dim - 1``, of each row of ``parts``.

    Returns float32 (rows, input_dim), the rows of all parts in order; the indices of a row ascend and are distinct.

    >>> count_matrix([Ragged.from_rows([[2, 1, 2], []]), Ragged.from_rows([[3]])], 4).toarray()
    array([[0., 1., 2., 0.],
           [0., 0., 0., 0.],
           [0., 0., 0., 1.]], dtype=float32)
    """
    matrices = [csr_matrix((0, input_dim), dtype=np.float32)]
    for rows in parts:
        ones = np.ones(len(rows.values), np.float32)
        # SciPy sorts and adds in place, so the ids are a copy. It takes some 30 ns an id; a kernel of ours takes 20.
        matrix = csr_matrix((ones, rows.values.copy(), rows.row_splits), shape=(len(rows), input_dim))
        matrix.sum_duplicates()
        matrices.append(matrix)
    return vstack(matrices, format="csr")


def inverse_document_frequencies(
    table: pa.Table, corpus: CorpusStatistics | None, unk_id: int | None
) -> npt.NDArray[np.float32]:
    """The weight of each id in the mode ``tf_idf``, as Keras has it: log(1 + rows / (1 + documents)).

    Out-of-vocabulary, whose documents nobody counted, gets the mean of the tokens; a token that is in no document, one
    that was reserved, counts as in 0. ``table``: ``Encoder.table``. Returns float32 (input_dim,).
    Raises ``ArgumentError`` if the vocabulary does not know the documents of its tokens.
    """
    documents = table["documents"].combine_chunks()
    if corpus is None or documents.null_count == len(documents):
        raise ArgumentError(
            "mode='tf_idf' needs to know how many rows hold each token, which is not known of subwords and foreign "
            "vocabularies: use mode='count' with scikit-learn's TfidfTransformer, or a word model of tokemb.fit_vocab"
        )
    weights = np.log(1 + corpus.rows / (1 + documents.fill_null(0).to_numpy()))
    if unk_id is not None:
        weights[unk_id] = weights[documents.is_valid().to_numpy(zero_copy_only=False)].mean()
    return weights.astype(np.float32)
