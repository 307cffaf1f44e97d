"""Runs one ffmpeg: a list of arguments, a time limit, progress, a way to stop, and its last words when it fails.

The binary is imageio-ffmpeg's: not every runtime image has one, and what was tested is what runs.
"""

import contextlib
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence

import imageio_ffmpeg

from pipeline.adapters.process_limits import limit_process, machine_memory_bytes
from pipeline.domain.errors import DeadlineExceeded, MediaError, OutOfSpace

LAST_LINES = 8
MEMORY_SHARE = 0.75
"""Of all memory. An ffmpeg that wants more fails, and not the function, with whatever else it works on."""
LOOK_SECONDS = 0.5
STALL_SECONDS = 180.0
"""Who shows nothing new for so long hangs. Much longer than the longest look for a frame that is far into a clip."""
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(256 * 1024)}
"""For glibc: what is as large as a picture goes back to the system when it is freed, and leaves no holes in the heap.
An encoder of 1080p takes 170 MB so, instead of 250. ffmpeg gets no more of an environment: it needs no secrets."""
TOO_LATE = "Composing the video did not fit in the time that one function call has."


def run_ffmpeg(
    arguments: Sequence[str],
    *,
    deadline_seconds: float,
    total_frames: int = 0,
    on_progress: Callable[[float], None] = lambda _: None,
    should_stop: Callable[[], None] = lambda: None,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
    stall_seconds: float = STALL_SECONDS,
    memory_bytes: int = 0,
) -> None:
    """Run ffmpeg with `arguments` (without its own name); `stdin` and `stdout` are file descriptors, `memory_bytes` is
    what it may have of its own: 0 is MEMORY_SHARE of the machine's.

    `on_progress` gets shares from 0 to 1, `should_stop` is called about twice a second; what either raises ends ffmpeg
    and propagates. Raises DeadlineExceeded, OutOfSpace, or MediaError with ffmpeg's last lines, or when it hangs.
    """
    ends_at = time.monotonic() + deadline_seconds
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as words, open(reading, "rb", buffering=0) as told:  # noqa: PTH123 - a descriptor
        try:
            process = _started(arguments, stdin=stdin, stdout=stdout, stderr=words.fileno(), progress=writing)
        finally:
            os.close(writing)
        try:
            limit_process(process.pid, memory_bytes=memory_bytes or int(MEMORY_SHARE * machine_memory_bytes()))
            for line in _lines(told.fileno(), ends_at, should_stop, stall_seconds):
                if line.startswith("frame=") and total_frames:
                    on_progress(min(int(line.removeprefix("frame=").strip() or 0) / total_frames, 1.0))
            code = process.wait(max(ends_at - time.monotonic(), LOOK_SECONDS))
        except subprocess.TimeoutExpired as error:
            raise DeadlineExceeded(TOO_LATE) from error
        finally:
            _end(process)
        if code != 0:
            words.seek(0, os.SEEK_END)
            words.seek(max(0, words.tell() - 8192))
            raise _failure(words.read().decode(errors="replace"), code)


def _started(
    arguments: Sequence[str], *, stdin: int, stdout: int, stderr: int, progress: int
) -> subprocess.Popen[bytes]:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-y", "-v", "warning", "-nostats"]
    command += ["-progress", f"pipe:{progress}", *arguments]
    return subprocess.Popen(
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=[progress],
        start_new_session=True,
        env=ALLOCATOR,
    )


def _lines(told: int, ends_at: float, should_stop: Callable[[], None], stall_seconds: float) -> Iterator[str]:
    """The lines of ffmpeg's progress, until it ends; looks at the clock and asks whether to stop in between."""
    news: dict[str, str] = {}  # how far it is, as it said last
    moved_at = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(told, selectors.EVENT_READ)
        rest = b""
        while True:
            if time.monotonic() > ends_at:
                raise DeadlineExceeded(TOO_LATE)
            if time.monotonic() - moved_at > stall_seconds:
                raise MediaError(f"ffmpeg hung: it showed nothing new for {stall_seconds:.0f} s.")
            should_stop()
            if not selector.select(LOOK_SECONDS):
                continue
            chunk = os.read(told, 65536)
            if not chunk:
                return
            *whole, rest = (rest + chunk).split(b"\n")
            for line in (part.decode(errors="replace") for part in whole):
                name, _, value = line.partition("=")
                if name in ("frame", "out_time_us", "total_size") and news.get(name) != value:
                    news[name] = value
                    moved_at = time.monotonic()
                yield line


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _failure(words: str, code: int) -> MediaError | OutOfSpace:
    if "No space left on device" in words:
        return OutOfSpace("The function's disk, which is its memory, is too small for this video.")
    if "Cannot allocate memory" in words:
        return MediaError("The video takes more memory than this function has for it.")
    if code == -signal.SIGKILL:
        return MediaError("ffmpeg was killed, most likely because the function ran out of memory.")
    lines = [line.strip() for line in words.splitlines() if line.strip()][-LAST_LINES:]
    text = " | ".join(lines).replace(tempfile.gettempdir(), "")
    return MediaError("ffmpeg failed: " + re.sub(r" @ 0x[0-9a-f]+", "", text)[-1000:])
