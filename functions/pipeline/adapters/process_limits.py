"""What another process takes of this machine, and may take: it can run wild without taking this one with it.

Only on Linux; elsewhere, where nothing is deployed, nothing is limited and nothing seen.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform == "linux":
    import resource


def machine_memory_bytes() -> int:
    """All memory of this machine, or of this container where that is all that is seen."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def limit_process(process_id: int, *, memory_bytes: int, cpu_seconds: int | None = None) -> None:
    """No more memory of its own than that, stacks included: what it asks for beyond fails. Too much time kills it."""
    if sys.platform == "linux":
        with suppress(OSError):  # it has ended; or a sandbox does not let us, and then others watch its memory
            resource.prlimit(process_id, resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
            if cpu_seconds is not None:
                resource.prlimit(process_id, resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))


def resident_bytes(process_id: int) -> int:
    """How much memory a process has at this moment; 0 when it has ended."""
    try:
        sizes = Path(f"/proc/{process_id}/statm").read_text(encoding="ascii").split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(sizes[1]) * os.sysconf("SC_PAGE_SIZE")
