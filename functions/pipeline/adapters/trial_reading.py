"""Reads a media file once in a process of its own, which may come to harm, before this process opens it.

A few bytes can make a demuxer keep a kilobyte each: empty cue points, fragments of a thousand tracks. FFmpeg has no
limit for all that, and where it is refused memory, it often goes on reading as if nothing was. So what counts is how
much memory the trial is seen to take.
"""

import errno
import subprocess
from contextlib import suppress
from pathlib import Path

import imageio_ffmpeg

from pipeline.adapters.process_limits import limit_process, resident_bytes
from pipeline.domain.errors import SourceTooLarge

SUSPECT_BYTES = 192 * 1024 * 1024
"""Who takes so much would go on. An ordinary clip takes 30 MB, two million samples take 120."""

MOST_BYTES = 512 * 1024 * 1024
"""More the trial does not get, however seldom it is looked at."""

CPU_SECONDS = 60
"""An hour of pictures and sound takes two."""

LOOK_SECONDS = 0.002
OUT_OF_MEMORY = 256 - errno.ENOMEM


def try_reading(path: Path, input_options: dict[str, str], *, cpu_seconds: int = CPU_SECONDS) -> None:
    """Read all packets of a file and decode nothing. Raises SourceTooLarge when that takes too much memory or time.

    Whether it is media at all is not told: a file that cannot be read is no danger to who tries again.
    """
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "quiet"]
    for name, value in input_options.items():
        command += [f"-{name}", value]
    command += ["-i", f"file:{path}", "-map", "0", "-c", "copy", "-copy_unknown", "-f", "null", "-"]
    nothing = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, env={}) as process:
        limit_process(process.pid, memory_bytes=MOST_BYTES, cpu_seconds=cpu_seconds)
        while process.returncode is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_SECONDS)
            if resident_bytes(process.pid) > SUSPECT_BYTES:
                process.kill()
                process.wait()
    if process.returncode == OUT_OF_MEMORY or process.returncode < 0:
        raise SourceTooLarge("Reading the file takes more memory or time than any honest file does.")
