"""How Python itself is set: a daemon that is to tell of a failure at once cannot wait for it."""

from __future__ import annotations

import gc
import sys

SWITCH_S = 0.0005
"""How long a thread may keep the interpreter while another one waits for it."""


def settle_interpreter() -> None:
    """Have the interpreter hold nothing up: neither by its garbage collector nor by its threads.

    Reference counts free nearly all of what an incident leaves; a full collection finds almost
    nothing, looks at every object of the configuration and of the libraries for it, and would hold
    a notice up for a tenth of a second. So what was loaded for good is taken out of its sight. It
    is not looked through before that: of a start a hundred objects or two would be found, and with
    a thousand incidents it would be ready a fifth of a second later.

    The thread that commits gives the interpreter up at each of its calls of SQLite, and would wait
    `sys.getswitchinterval()` to have it back whenever a list is being parsed: 5 ms a call, ten
    calls a commit.
    """
    gc.freeze()
    gc.set_threshold(1_000, 100, 50)
    sys.setswitchinterval(SWITCH_S)
