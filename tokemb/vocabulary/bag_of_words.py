"""Bags of words: the number of occurrences of each id in each row, as a sparse SciPy matrix.

SciPy is an optional dependency, and only this module imports it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from tokemb._arrays import Float32
from tokemb._validation import check_choice
from tokemb.errors import ArgumentError, MissingPackageError
from tokemb.rows.corpus_statistics import CorpusStatistics
from tokemb.rows.ragged import Ragged
from tokemb.vocabulary.vocabulary import Vocabulary

try:
    from scipy.sparse import csr_matrix, vstack
except ImportError as error:
    raise MissingPackageError("bags of words require SciPy: pip install tokemb[scipy]") from error

MODES = ("multi_hot", "count", "tf_idf")


def bags_of_words(encoder: Vocabulary, parts: Iterable[Ragged], mode: str) -> csr_matrix:
    """Count the ids of each row of ``parts``, weighted according to ``mode``. See ``Encoder.vectorize``."""
    check_choice("mode", mode, MODES)
    weights = None
    if mode == "tf_idf":  # first, since it may raise
        weights = inverse_document_frequencies(encoder.table, encoder.corpus, encoder.oov_ids)
    matrix = count_matrix(parts, encoder.input_dim)
    if mode == "multi_hot":
        matrix.data[:] = 1
    elif weights is not None:
        matrix.data *= weights[matrix.indices]
    return matrix


def count_matrix(parts: Iterable[Ragged], input_dim: int) -> csr_matrix:
    """Count the ids of each row of ``parts``.

    Args:
        parts: Rows of ids from 0 to ``input_dim - 1``.
        input_dim: The number of columns.

    Returns:
        float32 matrix ``(rows, input_dim)`` with the rows of all parts in order. The indices of a row ascend and are
        distinct.

    Example:
        >>> count_matrix([Ragged.from_rows([[2, 1, 2], []]), Ragged.from_rows([[3]])], 4).toarray()
        array([[0., 1., 2., 0.],
               [0., 0., 0., 0.],
               [0., 0., 0., 1.]], dtype=float32)
    """
    matrices = [csr_matrix((0, input_dim), dtype=np.float32)]
    for rows in parts:
        ones = np.ones(len(rows.values), np.float32)
        # SciPy sorts and adds in place, so that the ids are copied. It takes 30 ns per id, and a Numba kernel 20.
        matrix = csr_matrix((ones, rows.values.copy(), rows.row_splits), shape=(len(rows), input_dim))
        matrix.sum_duplicates()
        matrices.append(matrix)
    return vstack(matrices, format="csr")


def inverse_document_frequencies(table: pa.Table, corpus: CorpusStatistics | None, oov_ids: range) -> Float32:
    """Return the weight of each id in the mode ``tf_idf``, as in Keras: log(1 + rows / (1 + documents)).

    The documents of OOV ids are not counted, so that they get the mean weight. A reserved token that does not occur
    has 0 documents.

    Args:
        table: ``Encoder.table``.
        corpus: ``Encoder.corpus``.
        oov_ids: ``Encoder.oov_ids``.

    Returns:
        float32 array ``(input_dim,)``.

    Raises:
        ArgumentError: If the vocabulary has no document counts.
    """
    documents = table["documents"].combine_chunks()
    if corpus is None or documents.null_count == len(documents):
        raise ArgumentError(
            "mode='tf_idf' requires document counts, which subword, hashed and foreign vocabularies do not have: use "
            "mode='count' with scikit-learn's TfidfTransformer, or fit a word vocabulary with tokemb.fit_vocab"
        )
    weights = np.log(1 + corpus.rows / (1 + documents.fill_null(0).to_numpy()))
    if len(oov_ids):
        weights[oov_ids] = weights[documents.is_valid().to_numpy(zero_copy_only=False)].mean()
    return weights.astype(np.float32)
