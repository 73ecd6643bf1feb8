"""Token counts, their Parquet file, and the vocabularies that are selected from them."""
