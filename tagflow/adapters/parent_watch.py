"""Notices that the process is left alone: the one that started it as its worker is gone, and nobody waits for it."""

import multiprocessing
import threading
from collections.abc import Callable


def watch_parent(act: Callable[[], object]) -> None:
    """Call ``act`` from another thread once the process that started this one as its worker has ended.

    A run whose process is killed leaves its steps' processes alive, and a retry would pay beside them. Only workers of
    Python's ``multiprocessing`` are watched: a command may well outlive the shell that it was started from.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        act()

    threading.Thread(target=wait, name="parent watch", daemon=True).start()
