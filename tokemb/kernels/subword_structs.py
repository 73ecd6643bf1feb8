"""The arguments of the kernels that encode pre-tokens: the tables of subword models, and the cache of a thread."""

from __future__ import annotations

from typing import NamedTuple

from tokemb._arrays import Float64, Int32, Int64, UInt8, UInt64
from tokemb.kernels.structs import Int32Matrix, PretokenTable

# The maximum number of bytes of a pre-token. The reference encodes rows with longer ones.
MAX_PRETOKEN_BYTES = 1 << 21

# The items of ``SubwordCache.counts``: the pre-tokens, the words of ``slots`` in use, the ids, and the pre-tokens that
# were encoded again because there was no room for them.
CACHED, SLOT_WORDS, CACHED_IDS, REFUSED = 0, 1, 2, 3


# In an edge of a ``Trie``: a token ends at the child.
ENDS_TOKEN = 1 << 31


class Lookup(NamedTuple):
    """The pre-tokens whose ids are known, and what happens with others.

    Attributes:
        pretokens: The hash table.
        ids: int32 (total,), the ids of the pre-tokens that have more than one.
        on_miss: The id of any other pre-token, or ``MISS_TO_REFERENCE``, ``RECORD_MISS`` or ``RECORD_MISS_IN_PLACE``.
    """

    pretokens: PretokenTable
    ids: Int32
    on_miss: int


class BucketLookup(NamedTuple):
    """The pre-tokens whose ids are known, and the buckets into which others are hashed.

    Attributes:
        pretokens: The hash table.
        ids: int32 (total,), the ids of the pre-tokens that have more than one.
        first_id: The id of the first bucket.
        buckets: The number of buckets.
        key: uint64 (2,), the key of SipHash. FarmHash is used if it is empty.
    """

    pretokens: PretokenTable
    ids: Int32
    first_id: int
    buckets: int
    key: UInt64


class Trie(NamedTuple):
    """A trie over the bytes of tokens, as a hash table of its edges with open addressing and linear probing.

    Attributes:
        edges: uint64 (slots,), where the number of slots is a power of two. The upper half is 256 times the parent,
            plus the byte. The lower half is the child, plus ``ENDS_TOKEN`` if a token ends there. The root is node 1,
            so that a free slot is 0.
        tokens: int32 (nodes,), the id of the token that ends at each node. -1 for none.
    """

    edges: UInt64
    tokens: Int32


class WordPiece(NamedTuple):
    """The tables of a WordPiece model.

    Attributes:
        trie: All tokens.
        continuing: The node of the prefix of tokens that continue a word. 0 if no token has it.
        max_characters: The maximum number of characters of a pre-token. Longer ones are out of vocabulary.
        unk_id: The id of pre-tokens out of vocabulary.
    """

    trie: Trie
    continuing: int
    max_characters: int
    unk_id: int


class Bpe(NamedTuple):
    """The tables of a BPE model.

    Attributes:
        merges: uint64 (2 * slots,), a ``key_table``: a pair of ids to its rank in the upper half and the new id in the
            lower half.
        characters: uint64 (2 * slots,), a ``key_table``: a character, times 4, plus 1 if it is not the first one of the
            pre-token and 2 if it is the last one, to the id of its token. Empty for byte-level models.
        bytes: int32 (4, 256). For byte-level models, the ids of the bytes at these four positions. Otherwise the first
            row contains the ids of the tokens for bytes of characters out of vocabulary. -1 for none.
        whole: The tokens that pre-tokens are compared with before merging. Without tokens if this is not done.
        is_byte_level: 1 if the symbols of the model are bytes, 0 if they are characters.
        unk_id: The id of characters out of vocabulary. -1 if they are left out.
        fuse_unk: 1 if neighbouring characters out of vocabulary become one token.
    """

    merges: UInt64
    characters: UInt64
    bytes: Int32Matrix
    whole: Trie
    is_byte_level: int
    unk_id: int
    fuse_unk: int


class Unigram(NamedTuple):
    """The tables of a Unigram model.

    Attributes:
        trie: All tokens.
        scores: float64 (tokens,), the logarithms of the probabilities, by id.
        unk_score: float64 (1,), the score of a character out of vocabulary.
        unk_id: Its id.
        bytes: int32 (256,), the ids of the tokens for bytes of characters out of vocabulary. -1 for none.
    """

    trie: Trie
    scores: Float64
    unk_score: Float64
    unk_id: int
    bytes: Int32


class Affix(NamedTuple):
    """How a pre-token changes before it is encoded.

    Attributes:
        prefix: uint8, the bytes that are put before a pre-token that does not begin with them. Empty for none.
        marker: uint8, the bytes that replace spaces, and before which pre-tokens are split. Empty for none.
        splits: 1 if pre-tokens are split before ``marker``.
    """

    prefix: UInt8
    marker: UInt8
    splits: int


class SubwordCache(NamedTuple):
    """The pre-tokens that a thread has encoded, a hash table as ``PretokenTable``. The kernels add pre-tokens to it.

    Attributes:
        slots: uint64, tables of growing sizes. The table in use has as many words as there are words before it.
        text: uint8, the bytes of the pre-tokens.
        starts: int64, the starts of the pre-tokens in ``text``.
        ids: int32, the ids of the pre-tokens that have more than one.
        counts: int64 (4,), see ``CACHED``.
    """

    slots: UInt64
    text: UInt8
    starts: Int64
    ids: Int32
    counts: Int64


class SubwordWorkspace(NamedTuple):
    """The work space of a thread for one pre-token.

    Attributes:
        text: uint8 (MAX_PRETOKEN_BYTES + spare,), the changed pre-token.
        ids: int32, the ids of the pre-token.
        symbols: int32 (3 * symbols,), the symbols of the pre-token and their neighbours, or the starts of tokens.
        queue: uint64, the merges of the pre-token.
        scores: float64, the scores of the best tokens up to each byte.
    """

    text: UInt8
    ids: Int32
    symbols: Int32
    queue: UInt64
    scores: Float64


class SubwordEncoder(NamedTuple):
    """A subword model and the memory of a thread.

    Attributes:
        model: The tables of the model.
        affix: How a pre-token changes before it is encoded.
        cache: The pre-tokens that the thread has encoded.
        workspace: The work space for one pre-token.
    """

    model: WordPiece | Bpe | Unigram
    affix: Affix
    cache: SubwordCache
    workspace: SubwordWorkspace
