"""A process that segments texts. ``processes.py`` starts this file, and sends and receives pickled objects.

It is not a process of ``multiprocessing``: that would either import the script of the user again, or fork a process
that may have threads.
"""

import os
import pickle
import signal
import sys


def main() -> None:
    """Read the import path, the segmenter and its dictionary, then answer lists of texts until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends, and with it the input
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not write into the answers
    sys.path[:], target, user_dictionary = pickle.load(requests)
    from tokemb.errors import TokembError
    from tokemb.vocabulary.segmenters.adapters import open_adapter

    segment = None
    while True:
        try:
            texts = pickle.load(requests)
        except EOFError:
            return
        try:
            segment = segment or open_adapter(target, user_dictionary)
            answer: list[str] | TokembError = segment(texts)
        except TokembError as error:
            answer = error
        pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
        answers.flush()


if __name__ == "__main__":
    main()
