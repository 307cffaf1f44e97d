"""What is planned for clips of every kind. Nothing is read: probes are built by hand."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.errors import InvalidRequest, SourceTooLarge, UnsupportedMedia
from pipeline.domain.media import MediaProbe
from pipeline.domain.media_plans import CompositionOptions, CompositionPlan, fingerprint, plan_composition
from pipeline.domain.media_work import FAST, SMALL
from tests.media_probes import MUSIC, NTSC, SETS_0, SETS_0_OTHER, clip, prepared

FADE = CompositionOptions()
HARD = CompositionOptions(crossfade=False)
SMALL_FADE = CompositionOptions(optimize_size=True)


def encoded(plan: CompositionPlan) -> list[tuple[int, int, int]]:
    """The frames that are encoded, as clip, from, to (excluded), clips counted from 0."""
    return [
        (piece.clip, piece.start, piece.end)
        for segment in plan.segments
        if not segment.is_copied
        for piece in (segment.left, segment.right)
        if piece
    ]


@pytest.mark.parametrize(
    ("lengths", "options", "joints", "total"),
    [
        ([48], FADE, (), 48),
        ([48, 48], FADE, (12,), 84),
        ([48, 48], CompositionOptions(crossfade_seconds=1.0), (24,), 72),
        ([48, 48], HARD, (0,), 96),
        ([48, 48], CompositionOptions(crossfade_seconds=0.001), (1,), 95),
        # a clip gives at most half of itself to each joint
        ([48, 48], CompositionOptions(crossfade_seconds=5.0), (24,), 72),
        ([48, 10, 48], FADE, (5, 5), 96),
        ([48, 11, 48], FADE, (5, 5), 97),
        ([48, 3, 48], FADE, (1, 1), 97),
        # one frame is cut hard
        ([48, 1, 48], FADE, (0, 0), 97),
        ([1, 1], FADE, (0,), 2),
        ([1], FADE, (), 1),
    ],
)
def test_neighbours_share_the_frames_of_a_fade(
    lengths: list[int], options: CompositionOptions, joints: tuple[int, ...], total: int
):
    plan = plan_composition([clip(length) for length in lengths], options)
    assert (plan.joints, plan.total_frames) == (joints, total)
    assert plan.total_seconds == pytest.approx(total / 24)


@pytest.mark.parametrize(
    ("probes", "options", "frames"),
    [
        # a hard cut of clips that agree
        ([clip(), clip()], HARD, []),
        ([clip()], FADE, []),
        # of clips that were prepared, a fade costs itself
        ([prepared(), prepared()], FADE, [(0, 36, 48), (1, 0, 12)]),
        ([prepared(), prepared(), prepared()], FADE, [(0, 36, 48), (1, 0, 12), (1, 36, 48), (2, 0, 12)]),
        # a shorter fade costs the same, and a longer one all up to the next keyframe
        ([prepared()] * 2, CompositionOptions(crossfade_seconds=0.25), [(0, 36, 48), (1, 0, 12)]),
        ([prepared()] * 2, CompositionOptions(crossfade_seconds=1.0), [(0, 12, 48), (1, 0, 36)]),
        ([prepared(), prepared()], HARD, []),
        # with one keyframe each, only the head of the first can be copied
        ([clip(), clip(), clip()], FADE, [(0, 36, 48), (1, 0, 12), (1, 12, 48), (2, 0, 12), (2, 12, 48)]),
        # one that differs is encoded, its neighbours but for the fades are not
        ([prepared(), clip(rotation_degrees=180), prepared()], HARD, [(1, 0, 48)]),
        (
            [prepared(), clip(rotation_degrees=180), prepared()],
            FADE,
            [(0, 36, 48), (1, 0, 12), (1, 12, 48), (2, 0, 12)],
        ),
        # so is one that was encoded by somebody else, although it looks the same
        ([prepared(), prepared(parameter_sets=SETS_0_OTHER), prepared()], HARD, [(1, 0, 48)]),
        ([clip(parameter_sets="")] * 2, HARD, [(0, 0, 48), (1, 0, 48)]),
    ],
)
def test_only_the_joints_of_clips_that_agree_are_encoded(
    probes: list[MediaProbe], options: CompositionOptions, frames: list[tuple[int, int, int]]
):
    plan = plan_composition(probes, options)
    assert encoded(plan) == frames
    shared = sum(segment.fade for segment in plan.segments)
    assert plan.encoded_frames == sum(end - start for _, start, end in frames) - shared


@pytest.mark.parametrize(
    ("probes", "whole"),
    [
        ([clip(width=720, height=1280), clip(), clip()], [False, True, True]),
        ([clip(width=720, height=1280), clip(24), clip(23)], [True, False, False]),  # seconds count, not clips
        ([clip(60, rate=30), clip(60, rate=30), clip()], [True, True, False]),
        ([clip(parameter_sets=SETS_0_OTHER), clip(), clip()], [False, True, True]),
        ([clip(parameter_sets=SETS_0_OTHER), clip()], [True, False]),  # the earlier one, of two that are as long
        # most have a form that none is copied in
        ([clip(codec="hevc"), clip(codec="hevc"), clip()], [False, False, True]),
        # the size of one and the rate of the others
        ([clip(width=720, height=1280), clip(width=360, height=640), clip(90, rate=30)], [False, False, False]),
    ],
)
def test_the_majority_decides_what_is_copied(probes: list[MediaProbe], whole: list[bool]):
    plan = plan_composition(probes, HARD)
    assert [not part.why_encoded for part in plan.clips] == whole
    assert [segment.is_copied for segment in plan.segments] == whole


def test_one_rule_for_decoders_holds_for_all_that_is_copied():
    plan = plan_composition([clip(reorder_frames=3), clip(parameter_sets=SETS_0_OTHER, reorder_frames=7)], HARD)
    assert (plan.copied_parameter_sets, plan.reorder_frames) == (SETS_0, 3)
    assert plan.encoded_set_id == 1  # the copied ones have 0


@pytest.mark.parametrize("difference", [{"is_interlaced": True}, {"entry_frames": ()}, {"exit_frames": (3,)}])
def test_where_nothing_is_copied_no_decoder_needs_to_know_of_others(difference: dict[str, object]):
    plan = plan_composition([clip(reorder_frames=7, color_matrix="", **difference)], HARD)
    assert (plan.copied_parameter_sets, plan.encoded_set_id) == ("", 0)
    assert (plan.reorder_frames, plan.tags_color) == (2, True)


@pytest.mark.parametrize(
    ("probes", "tags_color"),
    [
        ([clip(), clip()], True),
        ([clip(color_matrix=""), clip(color_matrix="")], False),
        ([clip(is_interlaced=True, color_matrix="")], True),  # nothing is copied: nothing to agree with
        ([clip(), clip(codec="hevc", color_matrix="")], True),
    ],
)
def test_encoded_pictures_name_their_colours_if_the_copied_ones_do(probes: list[MediaProbe], tags_color: bool):
    assert plan_composition(probes, HARD).tags_color is tags_color


def test_a_small_video_is_encoded_in_full_but_what_could_be_copied_still_may_be():
    usual, small = (plan_composition([prepared()] * 3, options) for options in (FADE, SMALL_FADE))
    assert (usual.encode, small.encode) == (FAST, SMALL)
    assert small.encoded_frames == small.total_frames == usual.total_frames
    assert not any(segment.may_copy for segment in usual.segments)
    assert [segment.may_copy for segment in small.segments] == [segment.is_copied for segment in usual.segments]
    assert small.copied_parameter_sets == SETS_0


def test_a_long_clip_that_is_made_small_is_encoded_in_parts():
    """As one, it would not be done in any function call."""
    small = plan_composition([clip(24 * 300)], CompositionOptions(optimize_size=True))
    assert len(small.segments) > 10
    assert max(map(small.segment_seconds, small.segments)) < 61
    assert not any(segment.may_copy for segment in small.segments)
    assert len(plan_composition([clip(24 * 300)], FADE).segments) == 1


def test_what_lies_before_a_late_keyframe_is_encoded_in_parts():
    """The next keyframe after the fade can be minutes away."""
    late = clip(24 * 600, entry_frames=(0, 24 * 500))
    plan = plan_composition([clip(), late], FADE)
    assert max(map(plan.segment_seconds, plan.segments)) < 62
    assert [segment.left.start for segment in plan.segments if segment.is_copied] == [0, 24 * 500]


def test_each_clip_says_how_its_pictures_are_brought_to_the_form():
    plan = plan_composition(
        [
            clip(start_seconds=1.5),
            clip(60, rate=30, width=1920, height=1080, color_matrix=""),
            clip(color_transfer="smpte2084", is_interlaced=True, is_variable_rate=True, sound=True),
        ],
        HARD,
    )
    same, wide, strange = plan.clips
    assert (same.frames, same.start_seconds, same.is_steady, same.picture_size) == (48, 1.5, True, (1080, 1920))
    assert same.frame_seconds == pytest.approx(1 / 24)
    assert (wide.frames, wide.is_steady, wide.picture_size, wide.color_matrix) == (48, False, (1080, 606), "bt709")
    assert wide.frame_seconds == pytest.approx(1 / 30)
    assert (strange.hdr_transfer, strange.is_interlaced, strange.is_steady) == ("smpte2084", True, False)
    assert [part.has_audio for part in plan.clips] == [False, False, True]
    assert [part.hdr_transfer for part in (same, wide)] == ["", ""]


@pytest.mark.parametrize(
    ("probes", "music", "has_clip_audio", "has_music", "has_sound"),
    [
        ([clip(), clip()], None, False, False, False),
        ([clip(), clip(sound=True)], None, True, False, True),
        ([clip(), clip()], MUSIC, False, True, True),
        ([clip(sound=True)], clip(sound=True), True, True, True),  # a video's sound is music as well
    ],
)
def test_sound_of_any_clip_or_music_is_planned(
    probes: list[MediaProbe], music: MediaProbe | None, has_clip_audio: bool, has_music: bool, has_sound: bool
):
    plan = plan_composition(probes, FADE, music)
    assert (plan.has_clip_audio, plan.has_music, plan.has_sound) == (has_clip_audio, has_music, has_sound)
    assert (plan.sound_seconds > 0) is has_sound


@pytest.mark.parametrize(
    ("probes", "options", "lines"),
    [
        (
            [prepared(), prepared(), clip(60, rate=30)],
            FADE,
            [
                "3 clips -> 1080x1920, 24.000 fps, 5.00 s: 60 frames copied, 60 encoded, clip audio no, music no, ",
                "  clip 1: 48 frames, 36 of them copied, then fade over 12 frames",
                "  clip 2: 48 frames, 24 of them copied, then fade over 12 frames",
                "  clip 3: 48 frames, encoded: 30.000 fps is retimed",
            ],
        ),
        (
            [clip(sound=True), clip(height=1280, width=720, rotation_degrees=180)],
            HARD,
            [
                "2 clips -> 1080x1920, 24.000 fps, 4.00 s: 48 frames copied, 48 encoded, clip audio yes, music no, ",
                "  clip 1: 48 frames, 48 of them copied",
                "  clip 2: 48 frames, encoded: 720x1280 is scaled, rotated by 180 degrees",
            ],
        ),
        (
            [prepared(), clip(exit_frames=(48,)), prepared()],
            CompositionOptions(transition="wipeleft"),
            [
                "3 clips -> 1080x1920, 24.000 fps, 5.00 s: 72 frames copied, 48 encoded, clip audio no, music no, ",
                "  clip 1: 48 frames, 36 of them copied, then wipeleft over 12 frames",
                "  clip 2: 48 frames, encoded: a copy can neither begin nor end between its joints, then wipeleft",
                "  clip 3: 48 frames, 36 of them copied",
            ],
        ),
        (
            [prepared(), clip(is_interlaced=True)],
            CompositionOptions(crossfade=False, optimize_size=True),
            [
                "2 clips -> 1080x1920, 24.000 fps, 4.00 s: 0 frames copied, 96 encoded, clip audio no, music no, about",
                "  clip 1: 48 frames, encoded: made small",
                "  clip 2: 48 frames, encoded: it is interlaced",
            ],
        ),
        (
            [clip(24 * 300)],
            SMALL_FADE,
            [
                "1 clips -> 1080x1920, 24.000 fps, 300.00 s: 0 frames copied, 7200 encoded, clip audio no, music no,",
                "  clip 1: 7200 frames, encoded: made small",
            ],
        ),
    ],
)
def test_the_plan_in_words(probes: list[MediaProbe], options: CompositionOptions, lines: list[str]):
    words = plan_composition(probes, options).describe().splitlines()
    assert len(words) == len(lines)
    assert [said[: len(line)] for said, line in zip(words, lines, strict=True)] == lines


@pytest.mark.parametrize(
    ("probes", "music", "options", "error", "sentence"),
    [
        ([], None, FADE, InvalidRequest, r"Field 'clips' .* nothing to compose\."),
        ([clip(), MUSIC], None, FADE, UnsupportedMedia, r"Clip 2 has no video stream\."),
        ([clip()], clip(), FADE, UnsupportedMedia, r"audio track \(audio_url\) has no sound"),
        ([clip(), clip(width=8000, height=200)], None, FADE, SourceTooLarge, "Clip 2 is 8000x200; 4096 pixels"),
        (
            [clip(width=4096, sample_aspect_ratio=Fraction(8))],
            None,
            FADE,
            SourceTooLarge,
            "Clip 1 is 32768x1920; 4096 pixels",
        ),
        ([clip(24 * 4000)], None, FADE, SourceTooLarge, "4000 s long; 3600 s is the limit"),
        ([clip(24 * 1801)] * 2, None, HARD, SourceTooLarge, "3602 s long; 3600 s is the limit"),
        ([clip(24 * 3000)], None, SMALL_FADE, SourceTooLarge, r"minutes to encode; 120 minutes is the limit"),
        ([clip(24 * 600, is_interlaced=True, width=4096, height=4096)], None, SMALL_FADE, SourceTooLarge, "to encode"),
    ],
)
def test_what_cannot_be_composed_is_refused_by_name(
    probes: list[MediaProbe],
    music: MediaProbe | None,
    options: CompositionOptions,
    error: type[Exception],
    sentence: str,
):
    with pytest.raises(error, match=sentence):
        plan_composition(probes, options, music)


@pytest.mark.parametrize("seconds", [1e6, 1e12, 1e300])
def test_a_file_that_claims_to_last_for_ages_is_refused_without_planning_its_parts(seconds: float):
    with pytest.raises(SourceTooLarge, match="s long; 3600 s is the limit"):
        plan_composition([clip(), clip(2, is_variable_rate=True, duration_seconds=seconds)], FADE)


def test_an_hour_that_is_copied_is_little_work_and_what_fits_is_not_refused():
    assert plan_composition([clip(24 * 3600, sound=True)], FADE).work_seconds < 120
    assert plan_composition([clip(24 * 3600, is_interlaced=True)], FADE).work_seconds < 7200


SOURCES = ("https://a/1.mp4 100", "https://a/2.mp4 100")
PLAN = plan_composition([prepared(), prepared(sound=True)], FADE)


def test_equal_plans_have_one_fingerprint():
    again = plan_composition([prepared(), prepared(sound=True)], CompositionOptions())
    assert fingerprint(again, list(SOURCES), "1") == fingerprint(PLAN, SOURCES, "1")
    assert len(fingerprint(PLAN, SOURCES, "1")) == 16
    assert int(fingerprint(PLAN, SOURCES, "1"), 16) >= 0


@pytest.mark.parametrize(
    ("plan", "sources", "recipe"),
    [
        (plan_composition([prepared(), prepared(sound=True)], HARD), SOURCES, "1"),
        (plan_composition([prepared(), prepared(sound=True)], SMALL_FADE), SOURCES, "1"),
        (plan_composition([prepared(), prepared(sound=True)], FADE, MUSIC), SOURCES, "1"),
        (plan_composition([prepared(sound=True), prepared()], FADE), SOURCES, "1"),
        (plan_composition([prepared(), prepared(49, sound=True)], FADE), SOURCES, "1"),
        (plan_composition([prepared(start_seconds=0.5), prepared(sound=True)], FADE), SOURCES, "1"),
        (replace(PLAN, transition="wipeleft"), SOURCES, "1"),
        (replace(PLAN, tags_color=False), SOURCES, "1"),
        (replace(PLAN, encode=replace(FAST, crf=21)), SOURCES, "1"),
        (replace(PLAN, copied_parameter_sets=SETS_0_OTHER), SOURCES, "1"),
        (PLAN, SOURCES[::-1], "1"),
        (PLAN, ("https://a/1.mp4 100", "https://a/2.mp4 101"), "1"),
        (PLAN, SOURCES, "2"),
    ],
)
def test_whatever_changes_a_segment_changes_the_fingerprint(
    plan: CompositionPlan, sources: tuple[str, ...], recipe: str
):
    assert fingerprint(plan, sources, recipe) != fingerprint(PLAN, SOURCES, "1")


@st.composite
def any_clip(draw: st.DrawFn) -> MediaProbe:
    frames = draw(st.integers(1, 120))
    points = st.sets(st.integers(0, frames), max_size=12).map(sorted).map(tuple)
    return clip(
        frames,
        rate=draw(st.sampled_from([24, 24, 24, 30, NTSC, 120])),
        sound=draw(st.booleans()),
        width=draw(st.sampled_from([1080, 1080, 1080, 720])),
        parameter_sets=draw(st.sampled_from([SETS_0, SETS_0, SETS_0_OTHER, ""])),
        is_variable_rate=draw(st.sampled_from([False, False, True])),
        entry_frames=tuple(frame for frame in draw(points) if frame < frames),
        exit_frames=tuple(frame for frame in draw(points) if frame > 0),
        reorder_frames=draw(st.integers(0, 4)),
    )


@st.composite
def any_options(draw: st.DrawFn) -> CompositionOptions:
    return CompositionOptions(
        crossfade=draw(st.sampled_from([True, True, False])),
        crossfade_seconds=draw(st.floats(0.001, 5)),
        optimize_size=draw(st.booleans()),
    )


@given(st.lists(any_clip(), min_size=1, max_size=10), any_options())
def test_whatever_comes_all_frames_are_planned_and_copies_are_legal(
    probes: list[MediaProbe], options: CompositionOptions
):
    plan = plan_composition(probes, options)
    assert plan.total_frames == sum(part.frames for part in plan.clips) - sum(plan.joints)
    for segment in plan.segments:
        if segment.is_copied or segment.may_copy:
            piece, stream = segment.left, probes[segment.left.clip].video
            assert stream is not None
            assert segment.right is None
            assert piece.start in stream.entry_frames
            assert piece.end in stream.exit_frames
            assert stream.parameter_sets == plan.copied_parameter_sets
            assert stream.reorder_frames <= plan.reorder_frames
            assert plan.clips[piece.clip].is_steady
            assert plan.clips[piece.clip].why_encoded == ""


@given(st.lists(any_clip(), min_size=1, max_size=10), any_options(), st.sampled_from([None, MUSIC]))
def test_the_work_adds_up_and_its_shares_run_from_0_to_1(
    probes: list[MediaProbe], options: CompositionOptions, music: MediaProbe | None
):
    plan = plan_composition(probes, options, music)
    parts = [plan.sound_seconds, *map(plan.segment_seconds, plan.segments)]
    assert plan.work_seconds == pytest.approx(sum(parts))
    shares = [plan.share_before(number) for number in range(len(plan.segments) + 1)]
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(plan.sound_seconds / plan.work_seconds)
    assert shares[-1] == pytest.approx(1.0)
    assert 0 <= shares[0] <= shares[-1] <= 1.0
    assert (shares[0] == 0) is not plan.has_sound
