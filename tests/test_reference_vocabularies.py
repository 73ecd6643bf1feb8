"""The vocabularies under vocab/: made again by the command in the manifest, they are the same."""

from __future__ import annotations

import json
import shlex

import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT, command_here
from tokemb import Encoder

MANIFEST = json.loads((ROOT / "vocab" / "manifest.json").read_text("utf-8"))

# Written by libraries whose next version may write the same table in other bytes.
NOT_COMPARED = {"sha256", "checksum"}


def test_the_manifest_names_every_vocabulary():
    assert sorted(path.stem for path in (ROOT / "vocab").glob("*.vocab")) == sorted(MANIFEST)
    for name, entry in MANIFEST.items():
        assert set(entry) == {"what", "text", "command", "fingerprint"}
        assert Encoder.load(ROOT / "vocab" / f"{name}.vocab").fingerprint == entry["fingerprint"]


@pytest.mark.parametrize("name", MANIFEST)
def test_made_again_it_is_the_same(tmp_path, name):
    arguments = shlex.split(MANIFEST[name]["command"])[1:]
    arguments[arguments.index("-o") + 1] = str(tmp_path / "made.vocab")
    run = command_here(*arguments, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    made, kept = tmp_path / "made.vocab", ROOT / "vocab" / f"{name}.vocab"
    assert json.loads((made / "tokenizer.json").read_bytes()) == json.loads((kept / "tokenizer.json").read_bytes())
    assert pq.read_table(made / "vocabulary.parquet").equals(pq.read_table(kept / "vocabulary.parquet"))
    contents = [json.loads((folder / "tokemb.json").read_bytes()) for folder in (made, kept)]
    first, second = ({key: value for key, value in c.items() if key not in NOT_COMPARED} for c in contents)
    assert first == second
