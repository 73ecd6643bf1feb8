"""Detection of strings with lone surrogates, which JSON and pickles can contain."""


def is_unicode(text: str) -> bool:
    """Return whether a text has no lone surrogate, so that UTF-8 can encode it."""
    return text.isascii() or text.encode(errors="ignore").decode() == text
