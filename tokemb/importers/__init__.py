"""Import of vocabularies of other libraries. Every token keeps its id, so that trained weights stay valid.

``import_vocabulary`` reads a file and returns an ``Encoder``. ``read_foreign`` also returns what was read, and
``verify`` compares the encoder with the original on texts. Nothing in a file is executed.
"""

from tokemb.importers.detect_format import KINDS, import_vocabulary, read_foreign
from tokemb.importers.imported import Imported
from tokemb.importers.verify import Difference, verify

__all__ = ["KINDS", "Difference", "Imported", "import_vocabulary", "read_foreign", "verify"]
