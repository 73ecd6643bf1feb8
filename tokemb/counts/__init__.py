"""Token counts, their Parquet file, and the selection of vocabularies from counts."""
