"""The generator of docs/compatibility.md, which needs a folder with tokenizers 1.0. A test compares the two."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "compatibility.md"
FOLDER = Path(os.environ.get("TOKEMB_TOKENIZERS_1", ROOT / "build" / "tokenizers-1"))
INSTALL = f"python -m pip install --no-deps --pre --target {FOLDER} 'tokenizers>=1.0.0rc1,<2'"

HEAD = """\
# Compatibility

tokemb is installed with `tokenizers` 0.22 or 0.23, which defines the ids. With 1.0, tokemb can load and save
vocabularies, encode and decode, but neither make nor grow a vocabulary. `docs/make_compatibility.py` generates this
table by running every line with both versions, on the folders in `vocab/`.

With 1.0, the [backend](engine.md) is always `tokenizers` itself, and Python splits the texts of most profiles, so
encoding is slower. A text with a character that Unicode 9 does not assign is an error if its ids could differ between
the versions. Emoji are not affected.

| | 0.2x | 1.0 |
|---|---|---|
"""

# Runs in a process of its own for each version. It prints the result of each line as JSON.
SCRIPT = """
import json, sys, tempfile
from pathlib import Path
import tokemb
texts = (Path("vocab") / "corpus.txt").read_text("utf-8").splitlines()
bert, found = tokemb.Encoder.load("vocab/bert.vocab"), {}
def run(name, function):
    try:
        found[name] = function()
    except Exception as error:
        found[name] = type(error).__name__
def encode(path):
    encoder = tokemb.Encoder.load(path)
    ids = encoder.encode_ragged(texts)
    return [ids.values.tolist(), ids.row_splits.tolist(), encoder.decode(ids)]
for path in sorted(Path("vocab").glob("*.vocab")):
    run(f"load, encode and decode `{path}`", lambda: encode(path))
folder = Path(tempfile.mkdtemp())
run("`Encoder.save`", lambda: [bert.save(folder / "v"), tokemb.Encoder.load(folder / "v").fingerprint])
run("`Encoder.vectorize`", lambda: bert.vectorize(texts).sum().item())
run("`fit_vocab`", lambda: tokemb.fit_vocab(texts).fingerprint)
run("`Encoder.grow`", lambda: bert.grow(texts).fingerprint)
(folder / "words.txt").write_text("a b".replace(" ", chr(10)))
run("`import_vocabulary`", lambda: tokemb.import_vocabulary(folder / "words.txt").fingerprint)
json.dump(found, sys.stdout)
"""


# The error of an operation that needs version 0.2x.
MISSING = "MissingPackageError"


def results(*folders: Path) -> dict[str, object]:
    """Run every line with the packages in ``folders`` before the installed ones."""
    paths = [*map(str, folders), str(ROOT)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, cwd=ROOT)
    if run.returncode:
        raise RuntimeError(run.stderr)
    return json.loads(run.stdout)


def page() -> str:
    """Return the content of docs/compatibility.md."""
    old, new = results(), results(FOLDER)
    lines = []
    for name, expected in old.items():
        if expected == MISSING:
            raise RuntimeError(f"{name} must work with tokenizers 0.2x")
        cell = "yes" if new[name] == expected else "needs 0.2x" if new[name] == MISSING else f"no: {new[name]!s:.40}"
        lines.append(f"| {name} | yes | {cell} |\n")
    return HEAD + "".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
