"""What is planned for clips of every kind. Nothing is read: probes are built by hand."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.errors import InvalidRequest, SourceTooLarge, UnsupportedMedia
from pipeline.domain.media import AudioStream, MediaProbe, VideoStream
from pipeline.domain.media_plans import CompositionOptions, CompositionPlan, plan_composition
from pipeline.domain.media_segments import Segment, split_plan

SOUND = AudioStream(codec="aac", sample_rate_hz=48000, channels=2)
HARD = CompositionOptions(crossfade=False)
NTSC = Fraction(30000, 1001)


def clip(frames: int = 48, *, rate: Fraction | int = 24, sound: bool = False, **stream: object) -> MediaProbe:
    seconds = float(frames / Fraction(rate))
    video = VideoStream(
        codec="h264",
        width=1080,
        height=1920,
        pixel_format="yuv420p",
        frame_rate=Fraction(rate),
        frame_count=frames,
        duration_seconds=seconds,
        stream_digest="alike",
    )
    return MediaProbe("mov,mp4", seconds, 1000, replace(video, **stream), SOUND if sound else None)


def sized(width: int, height: int, **stream: object) -> MediaProbe:
    return clip(width=width, height=height, **stream)


MUSIC = MediaProbe("mp3", 3.0, 1000, None, SOUND)


@pytest.mark.parametrize(
    ("lengths", "options", "joints", "total"),
    [
        ([48], CompositionOptions(), (), 48),
        ([48, 48], CompositionOptions(), (12,), 84),
        ([48, 48], CompositionOptions(crossfade_seconds=1.0), (24,), 72),
        ([48, 48], HARD, (0,), 96),
        ([48, 10, 48], CompositionOptions(), (5, 5), 96),
        ([48, 11, 48], CompositionOptions(), (5, 5), 97),
        ([48, 1, 48], CompositionOptions(), (0, 0), 97),
        ([1, 1], CompositionOptions(), (0,), 2),
        ([48, 48], CompositionOptions(crossfade_seconds=0.001), (1,), 95),
    ],
)
def test_neighbours_share_the_frames_of_a_fade(
    lengths: list[int], options: CompositionOptions, joints: tuple[int, ...], total: int
):
    plan = plan_composition([clip(length) for length in lengths], options)
    assert (plan.joints, plan.total_frames) == (joints, total)


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([24, 24, 30], Fraction(24)),
        ([30, 24], Fraction(30)),
        ([NTSC, 24, NTSC], NTSC),
        ([Fraction(24000, 1001)], Fraction(24000, 1001)),
        ([Fraction(2999, 100)], Fraction(2999, 100)),
        ([Fraction(239999, 10000)], Fraction(24)),
        ([120], Fraction(60)),
        ([Fraction(1, 2)], Fraction(24000, 1001)),
    ],
)
def test_the_rate_is_that_of_most_of_the_material(rates: list[Fraction], expected: Fraction):
    plan = plan_composition([clip(round(2 * rate), rate=rate) for rate in rates], CompositionOptions())
    assert plan.form.frame_rate == expected


def test_a_varying_rate_becomes_the_nearest_usual_one():
    plan = plan_composition([clip(53, rate=Fraction(53, 2), is_variable_rate=True)], HARD)
    assert (plan.form.frame_rate, plan.total_frames, plan.copies_video) == (Fraction(25), 50, False)


@pytest.mark.parametrize(
    ("probes", "form", "pictures"),
    [
        ([sized(1080, 1920), sized(1080, 1920), sized(1920, 1080)], (1080, 1920), (1080, 606)),
        ([sized(1080, 1920), sized(540, 960)], (1080, 1920), (1080, 1920)),
        ([sized(1080, 1920), sized(1088, 1920)], (1080, 1920), (1080, 1920)),
        ([sized(1080, 1920), sized(1920, 1080, rotation_degrees=90)], (1080, 1920), (1080, 1920)),
        ([sized(1080, 1920), sized(540, 1920, sample_aspect_ratio=Fraction(2))], (1080, 1920), (1080, 1920)),
        ([sized(161, 285)], (160, 284), (160, 284)),
        ([sized(1080, 1920), sized(1, 1)], (1080, 1920), (1080, 1080)),
        ([sized(1080, 1920), sized(4000, 2)], (1080, 1920), (1080, 2)),
    ],
)
def test_every_picture_fits_the_majority_form(
    probes: list[MediaProbe], form: tuple[int, int], pictures: tuple[int, int]
):
    plan = plan_composition(probes, CompositionOptions())
    assert (plan.form.width, plan.form.height) == form
    assert plan.clips[-1].picture_size == pictures


@pytest.mark.parametrize(
    ("second", "options", "copied"),
    [
        (clip(), HARD, True),
        (clip(sound=True), HARD, True),
        (clip(stream_digest="other"), HARD, False),
        (clip(rotation_degrees=90), HARD, False),
        (clip(is_variable_rate=True), HARD, False),
        (clip(color_transfer="smpte2084"), HARD, False),
        (clip(), CompositionOptions(), False),
        (clip(), CompositionOptions(crossfade=False, optimize_size=True), False),
    ],
)
def test_only_a_hard_cut_of_clips_that_agree_is_copied(second: MediaProbe, options: CompositionOptions, copied: bool):
    plan = plan_composition([clip(), second], options)
    assert plan.copies_video is copied
    assert all((part.why_encoded == "") is copied for part in plan.clips)


@pytest.mark.parametrize(
    "stream",
    [{"codec": "vp9"}, {"pixel_format": "yuv444p"}, {"stream_digest": ""}, {"sample_aspect_ratio": Fraction(2)}],
)
def test_streams_that_players_or_joins_do_not_take_are_encoded(stream: dict[str, object]):
    assert not plan_composition([clip(**stream), clip(**stream)], HARD).copies_video


def test_a_small_video_costs_more_effort():
    usual, small = (
        plan_composition([clip()], CompositionOptions(optimize_size=small)).encode for small in (False, True)
    )
    assert small.crf > usual.crf
    assert (usual.preset, small.preset) == ("veryfast", "slow")


def test_sound_of_any_clip_or_music_is_planned():
    silent = plan_composition([clip(), clip()], HARD)
    spoken = plan_composition([clip(), clip(sound=True)], HARD, MUSIC)
    assert (silent.has_clip_audio, silent.has_music) == (False, False)
    assert (spoken.has_clip_audio, spoken.has_music) == (True, True)
    assert [part.has_audio for part in spoken.clips] == [False, True]


def test_the_plan_says_what_is_encoded_and_why():
    plan = plan_composition(
        [clip(), sized(640, 360, rotation_degrees=180, color_transfer="smpte2084"), clip(60, rate=30)],
        CompositionOptions(optimize_size=True),
    )
    words = plan.describe()
    assert words.startswith("3 clips -> 1080x1920, 24.000 fps, 5.00 s, video encoded, clip audio no, music no")
    for reason in (
        "clip 1: 48 frames, encoded: crossfaded, made small, then fade over 12 frames",
        "640x360 is scaled",
        "rotated by 180 degrees",
        "HDR is mapped to SDR",
        "30.000 fps is retimed",
    ):
        assert reason in words
    assert "clip 2: 48 frames, copied" in plan_composition([clip(), clip()], HARD).describe()


@pytest.mark.parametrize(
    ("probes", "music", "error", "sentence"),
    [
        ([], None, InvalidRequest, "nothing to compose"),
        ([clip(), MUSIC], None, UnsupportedMedia, r"Clip 2 has no video stream\."),
        ([clip()], clip(), UnsupportedMedia, r"audio track \(audio_url\) has no sound"),
        ([clip(), sized(8000, 200)], None, SourceTooLarge, "Clip 2 is 8000x200; 4096 pixels"),
        ([clip(24 * 4000)], None, SourceTooLarge, "4000 s long; 3600 s is the limit"),
    ],
)
def test_what_cannot_be_composed_is_refused_by_name(
    probes: list[MediaProbe], music: MediaProbe | None, error: type[Exception], sentence: str
):
    with pytest.raises(error, match=sentence):
        plan_composition(probes, CompositionOptions(), music)


lengths_of_clips = st.lists(st.integers(1, 200), min_size=1, max_size=40)


def covered(plan: CompositionPlan, segments: tuple[Segment, ...]) -> list[int]:
    """How many frames of each clip the segments use; a fade's head is used once, by the segment that fades."""
    used = [0] * len(plan.clips)
    for segment in segments:
        for piece in segment.pieces:
            used[piece.clip] += piece.frames
    return used


@given(lengths=lengths_of_clips, fade=st.floats(0.01, 5), at_once=st.integers(1, 9))
def test_segments_use_every_frame_once_and_add_up_to_the_plan(lengths: list[int], fade: float, at_once: int):
    plan = plan_composition([clip(length) for length in lengths], CompositionOptions(crossfade_seconds=fade))
    segments = split_plan(plan, at_once)
    assert sum(segment.frames for segment in segments) == plan.total_frames
    assert covered(plan, segments) == [part.frames for part in plan.clips]
    assert all(len(segment.pieces) <= at_once + 1 and segment.frames > 0 for segment in segments)
    assert all(piece.frames > 0 for segment in segments for piece in segment.pieces)


def test_a_fade_between_segments_belongs_to_the_first():
    plan = plan_composition([clip()] * 4, CompositionOptions())
    first, second = split_plan(plan, 2)
    assert [(piece.clip, piece.start, piece.end) for piece in first.pieces] == [(0, 0, 48), (1, 0, 48), (2, 0, 12)]
    assert [(piece.clip, piece.start, piece.end) for piece in second.pieces] == [(2, 12, 48), (3, 0, 48)]
    assert (first.joints, second.joints) == ((12, 12), (12,))
