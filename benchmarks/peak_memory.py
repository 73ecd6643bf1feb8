"""Run a command, and print its seconds and peak memory as JSON.

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
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
# Kilobytes on Linux, bytes on macOS.
print(json.dumps({"seconds": seconds, "bytes": peak if sys.platform == "darwin" else peak * 1024}))
sys.exit(os.waitstatus_to_exitcode(status) != 0)
