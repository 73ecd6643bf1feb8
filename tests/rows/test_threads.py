"""Work that is done while the next is made."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import tokemb
from tokemb.rows.threads import in_background, map_batches, parallel_map, prefetch_each, prefetch_map


@pytest.mark.parametrize("items", [0, 1, 2, 3, 50])
@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_results_are_in_order_and_threads_are_shared(items, threads):
    results = map_batches(lambda item, inner: (item, inner), iter(range(items)), threads)
    inner = threads if items < 2 else max((threads + 1) // 2, 1)
    assert results == [(item, inner) for item in range(items)]


def test_one_item_and_one_thread_start_no_thread():
    def here(item, inner):
        return threading.current_thread()

    main = {threading.current_thread()}
    assert set(map_batches(here, [1], 4)) == set(map_batches(here, [1, 2, 3], 1)) == main
    assert not set(map_batches(here, [1, 2, 3], 2)) & main
    called = []
    for items, threads in (([1], 4), ([1, 2, 3], 1)):
        prefetch_each(lambda item: called.append((item, threading.current_thread())), items, threads)
    assert [item for item, _ in called] == [1, 1, 2, 3] and {thread for _, thread in called} == main


def test_each_item_is_processed_in_order_and_an_error_is_raised():
    called = []
    prefetch_each(called.append, iter(range(50)), 2)
    assert called == list(range(50))
    with pytest.raises(ZeroDivisionError):
        prefetch_each(lambda item: 1 // item, [1, 0, 1], 2)


def test_the_next_item_is_made_meanwhile():
    made = threading.Event()

    def items():
        yield 0
        yield 1
        made.set()  # the first two wait for it
        yield 2

    assert list(prefetch_map(lambda item: made.wait(30), items(), 2)) == [True] * 3


def test_only_one_item_more_than_workers_is_made_ahead():
    made = []

    def items():
        for item in range(10):
            made.append(item)
            yield item

    results = prefetch_map(lambda item: item, items(), 2)
    next(results)
    assert len(made) == 3
    results.close()
    assert len(made) == 3


def test_in_background_calls_in_another_thread_and_ignores_errors(recwarn):
    called = threading.Event()

    def fail():
        called.set()
        raise KeyError(threading.current_thread() is threading.main_thread())

    before = threading.active_count()
    in_background(fail)
    assert called.wait(10)
    while threading.active_count() > before:
        pass
    assert not recwarn.list  # pytest warns of errors in threads


def test_errors_come_out():
    def fail(item, inner):
        if item == 3:
            raise KeyError(item)

    with pytest.raises(KeyError, match="3"):
        map_batches(fail, range(10), 2)

    def broken():
        yield from range(3)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        map_batches(lambda item, inner: item, broken(), 2)


@pytest.mark.parametrize("profile", ["words", "keras"])
def test_batches_at_once_give_the_same_ids(monkeypatch, profile):
    texts = [f"word{number % 97} of row {number} ΑΣ" for number in range(5000)]
    encoder = tokemb.fit_vocab(texts, profile=profile, max_size=400)
    expected = encoder.encode(texts, maxlen=4, threads=1), encoder.encode_ragged(texts, threads=1)
    monkeypatch.setattr("tokemb.sources.texts.BATCH_BYTES", 3000)
    for given in (texts, tuple(texts), np.array(texts)):
        np.testing.assert_array_equal(encoder.encode(given, maxlen=4, threads=3), expected[0])
        np.testing.assert_array_equal(encoder.encode(iter(given), maxlen=4, threads=2), expected[0])
        rows = encoder.encode_ragged(given, threads=2)
        np.testing.assert_array_equal(rows.values, expected[1].values)
        np.testing.assert_array_equal(rows.row_splits, expected[1].row_splits)


def test_parallel_map_calls_the_function_in_the_calling_thread_and_in_others():
    def named(number):
        return number, threading.current_thread() is threading.main_thread()

    assert parallel_map(named, [(1,), (2,), (3,)]) == [(1, True), (2, False), (3, False)]
