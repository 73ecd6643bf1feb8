"""The arguments of the kernels: named tuples of arrays, and the constants in them."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from tokemb._arrays import Float32, Float64, Int32, Int64, UInt8, UInt32, UInt64

# Arrays of two axes: the number tells ``tokemb compile`` what to compile the kernels for.
UInt8Matrix = Annotated[UInt8, 2]
Int32Matrix = Annotated[Int32, 2]
UInt64Matrix = Annotated[UInt64, 2]
Int64Matrix = Annotated[Int64, 2]
Float32Matrix = Annotated[Float32, 2]
Float64Matrix = Annotated[Float64, 2]

# The number of bytes that are processed at once.
WIDTH = 64

# Characters are looked up in pages of 256.
CODES = 0x110000
PAGE = 256
PAGES = CODES // PAGE

# The class of a character is one byte of flags and a run number. KEPT: the character is part of a pre-token. ALONE: the
# character is a pre-token of its own. The RUN_BITS number the runs: two neighbours with the same number are in one
# pre-token. JOINS: the character is part of a pre-token between two characters of its run, and separates otherwise.
# Without flags, the character separates.
KEPT, ALONE, JOINS = 0x01, 0x02, 0x40
RUN_SHIFT, RUN_BITS = 2, 0x3C
# Values in place of a class. TAIL: a byte that continues a character. SPECIAL: in ``ranges``, a byte that does not
# become exactly one byte.
TAIL = SPECIAL = 0x80
MAX_RUNS = (RUN_BITS >> RUN_SHIFT) + 1
# The maximum number of characters that the normalizer makes of one. The kernels have room for as many pre-tokens.
MAX_CHARACTERS = 32

# Flags of a character. NEEDS_REFERENCE: the reference must encode a row with it. BEGINS_TOKEN: an added token begins
# with it. UNCHANGED: normalization does not change it.
NEEDS_REFERENCE, BEGINS_TOKEN, UNCHANGED = 0x01, 0x02, 0x04

# The status of a row after a scan. NEEDS_PAGE and NEEDS_PRETOKEN: it must be scanned again with a larger table.
DONE, NEEDS_PAGE, NEEDS_PRETOKEN, LEFT_TO_REFERENCE = 0, 1, 2, 3
# The memory for recorded pre-tokens is full: this row and all further ones must be scanned again.
SCAN_FULL = 4

# The pre-tokens and the bytes of normalized text in one chunk. The slots stay in the fastest cache of the processor
# from their prefetch until they are read.
CHUNK = 256
# The number of positions of pre-tokens that are written at once.
POSITIONS_AT_ONCE = 8
# One step may exceed CHUNK by the pre-tokens of WIDTH bytes, unused positions and the pre-tokens of one character.
MAX_PRETOKENS = CHUNK + WIDTH + POSITIONS_AT_ONCE + MAX_CHARACTERS
CHUNK_BYTES = 1 << 14

# Values of ``on_miss`` for a pre-token that is not in the table, besides an id. MISS_TO_REFERENCE: its row is left to
# the reference. RECORD_MISS: it is recorded, and its row must be scanned again. RECORD_MISS_IN_PLACE: it is recorded,
# and minus its number, counted from 1, takes the place of its id.
MISS_TO_REFERENCE, RECORD_MISS, RECORD_MISS_IN_PLACE = -1, -2, -3

# The number of bytes that may be read beyond the end of a pre-token.
SLACK = 64
# A slot has four words: two for the key, the number of the pre-token + 1 (0 if the slot is free), and the packed ids.
SLOT = 4

# A state of an automaton has one transition for each ASCII character, for each class of other characters, and in the
# last column for the end of the text. The second state is that of a text without a match.
AUTOMATON_COLUMNS, AUTOMATON_ASCII, AUTOMATON_UNMATCHED = 256, 128, 1
# The flags of a transition. BOUNDARY: a pre-token or another text ends before the character, and the next one begins.
# KEPT: it is a pre-token. MATCH: a match ends before the character. REWIND: the search must go back to the end of the
# last match, or to the beginning, and KEPT then tells whether matches are pre-tokens.
AUTOMATON_KEPT, AUTOMATON_BOUNDARY, AUTOMATON_MATCH, AUTOMATON_REWIND = 1, 2, 4, 8

# A transition of a state with two characters, each of one of 2**PAIR_CLASS_BITS classes. The upper bits are the first
# pair transition of the next state. The lower ones are PAIR_KEPT, 1 if a pre-token ends before the first character, and
# above it the same bit for the second one. PAIR_SINGLY: the characters must be taken one by one.
PAIR_KEPT, PAIR_SINGLY, PAIR_STATE_SHIFT = 1, 4, 3
PAIR_CLASS_BITS = 5

# How ``scan_patterns`` normalizes text: not at all, with the table of characters, or not unless composition (NFC) might
# change it. Such rows are left to the reference.
UNNORMALIZED, NORMALIZED_BY_TABLE, UNLESS_COMPOSED = 0, 1, 2
# Composition does not change a character without one of these flags. COMPOSED_MARK: it may swap the character with
# another one that has the flag. COMPOSED: it may change the character in other ways.
COMPOSED_MARK, COMPOSED = 1, 2

# NumPy sums vectors in LANES partial sums. DEPTH halvings are more than 2**31 vectors need.
LANES = 8
DEPTH = 32

# The Chinese characters of which a dictionary of words and the model for new words consist. NO_WORD: the score of the
# beginning of a word that is not a word itself. The scores of words are logarithms of shares, at most 0.
FIRST_HAN, LAST_HAN = 0x4E00, 0x9FD5
NO_WORD = 1.0

# Skip-gram treats the sigmoid as 0 or 1 beyond SIGMOID_REACH. The tables have SIGMOID_POINTS values in between.
SIGMOID_REACH, SIGMOID_POINTS = 6, 1024


class Table(NamedTuple):
    """The tables of the characters.

    Attributes:
        ranges: uint8 (ranges, 3), lowest byte, number of further bytes, class: bytes that become one byte, themselves
            or plus 32. The class of all other bytes is ``SPECIAL``. Bytes in no range separate.
        folded: uint8 (2,), lowest byte, number of further bytes: the bytes to which 32 is added.
        page_of: int32 (PAGES,), the index of a page of characters in the other arrays, where equal pages are stored
            once. -1 if the page is not in the table yet.
        starts: int32 (pages * PAGE + 1,), the start of each normalized character in ``text`` and ``classes``.
        text: uint8 (total,), the normalized characters in UTF-8. One byte, whose value is not used, stands for a
            character with the flag ``UNCHANGED``.
        classes: uint8 (total,), the class of each byte of ``text``.
        flags: uint8 (pages * PAGE,), the flags of each character.
        tokens: uint8, the added tokens that are matched before normalization, in UTF-8.
        token_starts: int32, their starts.
        normal_tokens: uint8, the added tokens that are matched after normalization, in UTF-8.
        normal_token_starts: int32, their starts.
    """

    ranges: UInt8Matrix
    folded: UInt8
    page_of: Int32
    starts: Int32
    text: UInt8
    classes: UInt8
    flags: UInt8
    tokens: UInt8
    token_starts: Int32
    normal_tokens: UInt8
    normal_token_starts: Int32


class Automata(NamedTuple):
    """The automata of a pre-tokenizer. Each splits the pre-tokens of the one before.

    Attributes:
        flags: uint8 (transitions,), see ``AUTOMATON_KEPT``.
        states: uint32 (transitions,), the first transition of the next state.
        firsts: int64 (automata,), the first transition of each automaton.
        classes: uint8 (automata, 0x110000), the class of each character.
        pairs: uint32 (pair transitions,), see ``PAIR_KEPT``. Each state has one for each pair of ASCII characters.
        pair_firsts: int64 (automata,), the first pair transition of each automaton.
        pair_classes: uint8 (automata, 256), the class of each byte in ``pairs``.
    """

    flags: UInt8
    states: UInt32
    firsts: Int64
    classes: UInt8Matrix
    pairs: UInt32
    pair_firsts: Int64
    pair_classes: UInt8Matrix


class Tokens(NamedTuple):
    """Added tokens.

    Attributes:
        text: uint8, the tokens in UTF-8, sorted.
        starts: int32 (tokens + 1,), their starts in ``text``.
        first_bytes: uint8 (groups,), the bytes with which they begin.
        groups: int32 (groups, 3), for each of these bytes the first token, the token after the last one, and the number
            of bytes with which all of them begin.
    """

    text: UInt8
    starts: Int32
    first_bytes: UInt8
    groups: Int32Matrix


class PatternTables(NamedTuple):
    """The tables of a pre-tokenizer that splits text at the matches of regular expressions.

    Attributes:
        automata: The automata.
        table: The normalized characters.
        normalization: UNNORMALIZED, NORMALIZED_BY_TABLE or UNLESS_COMPOSED.
        composed: uint8 (0x110000,), for ``UNLESS_COMPOSED`` the class of each character, see ``COMPOSED_MARK``.
        adds_space: 1 if a space is added to texts that do not begin with one.
        tokens: The added tokens that are matched before normalization.
        normal_tokens: The added tokens that are matched after normalization.
    """

    automata: Automata
    table: Table
    normalization: int
    composed: UInt8
    adds_space: int
    tokens: Tokens
    normal_tokens: Tokens


class Text(NamedTuple):
    """The buffers of an Arrow string array: ``data`` uint8 (total,), ``offsets`` int64 (texts + 1,)."""

    data: UInt8
    offsets: Int64


class PretokenTable(NamedTuple):
    """A hash table of pre-tokens with open addressing and linear probing.

    Attributes:
        slots: uint64 (slots * SLOT,), where the number of slots is a power of two. The key consists of the bytes of a
            short pre-token and their number, or of two hashes of a longer one. The upper half of the packed ids is the
            number of ids. The lower half is the id if there is one, otherwise the position of the ids in another array.
        text: uint8 (total,), the bytes of all pre-tokens. Pre-token ``i`` is ``text[starts[i]:starts[i + 1]]``.
        starts: int64 (pre-tokens + 1,).
    """

    slots: UInt64
    text: UInt8
    starts: Int64


class WordTables(NamedTuple):
    """A dictionary as a trie, and a hidden Markov model for words that it does not contain.

    The nodes are the beginnings of words, the shortest first. Node 0 is the empty one, and stands for "none" elsewhere.

    Attributes:
        children: int32 (nodes + 1,), the first child of each node. Its children end where those of the next begin.
        characters: int32 (nodes,), the last character of each node. Those of the children of a node ascend.
        scores: float64 (nodes,), the score of each word, or ``NO_WORD``.
        split: uint8 (nodes,), 1 for new words that are split into characters. (0,) if there are none.
        roots: int32 (LAST_HAN + 1,), the node of each character.
        logarithms: float64 (13,): the score of a character that is no word, the probabilities of the four states of a
            first character, and those of the eight transitions, two to each state.
        emissions: float64 (LAST_HAN - FIRST_HAN + 1, 4), the logarithms of the probabilities of each character.
    """

    children: Int32
    characters: Int32
    scores: Float64
    split: UInt8
    roots: Int32
    logarithms: Float64
    emissions: Float64Matrix


class WordWorkspace(NamedTuple):
    """The work space of one thread for ``segment_words``. All but ``begins`` have an entry more than the longest text.

    Attributes:
        codes: int32, the characters of a text.
        positions: int64, their positions in the bytes.
        begins: uint8, 1 for each character that begins a word.
        best: float64, the score of the most probable words from each character on.
        ends: int32, the end of the first of these words.
        states_before: uint8, for each of the four states of a character a bit that tells the state before it.
    """

    codes: Int32
    positions: Int64
    begins: UInt8
    best: Float64
    ends: Int32
    states_before: UInt8


class NgramTables(NamedTuple):
    """The n-grams of a vocabulary, and all n-grams with which they begin.

    Attributes:
        roots: int32 (parts + 1,), the n-gram of each part by itself, or the last n-gram.
        edges: uint64, a ``key_table`` from an n-gram, in the upper half, and the next part to the longer n-gram.
        ids: int32 (n-grams + 1,), the id of each n-gram. The last one stands for all others.
        lengths: int64 (lengths,), the lengths of the n-grams in the order of the ids in a row.
    """

    roots: Int32
    edges: UInt64
    ids: Int32
    lengths: Int64


class NgramHashing(NamedTuple):
    """How n-grams out of vocabulary are hashed.

    Attributes:
        tokens: int32 (total,), the token of each part as an index into ``texts``.
        texts: The distinct tokens. ``SLACK`` bytes after the last one can be read.
        buckets: The number of buckets. With 0, n-grams are not hashed and the other fields are not used.
        key: The key of SipHash, as for ``bucket_of``.
    """

    tokens: Int32
    texts: Text
    buckets: int
    key: UInt64


class NgramWorkspace(NamedTuple):
    """The work space of one thread for ``join_ngrams``, of the size of the longest row.

    Attributes:
        parts: int32, the parts of a row.
        numbers: int32, the n-gram that begins at each of them.
        text: uint8, the tokens of a row with a space after each, and ``SLACK`` bytes. Used for hashing.
        starts: int64, the start of each token in ``text``, and their end. Used for hashing.
    """

    parts: Int32
    numbers: Int32
    text: UInt8
    starts: Int64


class Out(NamedTuple):
    """Where and how ids are written.

    Attributes:
        ids: int32 (total,).
        stride: The length of all rows in ``ids``, or 0 if rows follow each other without padding.
        room: The maximum number of ids per row, without special tokens.
        before: int32, the ids of the special tokens before each row.
        after: int32, the ids of the special tokens after each row.
        pad_id: The id of padding.
        dropped_id: An id that is left out. -1 for none.
    """

    ids: Int32
    stride: int
    room: int
    before: Int32
    after: Int32
    pad_id: int
    dropped_id: int


class Workspace(NamedTuple):
    """The work space of one thread.

    Attributes:
        scratch: uint8, the longest row after normalization and ``SLACK`` bytes.
        starts: int32 (MAX_PRETOKENS,), the starts of pre-tokens in ``scratch``.
        ends: int32 (MAX_PRETOKENS,), their ends.
        keys: uint64 (2 * MAX_PRETOKENS,), their keys.
        slot_positions: uint64 (MAX_PRETOKENS,), their positions in the hash table.
    """

    scratch: UInt8
    starts: Int32
    ends: Int32
    keys: UInt64
    slot_positions: UInt64


class PatternWorkspace(NamedTuple):
    """The work space of one thread for ``scan_patterns``.

    Attributes:
        scratch: uint8, the longest row after normalization, a space and ``SLACK`` bytes.
        starts: int32 (automata + 1, MAX_PRETOKENS), the starts of the pre-tokens of each automaton in ``scratch``.
        ends: int32 (automata + 1, MAX_PRETOKENS), their ends.
        progress: int64 (3, automata + 1), the progress of each automaton.
        keys: uint64 (2 * MAX_PRETOKENS,), the keys of pre-tokens.
        slot_positions: uint64 (MAX_PRETOKENS,), their positions in the hash table.
    """

    scratch: UInt8
    starts: Int32Matrix
    ends: Int32Matrix
    progress: Int64Matrix
    keys: UInt64
    slot_positions: UInt64


class Report(NamedTuple):
    """The results of a scan.

    Attributes:
        lengths: int64 (rows,), the number of ids of each row.
        status: uint8 (rows,), the status of each row.
        requested_pages: uint8 (PAGES,), 1 for pages of characters that must be queried.
        misses: uint8, the bytes of the pre-tokens that are not in the table.
        miss_splits: int64, the starts of these pre-tokens in ``misses``.
    """

    lengths: Int64
    status: UInt8
    requested_pages: UInt8
    misses: UInt8
    miss_splits: Int64
