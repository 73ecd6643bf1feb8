"""The end of the process of a command."""

import signal
import subprocess
import sys

import pytest

# Run the command with a thread that ends after some seconds, and write what happens at its end.
RUN = """
import atexit, os, sys, threading, time
seconds = float(sys.argv.pop(1))
thread = threading.Thread(target=lambda: (time.sleep(seconds), print("thread", flush=True)))
thread.start()
if not seconds:
    thread.join()
atexit.register(lambda: print("exit function"))
end = os._exit
os._exit = lambda code: (print("at once"), end(code))
from tokemb_cli.__main__ import main
main()
"""


# Run the command, and send a signal to its process when it ends.
RUN_SIGNALLED = """
import atexit, os, sys
number = int(sys.argv.pop(1))
atexit.register(lambda: os.kill(os.getpid(), number))
from tokemb_cli.__main__ import main
main()
"""


def run(seconds, *arguments):
    command = [sys.executable, "-c", RUN, str(seconds), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout.splitlines()


def test_a_command_that_succeeds_ends_at_once_after_the_exit_functions():
    code, said = run(0, "--help")
    assert (code, said[0], said[-2:]) == (0, "thread", ["exit function", "at once"])


def test_a_command_that_succeeds_waits_for_threads():
    code, said = run(0.5, "--help")
    assert (code, said[-2:]) == (0, ["thread", "exit function"])


@pytest.mark.parametrize(("arguments", "expected"), [(["no-command"], 2), (["inspect", "no-file"], 1)])
def test_a_command_that_fails_keeps_its_exit_code(arguments, expected):
    assert run(0, *arguments) == (expected, ["thread", "exit function"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_at_the_end_of_a_command_ends_it_without_a_traceback(name):
    number = getattr(signal, name)
    command = [sys.executable, "-c", RUN_SIGNALLED, str(int(number)), "--version"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (-number, "")
