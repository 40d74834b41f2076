"""Whether a process that was seen once still runs."""

import os
import time
from pathlib import Path

CLOCK_SET = 3600.0  # ours: seconds that the machine's clock may have been set by since


def lives(pid: int, seen_at: float) -> bool:
    """Return whether the process still runs that had this number at that time; one of another user counts as running.

    Where ``/proc`` tells when a process began, one that took over the number later is known. A process that has ended
    and that nobody waited for does not run.

    Args:
        pid: its number, on this machine.
        seen_at: when it ran, in seconds since 1970.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        said = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split()
        uptime = float(Path("/proc/uptime").read_text(encoding="utf-8").split()[0])
    except FileNotFoundError:
        return not Path("/proc/uptime").exists()  # it ended just now, or this system does not tell more
    began = time.time() - uptime + int(said[19]) / os.sysconf("SC_CLK_TCK")
    return said[0] not in "ZX" and began <= seen_at + CLOCK_SET
