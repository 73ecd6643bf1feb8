"""Test files of word vectors."""

from __future__ import annotations

from tokemb.training.word_tests import WordTests


def test_files_of_one_name_in_two_folders_are_both_tested(tmp_path):
    paths = [tmp_path / name for name in ("a/pairs.txt", "b/pairs.txt", "others.txt")]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text("old ancient 9\n")
    assert list(WordTests.read(paths, []).similarities) == [str(paths[0]), str(paths[1]), "others"]
