#!/bin/sh
# The main task on real text: vocabulary, padded ids, embedding model, vectors. Called by `make demo`.
#   demo.sh BIN [TEXT]   BIN: the bin folder of an environment with tokemb; TEXT: a text file, one row per line
set -eu
bin=$1
text=${2:-}
out=build/demo
mkdir -p "$out"

if [ -z "$text" ]; then
    text=$out/topics.txt
    # The Python language reference, which is part of every CPython: half a megabyte of English.
    "$bin/python" -c 'from pydoc_data.topics import topics; print("\n".join(topics.values()))' >"$text"
fi

run() {
    printf '\n$ tokemb'
    printf ' %s' "$@"
    printf '\n'
    "$bin/tokemb" "$@"
}

run fit-vocab "$text" -o "$out/demo.vocab" --max-size 20000
run encode "$text" --vocab "$out/demo.vocab" --maxlen 32 -o "$out/ids.npy"
printf '\nThe first rows with words, as ids and decoded again:\n'
"$bin/python" - "$out" <<'PYTHON'
import sys
from pathlib import Path

import numpy as np

import tokemb

out = Path(sys.argv[1])
ids = np.load(out / "ids.npy", mmap_mode="r")
encoder = tokemb.Encoder.load(out / "demo.vocab")
rows = [row for row in ids[:1000] if row.any()][:3]
for row, text in zip(rows, encoder.decode(rows)):
    print(" ", " ".join(map(str, row[row > 0])))
    print("   ", text)
PYTHON
run init-model --vocab "$out/demo.vocab" --dim 50 -o "$out/demo.keras"
run embed "$out/ids.npy" --model "$out/demo.keras" -o "$out/vectors.npy"
run embed "$text" --vocab "$out/demo.vocab" --model "$out/demo.keras" --pooling mean -o "$out/means.npy"
run inspect "$out/demo.keras"

printf '\nThe same in plain Keras, without tokemb:\n'
TF_CPP_MIN_LOG_LEVEL=3 "$bin/python" - "$out" 2>/dev/null <<'PYTHON'
import sys
from pathlib import Path

import keras
import numpy as np

out = Path(sys.argv[1])
model = keras.models.load_model(out / "demo.keras")
ids = np.load(out / "ids.npy")[:1000]
vectors = np.load(out / "vectors.npy", mmap_mode="r")[:1000]
same = np.array_equal(model.predict(ids, verbose=0), vectors)
print(f"  keras.models.load_model(...).predict(ids) gives {'the same bits' if same else 'DIFFERENT BITS'}: {vectors.shape}")
sys.exit(not same)
PYTHON
printf '\nAll outputs are in %s.\n' "$out"
