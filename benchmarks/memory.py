"""How much memory this process has had."""

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_mb() -> float:
    """Return the most resident memory of this process so far, in MB.

    Linux counts in ru_maxrss what the process that started this one had, before it became this program; the
    kernel's own high-water mark of the program does not.
    """
    if _STATUS.is_file():
        line = next(each for each in _STATUS.read_text().splitlines() if each.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
