"""Loops over bytes and ids, compiled to machine code.

All sources of the machine code are in this folder, and a change of any file here recompiles all kernels. The modules
that are named below are written in Numba's Python and are imported only for compilation. ``structs`` defines the
arguments of the kernels.
"""

from tokemb.kernels.kernel import Kernel

scan = Kernel("scanning", "scan")
scan_patterns = Kernel("pattern_scan", "scan_patterns")
place = Kernel("scanning", "place")
tally = Kernel("scanning", "tally")
insert = Kernel("pretoken_table", "insert")
number_tokens = Kernel("pretoken_table", "number_tokens")
move_slots = Kernel("pretoken_table", "move_slots")
find_all = Kernel("pretoken_table", "find_all")
look_up_tokens = Kernel("token_lookup", "look_up_tokens")
hash_tokens = Kernel("hashing", "hash_tokens")
split_texts = Kernel("patterns", "split_texts")
fill_trie = Kernel("trie", "fill_trie")
find_node = Kernel("trie", "find_node")
copy_edges = Kernel("trie", "copy_edges")
fill_key_table = Kernel("key_table", "fill_key_table")
count_pairs = Kernel("bpe_training", "count_pairs")
index_tokens = Kernel("bpe_training", "index_tokens")
merge_pairs = Kernel("bpe_training", "merge_pairs")
encode_pretokens = Kernel("encode_pretoken", "encode_pretokens")
segment_words = Kernel("dictionary_words", "segment_words")
join_ngrams = Kernel("ngrams", "join_ngrams")
pack_rows = Kernel("rows", "pack_rows")
copy_rows = Kernel("rows", "copy_rows")
fill_runs = Kernel("rows", "fill_runs")
find_rows = Kernel("rows", "find_rows")
count_selected = Kernel("rows", "count_selected")
copy_selected = Kernel("rows", "copy_selected")
frame = Kernel("tfrecord", "frame")
split_lines = Kernel("lines", "split_lines")
count_newlines = Kernel("lines", "count_newlines")
pool_sums = Kernel("pooling", "pool_sums")
pool_maxima = Kernel("pooling", "pool_maxima")
train_skipgram = Kernel("skipgram", "train_skipgram")
train_composed = Kernel("skipgram", "train_composed")
