"""Running ffmpeg: time, progress, stopping, hanging, pipes, and what its failures become."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.adapters.ffmpeg import run_ffmpeg
from pipeline.domain.errors import DeadlineExceeded, MediaError, OutOfSpace

ENDLESS = ["-re", "-f", "lavfi", "-i", "color=red:s=64x64:r=24"]
RAW = ["-f", "s16le", "-ar", "48000"]
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


class TestHanging:
    """An ffmpeg that reads what nobody writes."""

    @pytest.fixture
    def silent_pipe(self) -> Iterator[int]:
        reading, writing = os.pipe()
        yield reading
        os.close(reading)
        os.close(writing)

    def test_it_ends_when_nothing_new_is_shown(self, tmp_path: Path, silent_pipe: int):
        target = tmp_path / "hung.wav"
        started = time.monotonic()
        with pytest.raises(MediaError, match="showed nothing new for 1 s"):
            run_ffmpeg([*RAW, "-i", "pipe:0", str(target)], deadline_seconds=60, stdin=silent_pipe, stall_seconds=1.0)
        assert 1 <= time.monotonic() - started < 10
        assert not is_running(str(target))

    def test_it_ends_when_it_stops_in_the_middle(self, tmp_path: Path):
        reading, writing = os.pipe()
        target = tmp_path / "half.wav"
        os.write(writing, bytes(40_000))
        try:
            with pytest.raises(MediaError, match="ffmpeg hung"):
                run_ffmpeg([*RAW, "-i", "pipe:0", str(target)], deadline_seconds=60, stdin=reading, stall_seconds=1.0)
        finally:
            os.close(reading)
            os.close(writing)
        assert not is_running(str(target))

    def test_a_deadline_and_a_stop_come_first(self, silent_pipe: int):
        hanging = [*RAW, "-i", "pipe:0", "-f", "null", "-"]
        with pytest.raises(DeadlineExceeded):
            run_ffmpeg(hanging, deadline_seconds=0.3, stdin=silent_pipe)

        def stop() -> None:
            raise StoppedByTest

        with pytest.raises(StoppedByTest):
            run_ffmpeg(hanging, deadline_seconds=60, stdin=silent_pipe, should_stop=stop)

    def test_who_is_slow_but_goes_on_does_not_hang(self, tmp_path: Path):
        slow = [*ENDLESS, "-t", "2.5", "-f", "null", "-"]  # in real time: something new with every picture
        run_ffmpeg(slow, deadline_seconds=60, stall_seconds=1.2)


class TestPipes:
    def test_what_one_writes_another_reads(self, tmp_path: Path):
        reading, writing = os.pipe()
        target = tmp_path / "joined.wav"
        source = ["-f", "lavfi", "-i", "sine=f=300:r=48000:d=2", *RAW, "-ac", "2", "pipe:1"]

        def write() -> None:
            run_ffmpeg(source, deadline_seconds=20, stdout=writing)
            os.close(writing)

        thread = threading.Thread(target=write)
        thread.start()
        run_ffmpeg([*RAW, "-ac", "2", "-i", "pipe:0", str(target)], deadline_seconds=20, stdin=reading)
        thread.join()
        os.close(reading)
        header_bytes = 200
        assert 2 * 48_000 * 4 <= target.stat().st_size <= 2 * 48_000 * 4 + header_bytes

    def test_a_reader_that_has_gone_is_an_error(self):
        reading, writing = os.pipe()
        os.close(reading)
        source = ["-f", "lavfi", "-i", "sine=f=300:r=48000:d=2", *RAW, "pipe:1"]
        with pytest.raises(MediaError, match="Broken pipe"):
            run_ffmpeg(source, deadline_seconds=20, stdout=writing)
        os.close(writing)


def test_who_wants_more_memory_than_it_may_have_fails(tmp_path: Path):
    """A picture of a third of a gigabyte, where a quarter is allowed."""
    huge = ["-f", "lavfi", "-i", "color=red:s=16000x16000", "-frames:v", "1", str(tmp_path / "huge.jpg")]
    with pytest.raises(MediaError, match="more memory than this function has"):
        run_ffmpeg(huge, deadline_seconds=30, memory_bytes=256_000_000)
