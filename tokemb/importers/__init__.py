"""Vocabularies of other libraries, taken over with the ids that they have, so that trained weights stay valid.

``import_vocabulary`` reads a file and gives an ``Encoder``; ``read_foreign`` says beside that what was read, and
``verify`` compares it with the original on texts. Nothing in a file is executed.
"""

from tokemb.importers.detect_format import KINDS, import_vocabulary, read_foreign
from tokemb.importers.imported import Imported
from tokemb.importers.verify import Difference, verify

__all__ = ["KINDS", "Difference", "Imported", "import_vocabulary", "read_foreign", "verify"]
