"""The names of the arrays of encoded rows, as they are in files and DataFrames."""

PAIR_COLUMNS = ("ids", "type_ids", "attention_mask")
"""The names of the arrays of encoded pairs."""

PAIR_STARTS = ("start", "second_start")
"""The names of the positions of the windows of pairs."""

PACKED_COLUMNS = ("ids", "segment_ids", "positions")
"""The names of the arrays of packed rows."""

TARGET_COLUMNS = ("decoder_ids", "next_ids", "weights")
"""The names of the arrays of target texts."""
