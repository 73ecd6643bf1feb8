"""Predictions of files in shards."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tokemb.formats.shards import ShardFolder
from tokemb.pipeline.predict import predict_corpus


class BatchSizes:
    """A predictor whose predictions depend on the batch, as the last bits of those of a model do."""

    table_columns, cells, fingerprint, settings, max_rows = None, {}, "f", {}, None
    schema = pa.schema([("prediction", pa.int64()), ("reason", pa.string())])

    def predict_batch(self, batch):
        columns = [pa.array([len(batch)] * len(batch)), pa.nulls(len(batch), pa.string())]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


@pytest.mark.parametrize("kept_shards", [0, 1, 2, 3, 4])
def test_resumed_predictions_are_those_of_an_uninterrupted_run(tmp_path, kept_shards):
    def run():
        batches = [pa.record_batch({"n": range(start, start + size)}) for start, size in ((0, 4), (4, 5), (9, 2))]
        return predict_corpus(BatchSizes(), iter(batches), ShardFolder(tmp_path / "o", {}, 3, ".parquet"), keep=["n"])

    run()
    for shard in sorted((tmp_path / "o").glob("part-*"))[kept_shards:]:
        shard.unlink()
    report = run()
    rows = [row for path in sorted((tmp_path / "o").glob("part-*")) for row in pq.read_table(path).to_pylist()]
    assert [(row["prediction"], row["n"]) for row in rows] == list(
        zip([4] * 4 + [5] * 5 + [2] * 2, range(11), strict=True)
    )
    assert report.rows == (0 if kept_shards == 4 else 11 - 3 * kept_shards)
