"""The map of words in the README: vectors that tokemb learns from the text of the guides.

Usage: python docs/make_map.py       Draw docs/map.png. It needs the extra `plot`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from PIL import Image  # Matplotlib brings it

import tokemb
from tokemb.analysis import word_map, write_picture
from tokemb.training.skipgram import SkipGram, train_skipgram

DOCS = Path(__file__).parent
PICTURE = DOCS / "map.png"

# Pages that are lists of options or of links, and not text.
_LISTS = {"api.md", "changelog.md", "cli.md", "index.md", "results.md"}
_CODE = re.compile(r"```.*?```|``.*?``|`[^`]*`|\]\([^)]*\)", re.DOTALL)
_PIXELS, _COLORS = 1000, 16
_SETTINGS = SkipGram(dim=40, epochs=60, window=6, sample=1e-3, seed=3)


def sentences() -> Iterator[str]:
    """Yield the sentences of the guides, without code and links."""
    for page in sorted(DOCS.glob("*.md")):
        if page.name not in _LISTS:
            yield from re.split(r"[.:?|]\s|\n\n", _CODE.sub(" ", page.read_text("utf-8")))


def main() -> None:
    """Train the vectors and draw the map."""
    texts = list(sentences())
    encoder = tokemb.fit_vocab(texts, min_count=4)
    trained = train_skipgram(texts, encoder, _SETTINGS)
    # Short words are mostly those of grammar, which are near everything.
    words = [token for token in encoder.vocabulary[2:] if len(token) > 4][:150]
    write_picture(word_map(trained.model, encoder, words=words, seed=1), PICTURE, "the guides of tokemb", force=True)
    # A page needs neither the size nor the colours.
    picture = Image.open(PICTURE).convert("RGB").resize((_PIXELS, _PIXELS), Image.Resampling.LANCZOS)
    picture.quantize(_COLORS).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
