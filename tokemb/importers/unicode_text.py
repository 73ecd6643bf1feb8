"""Which strings are texts: JSON and pickles can hold others."""


def is_unicode(text: str) -> bool:
    """Whether ``text`` has no lone surrogate, and so can be UTF-8."""
    return text.isascii() or text.encode(errors="ignore").decode() == text
