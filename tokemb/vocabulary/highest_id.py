"""The limit of ids in relation to the number of tokens."""

from __future__ import annotations

from tokemb.errors import VocabularyError

# Vocabularies have gaps where tokens were removed or reserved. Lists and tables have an entry for every id up to the
# highest. Without a limit, a file of one token with a high id would need gigabytes of memory.
_FREE_IDS = 1_000_000
_IDS_PER_TOKEN = 10


def check_highest_id(highest: int, tokens: int, token: str | None = None) -> None:
    """Raise ``VocabularyError`` if an id is far higher than the number of tokens.

    Args:
        highest: The highest id.
        tokens: The number of tokens.
        token: The token with this id, if it is known.
    """
    limit = _FREE_IDS + _IDS_PER_TOKEN * tokens
    if highest > limit:
        owner = "" if token is None else f" of {token!r:.60}"
        raise VocabularyError(
            f"ids in a vocabulary of {tokens:,} tokens must be at most {limit:,}; the id{owner} is {highest:,}"
        )
