"""Words that docs/glossary.md replaces do not return to names, docstrings, messages, help texts or guides."""

import ast
import io
import re
import tokenize

import pytest

from tests.conftest import ROOT

# What a reader who knows Keras, scikit-learn and Arrow stumbles over, and what to write instead.
PHRASES = {
    r"whole numbers?": "integer",
    r"held back": "validation split",
    r"latent factors?": "embedding dimension",
    r"whoever": "users or items",
    r"goes on": "resumes, continues",
    r"anew": "again",
    r"as far as": "a sentence of its own",
    r"a (?:row|token|word|line) a (?:row|line)": "one row per line",
    r"pieces?": "pre-token, subword or chunk",
    r"unknown tokens?": "tokens out of vocabulary",
}
NAMES = {
    "battery": "self_test",
    "young": "unicode_version",
    "high_ids": "token_screen",
    "objection": "reason_unsupported",
    "around_in_place": "insert_special_tokens",
    "scannable": "scan_plan",
    "walked": "ScanResult",
    "code_points": "char_table",
    "known_pieces": "pretoken_cache",
    "many_bytes": "simd",
    "row_shape_of": "PadTruncate",
    "kernels_pay": "worth_kernel",
    "overlapped": "prefetch_map",
    "goes_on": "resume",
    "forget_damaged": "drop_corrupt",
    "left_to_write": "skip_written",
    "every_character": "unicode_table",
    "_again": "_rebuild",
    "_straight": "_can_write_in_place",
    "noted": "misses",
    "told": "options",
    "ours": "a noun",
    "mine": "a noun",
}
OPTIONS = ("--rate", "--validation", "--between", "--answer")

_PHRASE = re.compile(rf"(?<![#\w])(?:{'|'.join(PHRASES)})\b", re.IGNORECASE)
_NAME = re.compile(rf"(?:^|_)(?:{'|'.join(name.strip('_') for name in NAMES)})(?:$|_)", re.IGNORECASE)
_OPTION = re.compile(rf"(?<![\w-])(?:{'|'.join(OPTIONS)})(?![\w-])")

MODULES = sorted(path for folder in ("tokemb", "cli") for path in (ROOT / folder).rglob("*.py"))
GUIDES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def prose(source):
    """Return the strings and comments of a module."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return "\n".join(token.string for token in tokens if token.type in (tokenize.STRING, tokenize.COMMENT))


def names(source):
    """Return the names that a module defines."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_module_has_no_retired_word(path):
    source = path.read_text("utf-8")
    assert _PHRASE.findall(prose(source)) == []
    assert sorted(name for name in names(source) if _NAME.search(name)) == []


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.name)
def test_guide_has_no_retired_word(path):
    text = path.read_text("utf-8")
    if path.name == "glossary.md":  # it names the words that are not used
        return
    assert _PHRASE.findall(text) == []
    assert _OPTION.findall(text) == []


def test_retired_words_are_found():
    source = 'def _again(told):\n    """A row a line, as whole numbers."""\n'
    assert len(_PHRASE.findall(prose(source))) == 2
    assert {name for name in names(source) if _NAME.search(name)} == {"_again", "told"}
