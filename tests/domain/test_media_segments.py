"""Where a video is cut into parts that are copied or encoded, and its sound into batches."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.media_segments import Piece, Segment, SoundBatch, cut_segments, cut_sound, made_small

ENDLESS = 10_000


def in_short(segments: tuple[Segment, ...]) -> list[str]:
    """`copy 0:12-36`, `0:36-48 + 1:0-12 / 12`: clip, frames from and to (excluded), and the fade."""
    words = []
    for segment in segments:
        pieces = [segment.left] + ([segment.right] if segment.right else [])
        text = " + ".join(f"{piece.clip}:{piece.start}-{piece.end}" for piece in pieces)
        copied = "copy " if segment.is_copied else "may copy " if segment.may_copy else ""
        words.append(copied + text + (f" / {segment.fade}" if segment.right else ""))
    return words


@pytest.mark.parametrize(
    ("frames", "joints", "copies", "segments"),
    [
        ([48], [], [None], ["0:0-48"]),
        ([48], [], [(0, 48)], ["copy 0:0-48"]),
        ([48, 48], [0], [(0, 48), (0, 48)], ["copy 0:0-48", "copy 1:0-48"]),
        ([48, 48], [0], [(0, 48), None], ["copy 0:0-48", "1:0-48"]),
        ([48, 48], [0], [None, (0, 48)], ["0:0-48", "copy 1:0-48"]),
        ([48, 48], [12], [None, None], ["0:0-48 + 1:0-12 / 12", "1:12-48"]),
        # nothing but the fade is encoded
        ([48, 48], [12], [(0, 36), (12, 48)], ["copy 0:0-36", "0:36-48 + 1:0-12 / 12", "copy 1:12-48"]),
        # and what lies between it and the pictures that a copy ends before, or begins with
        ([48, 48], [12], [(0, 30), (20, 48)], ["copy 0:0-30", "0:30-48 + 1:0-20 / 12", "copy 1:20-48"]),
        ([48, 48], [12], [(0, 36), None], ["copy 0:0-36", "0:36-48 + 1:0-12 / 12", "1:12-48"]),
        ([48, 48], [12], [None, (12, 48)], ["0:0-48 + 1:0-12 / 12", "copy 1:12-48"]),
        # a clip between two fades
        (
            [48, 48, 48],
            [12, 12],
            [None, (12, 36), None],
            ["0:0-48 + 1:0-12 / 12", "copy 1:12-36", "1:36-48 + 2:0-12 / 12", "2:12-48"],
        ),
        # all of it is faded: nothing lies between
        ([48, 12, 48], [6, 6], [None, None, None], ["0:0-48 + 1:0-6 / 6", "1:6-12 + 2:0-6 / 6", "2:6-48"]),
        # a hard cut where a copy neither begins with the first picture nor ends with the last
        ([48, 48], [0], [(0, 40), (8, 48)], ["copy 0:0-40", "0:40-48", "1:0-8", "copy 1:8-48"]),
        ([1, 1], [0], [(0, 1), None], ["copy 0:0-1", "1:0-1"]),
    ],
)
def test_what_is_copied_and_what_is_encoded(
    frames: list[int], joints: list[int], copies: list[tuple[int, int] | None], segments: list[str]
):
    assert in_short(cut_segments(frames, joints, copies, ENDLESS)) == segments


@pytest.mark.parametrize(
    ("frames", "joints", "copies", "segments"),
    [
        ([48], [], [None], ["0:0-16", "0:16-32", "0:32-48"]),
        ([20], [], [None], ["0:0-20"]),
        ([21], [], [None], ["0:0-10", "0:10-21"]),
        ([48], [], [(0, 48)], ["copy 0:0-48"]),  # a copy is never too long
        ([50, 50], [10], [None, None], ["0:0-20", "0:20-50 + 1:0-10 / 10", "1:10-30", "1:30-50"]),
        # what comes before a fade, and after it, is cut like the rest
        ([90, 90], [10], [(0, 20), (70, 90)], ["copy 0:0-20", "0:20-40", "0:40-60", "0:60-90 + 1:0-10 / 10"]),
        ([90, 90], [10], [(0, 80), (30, 90)], ["copy 0:0-80", "0:80-90 + 1:0-30 / 10", "copy 1:30-90"]),
        ([90, 90], [10], [(0, 80), (31, 90)], ["copy 0:0-80", "0:80-90 + 1:0-10 / 10", "1:10-20", "1:20-31"]),
    ],
)
def test_no_more_than_twenty_frames_of_a_clip_and_a_fade_are_encoded_in_one_go(
    frames: list[int], joints: list[int], copies: list[tuple[int, int] | None], segments: list[str]
):
    assert in_short(cut_segments(frames, joints, copies, 20))[: len(segments)] == segments


@pytest.mark.parametrize(
    ("segment", "small"),
    [
        (Segment(Piece(0, 0, 48), is_copied=True), ["may copy 0:0-48"]),
        (Segment(Piece(0, 12, 62), is_copied=True), ["may copy 0:12-62"]),
        # who has to be cut cannot be copied: between its parts no copy begins
        (Segment(Piece(0, 12, 63), is_copied=True), ["0:12-29", "0:29-46", "0:46-63"]),
        (Segment(Piece(0, 0, 100)), ["0:0-100"]),
        (Segment(Piece(0, 36, 48), Piece(1, 0, 12), 12), ["0:36-48 + 1:0-12 / 12"]),
    ],
)
def test_a_small_video_is_encoded_but_may_turn_out_to_be_copied(segment: Segment, small: list[str]):
    assert in_short(made_small([segment], 20, 50)) == small


def test_a_segment_knows_its_clips_and_its_length():
    faded = Segment(Piece(3, 36, 48), Piece(4, 0, 20), fade=12)
    assert (faded.clips, faded.frames) == ((3, 4), 20)
    assert (Segment(Piece(3, 36, 48)).clips, Segment(Piece(3, 36, 48)).frames) == ((3,), 12)


@pytest.mark.parametrize(
    ("frames", "joints", "batches"),
    [
        ([48], [], [SoundBatch((Piece(0, 0, 48),), ())]),
        ([48, 48], [12], [SoundBatch((Piece(0, 0, 48), Piece(1, 0, 48)), (12,))]),
        # the fade between two batches belongs to the first
        (
            [48, 48, 48],
            [12, 10],
            [
                SoundBatch((Piece(0, 0, 48), Piece(1, 0, 48), Piece(2, 0, 10)), (12, 10)),
                SoundBatch((Piece(2, 10, 48),), ()),
            ],
        ),
        (
            [48, 48, 48],
            [12, 0],
            [SoundBatch((Piece(0, 0, 48), Piece(1, 0, 48)), (12,)), SoundBatch((Piece(2, 0, 48),), ())],
        ),
    ],
)
def test_sound_is_made_of_two_clips_at_once(frames: list[int], joints: list[int], batches: list[SoundBatch]):
    assert list(cut_sound(frames, joints, 2)) == batches


@dataclass(frozen=True)
class Cut:
    """Clips as a plan has them: joints that never meet, and copies between them."""

    frames: tuple[int, ...]
    joints: tuple[int, ...]
    copies: tuple[tuple[int, int] | None, ...]

    @property
    def total(self) -> int:
        return sum(self.frames) - sum(self.joints)


@st.composite
def cuts(draw: st.DrawFn) -> Cut:
    frames = draw(st.lists(st.integers(1, 200), min_size=1, max_size=12))
    joints = [draw(st.integers(0, min(left, right) // 2)) for left, right in pairwise(frames)]
    copies: list[tuple[int, int] | None] = []
    for length, fade_in, fade_out in zip(frames, (0, *joints), (*joints, 0), strict=True):
        start, end = sorted(draw(st.integers(fade_in, length - fade_out)) for _ in range(2))
        copies.append((start, end) if start < end and draw(st.booleans()) else None)
    return Cut(tuple(frames), tuple(joints), tuple(copies))


@given(cut=cuts(), longest=st.integers(1, 300))
def test_every_frame_of_every_clip_is_in_one_segment_and_in_order(cut: Cut, longest: int):
    segments = cut_segments(cut.frames, cut.joints, cut.copies, longest)
    assert sum(segment.frames for segment in segments) == cut.total
    pieces = [piece for segment in segments for piece in (segment.left, segment.right) if piece]
    used = [(piece.clip, frame) for piece in pieces for frame in range(piece.start, piece.end)]
    assert used == [(clip, frame) for clip, length in enumerate(cut.frames) for frame in range(length)]
    assert all(segment.frames > 0 for segment in segments)


@given(cut=cuts(), longest=st.integers(1, 300))
def test_each_joint_is_faded_once_and_by_the_two_clips_that_share_it(cut: Cut, longest: int):
    fades = {}
    for segment in cut_segments(cut.frames, cut.joints, cut.copies, longest):
        if segment.right is None:
            assert segment.fade == 0
            continue
        left, right = segment.left, segment.right
        assert (right.clip, left.end, right.start) == (left.clip + 1, cut.frames[left.clip], 0)
        assert 0 < segment.fade <= min(left.frames, right.frames)
        fades[left.clip] = segment.fade
    assert fades == {clip: joint for clip, joint in enumerate(cut.joints) if joint}


@given(cut=cuts(), longest=st.integers(1, 300))
def test_all_that_may_be_copied_is_and_the_rest_is_encoded_in_bounded_parts(cut: Cut, longest: int):
    segments = cut_segments(cut.frames, cut.joints, cut.copies, longest)
    copied = [(segment.left.clip, segment.left.start, segment.left.end) for segment in segments if segment.is_copied]
    assert copied == [(clip, *span) for clip, span in enumerate(cut.copies) if span]
    for segment in segments:
        if not segment.is_copied:
            assert segment.left.frames <= longest + segment.fade
            assert segment.right is None or segment.right.frames <= longest + segment.fade
    small = made_small(segments, longest, 2 * longest)
    assert not any(segment.is_copied for segment in small)
    assert all(segment.frames <= 2 * longest + segment.fade for segment in small)
    assert sum(segment.frames for segment in small) == cut.total


@given(cut=cuts(), clips_at_once=st.integers(1, 9))
def test_sound_is_as_long_as_the_pictures_and_no_batch_needs_more_than_one_further_clip(cut: Cut, clips_at_once: int):
    batches = cut_sound(cut.frames, cut.joints, clips_at_once)
    assert sum(batch.frames for batch in batches) == cut.total
    assert all(batch.frames > 0 and len(batch.pieces) <= clips_at_once + 1 for batch in batches)
    assert all(len(batch.joints) == len(batch.pieces) - 1 for batch in batches)
    used = Counter(
        (piece.clip, at) for batch in batches for piece in batch.pieces for at in range(piece.start, piece.end)
    )
    assert used == Counter((clip, at) for clip, length in enumerate(cut.frames) for at in range(length))
