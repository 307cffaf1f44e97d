"""What a composition holds at a time, and how it ends when something fails: soon, with that error, leaving nothing."""

import errno
import io
import os
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipeline.adapters.composer import SEGMENTS_AHEAD, compose
from pipeline.adapters.watch import Watch
from pipeline.domain.errors import DeadlineExceeded, MediaError, OutOfSpace, StorageUnavailable
from tests.composition_clips import CompositionClips
from tests.composition_files import LocalMaterial, Studio, assert_plays_everywhere, has_children
from tests.media_samples import MediaSamples

COLORS = ["red", "blue", "green", "navy", "orange"]
LONGEST_SECONDS = 20.0


class TestThirtyClips:
    @pytest.mark.parametrize("options", [{}, {"crossfade": False}, {"optimize_size": True}])
    def test_few_clips_and_segments_are_held_at_a_time(
        self, clips: CompositionClips, studio: Studio, options: dict[str, Any]
    ):
        sources = [clips.prepared(COLORS[number % 5], seconds=1.5) for number in range(30)]
        made = studio.compose(sources, **options)
        assert made.material.most_held <= SEGMENTS_AHEAD + 1
        assert made.material.most_files <= SEGMENTS_AHEAD
        assert made.material.released == list(range(30))
        assert list(studio.workdir.iterdir()) == []
        assert_plays_everywhere(made)

    def test_those_that_must_be_encoded_are_no_more(self, media_samples: MediaSamples, studio: Studio):
        sources = [media_samples.solid(COLORS[number % 5], rate=["24", "30"][number % 2]) for number in range(30)]
        made = studio.compose(sources)
        assert made.material.most_held <= SEGMENTS_AHEAD + 1
        assert made.material.most_files <= SEGMENTS_AHEAD
        assert list(studio.workdir.iterdir()) == []

    def test_sound_holds_those_of_one_batch(self, clips: CompositionClips, studio: Studio):
        made = studio.compose([clips.prepared(COLORS[number % 5], seconds=1.5, sound_hz=300) for number in range(30)])
        assert made.material.most_held <= 8 + 1
        assert made.material.released == list(range(30))

    def test_encoders_do_not_run_ahead_of_a_writer_that_is_slow(self, clips: CompositionClips, studio: Studio):
        sources = [clips.prepared(COLORS[number % 5], seconds=1.5) for number in range(30)]
        made = studio.compose(sources, material=HeldUp)
        assert isinstance(made.material, HeldUp)
        assert made.material.most_held_meanwhile <= SEGMENTS_AHEAD + 1


class HeldUp(LocalMaterial):
    """Lets the writer wait for its first clip, until many more have been asked for or for a second."""

    most_held_meanwhile = 0

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._many = threading.Event()

    def clip(self, place: int) -> Path:
        path = super().clip(place)
        if len(self.held) > SEGMENTS_AHEAD + 1:
            self._many.set()
        if threading.current_thread() is threading.main_thread() and not self.most_held_meanwhile:
            self._many.wait(1.0)
            self.most_held_meanwhile = len(self.held)
        return path


class StoppedByTest(Exception):
    pass


class AbsentClip(LocalMaterial):
    """One clip cannot be fetched."""

    def __init__(self, *args: Any, absent: int) -> None:
        super().__init__(*args)
        self._absent = absent

    def clip(self, place: int) -> Path:
        if place == self._absent:
            raise StoppedByTest
        return super().clip(place)


class RefusingFile(io.BytesIO):
    """Raises an error in place of the nth write."""

    def __init__(self, error: Exception, *, at_write: int) -> None:
        super().__init__()
        self._error, self._left = error, at_write

    def write(self, data: Any) -> int:
        self._left -= 1
        if self._left <= 0:
            raise self._error
        return super().write(data)


@pytest.fixture
def sources(clips: CompositionClips) -> list[Path]:
    """With joints to encode, and more bytes than the muxer keeps to itself."""
    return [clips.prepared(number, seconds=3.0, crf=0) for number in range(8)]


@pytest.fixture
def fails(studio: Studio) -> Callable[..., None]:
    """Composes what must end with an error of the given type, soon, and leave no process, thread, or heap of files."""

    def compose_and_fail(expected: type[Exception], sources: Sequence[Path], **arguments: Any) -> None:
        threads = {thread.ident for thread in threading.enumerate()}
        started = time.monotonic()
        with pytest.raises(expected):
            studio.compose(sources, **arguments)
        assert time.monotonic() - started < LONGEST_SECONDS
        assert {thread.ident for thread in threading.enumerate()} <= threads
        assert not has_children("ffmpeg")
        assert len(list(studio.workdir.iterdir())) <= SEGMENTS_AHEAD

    return compose_and_fail


@pytest.mark.parametrize("absent", [0, 1, 6])
@pytest.mark.parametrize("crossfade", [True, False])
def test_what_fetching_a_clip_raises_ends_it(
    fails: Callable[..., None], sources: list[Path], absent: int, crossfade: bool
):
    fails(StoppedByTest, sources, material=partial(AbsentClip, absent=absent), crossfade=crossfade)


@pytest.mark.parametrize("asked", [1, 2, 5, 9])
def test_what_should_stop_raises_ends_it(fails: Callable[..., None], sources: list[Path], asked: int):
    left = iter(range(asked - 1))

    def stop() -> None:
        if next(left, None) is None:
            raise StoppedByTest

    fails(StoppedByTest, sources, should_stop=stop)


def test_what_a_report_of_progress_raises_ends_it(studio: Studio, sources: list[Path]):
    def fail(share: float) -> None:
        if share > 0.3:
            raise StoppedByTest

    plan = studio.plan(sources)
    material = LocalMaterial(sources, studio.workdir)
    with pytest.raises(StoppedByTest):
        compose(plan, material, None, studio.target, workdir=studio.workdir, watch=Watch.until(30).telling(fail))
    assert not has_children("ffmpeg")


def test_a_deadline_ends_it(fails: Callable[..., None], sources: list[Path]):
    fails(DeadlineExceeded, sources, seconds=0)


class TestAnEncoderThatHangs:
    """It opens a clip that never comes."""

    @pytest.fixture
    def never(self, studio: Studio) -> Path:
        path = studio.folder / "never.mp4"
        os.mkfifo(path)
        return path

    @pytest.fixture
    def hanging(self, sources: list[Path], never: Path) -> Any:
        return lambda _, watched: LocalMaterial([*sources[:2], never, *sources[3:]], watched)

    def test_a_deadline_ends_it(self, fails: Callable[..., None], sources: list[Path], hanging: Any):
        fails(DeadlineExceeded, sources, material=hanging, seconds=2)

    def test_what_should_stop_raises_ends_it(self, fails: Callable[..., None], sources: list[Path], hanging: Any):
        ends_at = time.monotonic() + 1

        def stop() -> None:
            if time.monotonic() > ends_at:
                raise StoppedByTest

        fails(StoppedByTest, sources, material=hanging, should_stop=stop)

    def test_a_failure_of_the_writer_ends_it(self, fails: Callable[..., None], sources: list[Path], never: Path):
        asked = threading.Event()

        class Failing(LocalMaterial):
            def clip(self, place: int) -> Path:
                if place == 2:
                    asked.set()
                    return never
                if threading.current_thread() is threading.main_thread():
                    assert asked.wait(5)
                    raise StoppedByTest
                return super().clip(place)

        fails(StoppedByTest, sources, material=Failing)


class TestAnEncoderThatFails:
    @pytest.fixture
    def broken(self, studio: Studio, sources: list[Path]) -> Callable[[int, bytes], Any]:
        """Material in which a clip is another file than the one that was probed."""

        def replaced(place: int, content: bytes) -> Any:
            other = studio.folder / "clip.mp4"
            other.write_bytes(content)
            changed = [*sources[:place], other, *sources[place + 1 :]]
            return lambda _, watched: LocalMaterial(changed, watched)

        return replaced

    @pytest.mark.parametrize("place", [0, 3, 7])
    @pytest.mark.parametrize("options", [{}, {"crossfade": False}, {"optimize_size": True}])
    def test_because_a_clip_is_no_media(
        self, fails: Callable[..., None], sources: list[Path], broken: Any, place: int, options: dict[str, Any]
    ):
        fails(MediaError, sources, material=broken(place, bytes(range(256)) * 64), **options)

    @pytest.mark.parametrize("options", [{}, {"crossfade": False}, {"optimize_size": True}])
    def test_because_a_clip_is_a_playlist_which_is_not_opened(
        self, fails: Callable[..., None], sources: list[Path], broken: Any, options: dict[str, Any]
    ):
        fails(
            MediaError, sources, material=broken(2, f"ffconcat version 1.0\nfile '{sources[2]}'\n".encode()), **options
        )

    def test_because_a_clip_is_shorter_than_it_was(
        self, clips: CompositionClips, fails: Callable[..., None], sources: list[Path], broken: Any
    ):
        fails(MediaError, sources, material=broken(2, clips.prepared(2, seconds=2.0, crf=0).read_bytes()))


class TestADiskThatIsFull:
    """/dev/full takes nothing."""

    def test_for_the_video(self, fails: Callable[..., None], sources: list[Path]):
        fails(OutOfSpace, sources, target=Path("/dev/full"))

    @pytest.mark.parametrize("number", [2, 8])
    def test_for_a_segment(self, fails: Callable[..., None], studio: Studio, sources: list[Path], number: int):
        (studio.workdir / f"segment_{number}.mp4").symlink_to("/dev/full")
        fails(OutOfSpace, sources)


class TestATargetThatRefuses:
    @pytest.mark.parametrize("at_write", [1, 2, 3])
    @pytest.mark.parametrize(
        "error", [StorageUnavailable("The store is not there."), OSError(errno.EIO, "The disk is broken.")]
    )
    def test_its_error_passes(self, fails: Callable[..., None], sources: list[Path], error: Exception, at_write: int):
        fails(type(error), sources, target=RefusingFile(error, at_write=at_write))
