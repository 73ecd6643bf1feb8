"""The regular expressions of the profiles, as `tokenizers` 0.2x runs them."""

# Scripts written without spaces, and symbols: each character is a token of its own. The script properties do not
# include the prolonged sound mark and the half-width marks, which Unicode shares between the kana. Some emoji are not
# "other symbols" (So): arrows are mathematical signs, and skin tones are modifiers.
ALONE = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\x{30FC}\x{FF70}\x{FF9E}\x{FF9F}"
    r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
    r"\p{So}\p{Extended_Pictographic}\p{Emoji_Modifier}"
)
# A variation selector is a mark that selects how the preceding symbol is drawn. It is not part of a word.
WORD = rf"[[\p{{L}}\p{{M}}\p{{N}}_]&&[^{ALONE}\p{{Variation_Selector}}]]"
# Characters inside a word that are not letters: an apostrophe, and the joiners of Indic and Persian spelling.
JOIN = r"['\x{200C}\x{200D}]"
_WORD_OR_JOINED = rf"{WORD}+(?:{JOIN}{WORD}+)*"
WORDS = rf"[{ALONE}]|{_WORD_OR_JOINED}"
# Punctuation and symbols that are not in ALONE. An underscore is part of words, and an apostrophe outside of words is
# left out, as in WORDS.
PUNCTUATION = rf"[\p{{P}}\p{{S}}&&[^_'{ALONE}]]"
WORDS_AND_PUNCTUATION = rf"[{ALONE}]|{PUNCTUATION}|{_WORD_OR_JOINED}"

# Python's str.lower, which Keras calls, writes a sigma at the end of a word as ς (Unicode, SpecialCasing,
# Final_Sigma). Lowercase maps each character by itself. Otherwise both are equal.
CASE_IGNORABLE = r"\p{Case_Ignorable}"
CASED = r"[\p{Cased}&&[^\p{Case_Ignorable}]]"
FINAL_SIGMA = rf"(?<={CASED}{CASE_IGNORABLE}*)Σ(?!{CASE_IGNORABLE}*{CASED})"
# The default `filters` of the legacy Tokenizer, which it replaces by spaces, and the space at which it splits.
KERAS_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
KERAS_SEPARATORS = r'[!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~\t\n ]+'

# TextVectorization lowercases only A to Z (tf.strings.lower without an encoding), deletes ASCII punctuation, and
# splits at ASCII white space (tf.strings.split without a separator).
ASCII_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ASCII_PUNCTUATION = r'[!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~\x27]'
ASCII_SPACE = r"[ \t\n\x0B\f\r]+"
