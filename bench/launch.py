"""Starts one process and writes down what it cost: REPORT COMMAND….

A process of its own, and a small one: the system counts the memory of the parent to the child's peak, because the
child is a copy of it until its program is loaded.
"""

from __future__ import annotations

import json
import os
import sys
import time

if __name__ == "__main__":
    report, *words = sys.argv[1:]
    started = time.monotonic()
    _, status, usage = os.wait4(os.posix_spawnp(words[0], words, os.environ), 0)
    cost = {
        "cpu": usage.ru_utime + usage.ru_stime,
        "wall": time.monotonic() - started,
        "peak_mb": usage.ru_maxrss / 1024,
    }
    with open(report, "w") as file:  # noqa: PTH123 (pathlib would make this process larger)
        json.dump(cost, file)
    sys.exit(abs(os.waitstatus_to_exitcode(status)))
