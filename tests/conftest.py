"""What holds for every test.

The house rules are plug-ins with tests of their own; see `tests/house/`.
"""

import gc

from hypothesis import settings

pytest_plugins = ["pytester", "tests.house.complaints", "tests.house.minimums"]

# The same examples each time: a run that fails can be repeated, and nothing is kept between runs.
# Time-outs are pytest's affair; a deadline per example fails on a busy machine.
settings.register_profile("house", derandomize=True, database=None, deadline=None)
settings.load_profile("house")


def pytest_collection_finish() -> None:
    """Take what was loaded for good out of the garbage collector's sight.

    It is looked through at the end of every module, and holds no task that anybody could forget.
    """
    gc.collect()
    gc.freeze()
