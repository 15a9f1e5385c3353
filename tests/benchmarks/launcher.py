"""A small process that starts the measured ones: a JSON line in (command, environment, log), a JSON line out.

Linux counts into a process's peak memory that of the process it was started from. The runner has Arrow and the work
sets in memory; this process has nothing but the standard library's basics, so the peaks are the contestants' own.
"""

from __future__ import annotations

import json
import os
import sys
import time

for line in sys.stdin:
    asked = json.loads(line)
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    redirect = [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    start = time.perf_counter()
    pid = os.posix_spawn(asked["command"][0], asked["command"], asked["environment"], file_actions=redirect)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    os.close(log)
    found = {
        "code": os.waitstatus_to_exitcode(status), "wall": wall, "cpu": usage.ru_utime + usage.ru_stime,
        "rss": usage.ru_maxrss / 1024,
    }  # fmt: skip
    print(json.dumps(found), flush=True)
