from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokemb import TokembError, kernels, read_corpus
from tokemb.sources import lines, texts
from tokemb.sources.text_source import text_batches

# Lines around the number of bytes that are processed at once.
LINE_PARTS = [b"\n", b"\r", b"\r\n", b"x", b"y" * 61, b"z" * 64, "\u4e2d".encode() * 30]


def lines_of(path):
    batches = list(read_corpus(path, format="text"))
    for batch in batches:
        batch.validate(full=True)
    return [line for batch in batches for line in batch["text"].to_pylist()]


def expected_lines(content: bytes) -> list[str]:
    text = content.decode().removeprefix("\ufeff")
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    else:  # only a line that is ended by \n loses its \r
        lines[-1] += "\r" if lines[-1].endswith("\r") else ""
    return [line.removesuffix("\r") for line in lines]


@given(
    st.lists(st.sampled_from(["a", "é", "中", "🙂", "\n", "\r", "\r\n", "\ufeff", "\u2028", "\x85", " "])),
    st.integers(1, 9),
)
def test_lines_whatever_the_block_size(tmp_path_factory, pieces, block):
    content = "".join(pieces).encode()
    path = tmp_path_factory.mktemp("lines") / "text.txt"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "BATCH_BYTES", block)
        assert lines_of(path) == expected_lines(content)


def test_a_byte_order_mark_goes_at_the_start_of_each_file_only(tmp_path):
    for name in "ab":
        (tmp_path / name).write_bytes(b"\xef\xbb\xbfx\n\xef\xbb\xbfy")
    assert lines_of([tmp_path / "a", tmp_path / "b"]) == ["x", "\ufeffy"] * 2


def test_paths_one_or_many_or_a_glob(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(name)
    for paths in (tmp_path / "a", [tmp_path / "a", tmp_path / "b"], sorted(tmp_path.glob("*")), tmp_path.glob("a")):
        assert [row for batch in text_batches(paths) for row in batch.to_pylist()][0] == "a"


@pytest.mark.parametrize("mixed", [["a"], ["text"]])
def test_texts_and_files_do_not_mix(tmp_path, mixed):
    (tmp_path / "a").write_text("a")
    for mixture in ([tmp_path / "a", *mixed], iter([tmp_path / "a", *mixed]), [*mixed, tmp_path / "a"]):
        with pytest.raises(TokembError, match="texts and files cannot be mixed"):
            list(text_batches(mixture))


@pytest.mark.parametrize("block", [1, 3, 1 << 20])
def test_bytes_that_are_not_utf8_are_placed(tmp_path, monkeypatch, block):
    monkeypatch.setattr(texts, "BATCH_BYTES", block)
    path = tmp_path / "bad.txt"
    path.write_bytes(b"\xef\xbb\xbfgood\n\xc3\xa9\nb\xffd\n")
    with pytest.raises(TokembError, match=rf"{path}, line 3: byte 12 \(0xff\) is not UTF-8"):
        lines_of(path)


@pytest.mark.parametrize("bad", [b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80", b"\xe4\xb8"])
def test_surrogates_overlong_and_cut_sequences_are_not_utf8(tmp_path, bad):
    (tmp_path / "bad.txt").write_bytes(b"a\n" + bad)
    with pytest.raises(TokembError, match="line 2: byte 2 "):
        lines_of(tmp_path / "bad.txt")


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        lines_of(tmp_path / "none.txt")


@given(st.binary(max_size=40).map(lambda junk: junk.replace(b"\xff", b"")), st.lists(st.sampled_from(LINE_PARTS)))
def test_compiled_lines_equal_the_lines_of_numpy(start, parts):
    block = start + b"".join(parts)
    offsets, text = lines._split(block)
    compiled_offsets, compiled_text = lines._split_compiled(block)
    assert compiled_offsets.tolist() == offsets.tolist()
    assert compiled_text.to_pybytes() == text.to_pybytes()
    assert kernels.count_newlines(np.frombuffer(block, np.uint8)) == block.count(b"\n")
