"""The verbs on Spark's DataFrames: the same vocabularies and ids, made by a cluster (docs/spark.md).

Spark is imported here and nowhere else; it is an extra. Its workers need tokemb too.
"""

from __future__ import annotations

from tokemb.errors import MissingPackageError

try:
    import pandas  # noqa: F401 - Spark refuses functions on Arrow batches without it
    import pyspark
except ImportError as error:
    raise MissingPackageError(f"Spark needs {error.name}, which is not installed: pip install tokemb[spark]") from error
if pyspark.__version__.split(".")[0] != "4":
    raise MissingPackageError(
        f"tokemb needs pyspark 4, and {pyspark.__version__} is installed: pip install tokemb[spark]"
    )

from tokemb.integrations.spark.counting import count_tokens, fit_vocab
from tokemb.integrations.spark.encoding import embed, encode

__all__ = ["count_tokens", "embed", "encode", "fit_vocab"]
