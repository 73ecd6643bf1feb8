"""One module of the package imports the library ``tokenizers``."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LIBRARY = ROOT / "tokemb" / "vocabulary" / "tokenizers_library.py"


def imports_tokenizers(source):
    """Return whether a module imports ``tokenizers``, at any place."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return any(name == "tokenizers" or name.startswith("tokenizers.") for name in names if name)


def test_only_the_library_module_imports_tokenizers():
    sources = [path for folder in ("tokemb", "cli") for path in (ROOT / folder).rglob("*.py")]
    assert [path for path in sources if imports_tokenizers(path.read_text("utf-8"))] == [LIBRARY]


@pytest.mark.parametrize(
    "statement",
    ["import tokenizers", "from tokenizers import Regex", "def f():\n    from tokenizers.models import BPE"],
)
def test_import_of_tokenizers_is_found_wherever_it_stands(statement):
    assert imports_tokenizers(statement)
    assert not imports_tokenizers("from tokemb.vocabulary.tokenizers_library import Regex")
