"""What a process and all that it starts take: time, CPU, and memory with the bytes of its working folder.

A function's disk is its memory, so both count. Memory is the proportional share (PSS) where Linux tells it: what two
encoders share is counted once; else what is resident (RSS), which counts it twice.
"""

import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.02
PROCESSES = Path("/proc")
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Usage:
    """`peak_bytes`: the most at any sample, of which `peak_file_bytes` in the folder. 0 where no /proc is."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    peak_file_bytes: int

    @property
    def peak_mb(self) -> float:
        return self.peak_bytes / MEBIBYTE


def can_sample() -> bool:
    """Whether this machine tells what processes take."""
    return (PROCESSES / "self/statm").exists()


def usage_of(command: Sequence[str], folder: Path) -> Usage:
    """Run a command to its end while looking at it. Raises CalledProcessError when it fails."""
    started = time.monotonic()
    with subprocess.Popen(command) as process:
        peak = files_at_peak = 0
        while True:
            ended, status, resources = os.wait4(process.pid, os.WNOHANG)
            if ended:
                process.returncode = os.waitstatus_to_exitcode(status)
                break
            files = _folder_bytes(folder)
            taken = files + sum(_memory_bytes(one) for one in _tree(process.pid))
            if taken > peak:
                peak, files_at_peak = taken, files
            time.sleep(SAMPLE_SECONDS)
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    cpu = resources.ru_utime + resources.ru_stime
    return Usage(time.monotonic() - started, cpu, peak, files_at_peak)


def _tree(process: int) -> list[int]:
    """A process and those that it has started, and they."""
    found = [process]
    for one in found:
        with suppress(OSError):
            for children in (PROCESSES / str(one) / "task").glob("*/children"):
                with suppress(OSError):
                    found += map(int, children.read_text().split())
    return found


def _memory_bytes(process: int) -> int:
    with suppress(OSError):
        for line in (PROCESSES / str(process) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    with suppress(OSError, IndexError):
        pages = (PROCESSES / str(process) / "statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _folder_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # gone in this moment
            total += path.stat().st_size
    return total
