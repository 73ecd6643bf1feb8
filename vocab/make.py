"""Make the reference vocabularies again, with the commands in ``manifest.json``, and write down their fingerprints."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

from tokemb import Encoder

HERE = Path(__file__).parent
MANIFEST = HERE / "manifest.json"


def main() -> None:
    """Run every command in the root of the repository."""
    manifest = json.loads(MANIFEST.read_text("utf-8"))
    for name, entry in manifest.items():
        subprocess.run(shlex.split(entry["command"]), check=True, cwd=HERE.parent)
        entry["fingerprint"] = Encoder.load(HERE / f"{name}.vocab").fingerprint
    MANIFEST.write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
