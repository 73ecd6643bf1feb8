"""Run a command, and print its seconds, CPU seconds and peak memory as JSON.

Usage: python -S -E peak_memory.py COMMAND...
"""

import json
import os
import resource
import subprocess
import sys
import time

start = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, _ = os.wait4(child.pid, 0)
seconds = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
# Kilobytes on Linux, bytes on macOS.
peak = used.ru_maxrss if sys.platform == "darwin" else used.ru_maxrss * 1024
print(json.dumps({"seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime, "bytes": peak}))
sys.exit(os.waitstatus_to_exitcode(status) != 0)
