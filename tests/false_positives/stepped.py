"""`python -m tests.false_positives.stepped run --config FILE`: the daemon, under libfaketime alone.

What it starts has the machine's own clock: this libfaketime fails every `time.sleep` of a Python
whose monotonic clock it leaves alone. The daemon never sleeps so; its listener does, and what that
makes of a stepped clock is tested with it (tests/heartbeat).
"""

from __future__ import annotations

import os
import sys

from doctor_daemon.cli.main import main

if __name__ == "__main__":
    del os.environ["LD_PRELOAD"]
    sys.exit(main())
