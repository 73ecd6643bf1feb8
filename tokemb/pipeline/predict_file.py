"""Predict files from Python as ``tokemb predict`` does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokemb.pipeline.files import Files, as_list, check_not_an_input, check_one_column, identity_of, target_of
from tokemb.pipeline.predict import PredictionReport, Predictor, predict_corpus
from tokemb.sources.cells import cells_beside
from tokemb.sources.corpus import read_corpus, read_table


def predict_file(
    files: Files,
    predictor: Predictor,
    output: Path | str,
    *,
    keep: Iterable[str] = (),
    rows_per_shard: int | None = None,
    shard_format: str = "parquet",
    force: bool = False,
    **reading: Any,  # noqa: ANN401
) -> PredictionReport:
    """Write the predictions for all rows of files, in constant memory.

    Args:
        files: Names, globs, folders or URLs, as for ``tokemb.read_corpus``.
        predictor: The trained model, for example ``tokemb.load_trained("classifier").predictor(top=3)``.
        output: A file that ends in ``.parquet``, ``.jsonl`` or ``.csv``, or with ``rows_per_shard`` a folder. It
            appears complete or not at all.
        keep: Other columns to copy to the output, such as ids.
        rows_per_shard: The number of rows in each shard. An interrupted run resumes when it is repeated.
        shard_format: The format of shards: ``"parquet"``, ``"jsonl"`` or ``"csv"``.
        force: Whether to replace a read-only file or a file that is not known to hold predictions.
        **reading: Arguments of ``tokemb.read_corpus``, such as ``column``, ``format`` and ``missing``. ``column``
            and ``missing`` do not apply to models of tables, whose folder names the columns.

    Returns:
        The numbers of rows read and written, and of those with a reason.

    Raises:
        ArgumentError: If an argument is invalid, the output would replace an input, or the input has no rows.
        TextError: If the rows are not those of the model.
        OSError: If a file cannot be read or written.
    """
    columns, files = tuple(keep), as_list(files)
    check_not_an_input(files, Path(output), reading)
    target = target_of(Path(output), rows_per_shard, shard_format, lambda: identity_of(files, reading), force)
    if predictor.table_columns is None:
        check_one_column(reading)
        batches = read_corpus(files, keep=columns, **reading)
    else:
        parts = predictor.table_columns
        cells = cells_beside(predictor.cells, columns)
        batches = read_table(
            files, dict.fromkeys([*parts, *columns]), typed=columns, cells=cells, exact=parts, **reading
        )
    return predict_corpus(predictor, batches, target, keep=columns, force=force)
