"""Fit vocabularies, encode and embed on Spark's DataFrames, with the same results as on one machine (docs/spark.md).

This package is the only one that imports Spark, which is an extra. Spark's workers also need tokemb.
"""

from __future__ import annotations

from tokemb.errors import MissingPackageError

try:
    import pandas  # noqa: F401 - Spark requires it for functions on Arrow batches
    import pyspark
except ImportError as error:
    raise MissingPackageError(
        f"tokemb.integrations.spark requires {error.name}, which is not installed: pip install tokemb[spark]"
    ) from error
if pyspark.__version__.split(".")[0] != "4":
    raise MissingPackageError(
        f"tokemb.integrations.spark requires pyspark 4; {pyspark.__version__} is installed: pip install tokemb[spark]"
    )

from tokemb.integrations.spark.counting import count_tokens, fit_vocab
from tokemb.integrations.spark.encoding import embed, encode
from tokemb.integrations.spark.fitting import fit_columns
from tokemb.integrations.spark.tables import encode_table

__all__ = ["count_tokens", "embed", "encode", "encode_table", "fit_columns", "fit_vocab"]
