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

from pipeline.domain.errors import DeadlineExceeded, MediaError, OutOfSpace

LAST_LINES = 8
LOOK_SECONDS = 0.5
TOO_LATE = "Composing the video did not fit in the time that one function call has."


def run_ffmpeg(
    arguments: Sequence[str],
    *,
    deadline_seconds: float,
    total_frames: int = 0,
    on_progress: Callable[[float], None] = lambda _: None,
    should_stop: Callable[[], None] = lambda: None,
) -> None:
    """Run ffmpeg with `arguments` (without its own name).

    `on_progress` gets shares from 0 to 1, `should_stop` is called about twice a second; what either raises ends ffmpeg
    and propagates. Raises DeadlineExceeded, OutOfSpace, or MediaError with ffmpeg's last lines.
    """
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-y", "-v", "warning", "-nostats"]
    command += ["-progress", "pipe:1", *arguments]
    ends_at = time.monotonic() + deadline_seconds
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=words, start_new_session=True
        )
        try:
            for line in _lines(process, ends_at, should_stop):
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


def _lines(process: subprocess.Popen[bytes], ends_at: float, should_stop: Callable[[], None]) -> Iterator[str]:
    """The lines of ffmpeg's progress, until it ends; looks at the clock and asks whether to stop in between."""
    stdout = process.stdout
    if stdout is None:
        return
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        rest = b""
        while True:
            if time.monotonic() > ends_at:
                raise DeadlineExceeded(TOO_LATE)
            should_stop()
            if not selector.select(LOOK_SECONDS):
                continue
            chunk = os.read(stdout.fileno(), 65536)
            if not chunk:
                return
            *whole, rest = (rest + chunk).split(b"\n")
            yield from (line.decode(errors="replace") for line in whole)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _failure(words: str, code: int) -> MediaError | OutOfSpace:
    if "No space left on device" in words:
        return OutOfSpace("The function's disk, which is its memory, is too small for this video.")
    if code == -signal.SIGKILL:
        return MediaError("ffmpeg was killed, most likely because the function ran out of memory.")
    lines = [line.strip() for line in words.splitlines() if line.strip()][-LAST_LINES:]
    text = " | ".join(lines).replace(tempfile.gettempdir(), "")
    return MediaError("ffmpeg failed: " + re.sub(r" @ 0x[0-9a-f]+", "", text)[-1000:])
