"""Runs a command that must not outlive whoever started this: `python leash.py COMMAND…`.

The command is killed when standard input closes, which it also does when the process at its other end is killed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading


def main() -> None:
    """Run the command until it ends, or until nobody holds standard input any more."""
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=lambda: os._exit(process.wait()), daemon=True).start()
    sys.stdin.buffer.read()
    process.kill()
    process.wait()


if __name__ == "__main__":
    main()
