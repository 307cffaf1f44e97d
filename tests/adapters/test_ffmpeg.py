"""Running ffmpeg: time, progress, stopping, and what its failures become."""

import time
from pathlib import Path

import pytest

from pipeline.adapters.ffmpeg import run_ffmpeg
from pipeline.domain.errors import DeadlineExceeded, MediaError, OutOfSpace

ENDLESS = ["-re", "-f", "lavfi", "-i", "color=red:s=64x64:r=24"]
SHORT = ["-f", "lavfi", "-i", "color=red:s=64x64:r=24:d=2"]


class StoppedByTest(Exception):
    pass


def is_running(marker: str) -> bool:
    """Whether any process has `marker` in its command line."""
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker.encode() in command.read_bytes():
                return True
        except (FileNotFoundError, ProcessLookupError):
            continue
    return False


def test_progress_rises_to_one(tmp_path: Path):
    shares: list[float] = []
    arguments = [*SHORT, str(tmp_path / "made.mp4")]
    run_ffmpeg(arguments, deadline_seconds=20, total_frames=48, on_progress=shares.append)
    assert (tmp_path / "made.mp4").stat().st_size > 0
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_what_should_stop_raises_ends_ffmpeg_at_once(tmp_path: Path):
    target = tmp_path / "stopped.mp4"
    asked: list[float] = []

    def stop_at_the_third() -> None:
        asked.append(time.monotonic())
        if len(asked) == 3:
            raise StoppedByTest

    with pytest.raises(StoppedByTest):
        run_ffmpeg([*ENDLESS, str(target)], deadline_seconds=20, should_stop=stop_at_the_third)
    assert time.monotonic() - asked[-1] < 1
    assert asked[-1] - asked[0] < 2
    assert not is_running(str(target))


def test_what_on_progress_raises_ends_ffmpeg_too(tmp_path: Path):
    target = tmp_path / "unreported.mp4"

    def fail(share: float) -> None:
        raise StoppedByTest

    with pytest.raises(StoppedByTest):
        run_ffmpeg([*ENDLESS, str(target)], deadline_seconds=20, total_frames=1000, on_progress=fail)
    assert not is_running(str(target))


def test_the_deadline_ends_ffmpeg(tmp_path: Path):
    target = tmp_path / "late.mp4"
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded, match="did not fit in the time"):
        run_ffmpeg([*ENDLESS, str(target)], deadline_seconds=0.3)
    assert time.monotonic() - started < 2.3
    assert not is_running(str(target))


def test_a_full_disk_is_told_from_other_failures():
    with pytest.raises(OutOfSpace, match="too small for this video"):
        run_ffmpeg([*SHORT, "-f", "rawvideo", "/dev/full"], deadline_seconds=20)


def test_a_failure_holds_the_last_words_of_ffmpeg_and_no_path(tmp_path: Path):
    with pytest.raises(MediaError, match="No such file or directory") as caught:
        run_ffmpeg(["-i", str(tmp_path / "missing.mp4"), "-f", "null", "-"], deadline_seconds=20)
    assert "0x" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert "missing.mp4" in str(caught.value)
