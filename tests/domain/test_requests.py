"""Every field of every job schema, right and wrong."""

import math
import time
from typing import Any

import pytest

from pipeline.domain.errors import InvalidRequest
from pipeline.domain.jobs import JobKind
from pipeline.domain.requests import (
    MAX_CLIPS,
    MAX_SCENES,
    MAX_SEED,
    CompositionRequest,
    ImageRequest,
    JobRequest,
    MultiVideoRequest,
    VideoRequest,
    fingerprint,
    parse_request,
    request_key,
)
from pipeline.domain.transitions import TRANSITIONS

# as the frontend of the seed writes them
IMAGE = {
    "job_id": "j1",
    "scene_id": "s1",
    "storyboard_id": "b1",
    "user_id": "u1",
    "text": "A lighthouse at dusk",
    "style_prompt": "watercolour",
    "use_product_composite": False,
    "product_id": None,
    "status": "pending",
    "created_at": "timestamp",
    "updated_at": "timestamp",
}
VIDEO = {
    "job_id": "j1",
    "scene_id": "s1",
    "storyboard_id": "b1",
    "user_id": "u1",
    "image_url": "https://example.com/a.png",
    "text": "A lighthouse at dusk",
    "duration": 5.0,
    "status": "pending",
}
MULTI = {
    "job_id": "j1",
    "user_id": "u1",
    "scenes": [
        {
            "scene_number": 1,
            "seed_image_url": "https://example.com/a.png",
            "duration": 5.0,
            "description": "A lighthouse at dusk",
        }
    ],
    "audio_url": None,
    "status": "pending",
    "progress_percent": 0,
    "clips": [],
}
COMPOSITION = {
    "job_id": "j1",
    "user_id": "u1",
    "clips": [{"scene_number": 1, "video_url": "https://example.com/a.mp4", "duration": 5.0}],
    "audio_url": None,
    "include_crossfade": True,
    "optimize_size": False,
    "status": "pending",
    "video_url": None,
}
VALID = [(ImageRequest, IMAGE), (VideoRequest, VIDEO), (MultiVideoRequest, MULTI), (CompositionRequest, COMPOSITION)]


@pytest.mark.parametrize(("model", "fields"), VALID)
def test_the_documents_of_the_seed_are_accepted(model: type[JobRequest], fields: dict[str, Any]):
    assert parse_request(model, fields).user_id == "u1"


def test_a_whole_number_is_a_duration():
    assert parse_request(VideoRequest, VIDEO | {"duration": 5}).duration == 5.0


def test_optional_fields_have_the_values_a_user_expects():
    image = parse_request(ImageRequest, {"user_id": "u1", "scene_id": "s1", "text": "x"})
    assert (image.style_prompt, image.use_product_composite, image.storyboard_id) == ("", False, None)
    clips = COMPOSITION["clips"]
    composition = parse_request(CompositionRequest, {"user_id": "u1", "clips": clips})
    assert (composition.include_crossfade, composition.optimize_size, composition.crossfade_seconds) == (
        True,
        False,
        0.5,
    )


@pytest.mark.parametrize(("scale", "x", "y"), [(0.05, 0, 0), (1, 1, 1), (0.4, 0.25, 0.9)])
def test_a_product_may_be_placed_anywhere_in_the_picture(scale: float, x: float, y: float):
    placed = {"composite_scale": scale, "composite_x": x, "composite_y": y, "composite_shadow": False}
    image = parse_request(ImageRequest, IMAGE | placed)
    assert (image.composite_scale, image.composite_x, image.composite_y) == (scale, x, y)
    assert (image.composite_shadow, image.composite_match) == (False, True)


MISSING = [
    *[(ImageRequest, IMAGE, name) for name in ("user_id", "scene_id", "text")],
    *[(VideoRequest, VIDEO, name) for name in ("user_id", "scene_id", "text", "image_url")],
    *[(MultiVideoRequest, MULTI, name) for name in ("user_id", "scenes")],
    *[(CompositionRequest, COMPOSITION, name) for name in ("user_id", "clips")],
]


@pytest.mark.parametrize(("model", "fields", "name"), MISSING)
def test_a_missing_field_is_named(model: type[JobRequest], fields: dict[str, Any], name: str):
    with pytest.raises(InvalidRequest, match=f"'{name}'"):
        parse_request(model, {key: value for key, value in fields.items() if key != name})


WRONG = [
    (ImageRequest, IMAGE, "user_id", [None, "", 7, "a/b", "a\\b", "..", "__x__", "x" * 201]),
    (ImageRequest, IMAGE, "scene_id", [None, "", 7, ["s1"], "a/b", "."]),
    (ImageRequest, IMAGE, "text", [None, "", "   ", 7, "x" * 4001, {"a": 1}]),
    (ImageRequest, IMAGE, "style_prompt", [None, 7, "x" * 1001]),
    (ImageRequest, IMAGE, "use_product_composite", [None, "yes", 1]),
    (ImageRequest, IMAGE, "product_id", [7, "", "a/b"]),
    (
        ImageRequest,
        IMAGE,
        "aspect_ratio",
        ["", "16/9", "16:9 ", "0:1", "1:0", "0.000:1", "-1:1", "1:2:3", ":", "a:b", 1],
    ),
    (ImageRequest, IMAGE, "aspect_ratio", ["12345:1", "1.:1", "nan:1", "1e3:1", "٣:٤", "1:1\n", 1.5, ["1:1"]]),
    (VideoRequest, VIDEO, "resolution", ["", "4k", "720", "720P", "0720p", "72p", "72000p", "720p ", 720, ["720p"]]),
    (VideoRequest, VIDEO, "camera_fixed", [None, "yes", 1, 0.0, []]),
    (MultiVideoRequest, MULTI, "resolution", ["hd", 1080, True]),
    (MultiVideoRequest, MULTI, "camera_fixed", [None, "no", 0]),
    (ImageRequest, IMAGE, "composite_scale", [None, 0, 0.04, 1.01, "0.4", math.nan, math.inf, True, []]),
    (ImageRequest, IMAGE, "composite_x", [None, -0.01, 1.01, "0.5", math.nan, -math.inf, True]),
    (ImageRequest, IMAGE, "composite_y", [None, -0.01, 1.01, "0.5", math.nan, math.inf, True]),
    (ImageRequest, IMAGE, "composite_shadow", [None, "yes", 1]),
    (ImageRequest, IMAGE, "composite_match", [None, "yes", 1]),
    (VideoRequest, VIDEO, "image_url", [None, "", "x", "file:///etc/passwd", "ftp://a.com/x", 7, "https://a b.com/"]),
    (VideoRequest, VIDEO, "duration", [None, 0, -1, 61, "5", math.nan, math.inf, True, []]),
    (MultiVideoRequest, MULTI, "scenes", [None, [], "x", {}, [None], [7]]),
    (MultiVideoRequest, MULTI, "audio_url", ["", "x", 7]),
    (CompositionRequest, COMPOSITION, "clips", [None, [], "x", [{}], [{"scene_number": 1}]]),
    (CompositionRequest, COMPOSITION, "include_crossfade", [None, "true", 0]),
    (CompositionRequest, COMPOSITION, "optimize_size", [None, "true", 0]),
    (CompositionRequest, COMPOSITION, "crossfade_seconds", [None, 0, -0.0, -1, 5.01, 6, "1", math.nan, True, []]),
    (CompositionRequest, COMPOSITION, "crossfade_seconds", [math.inf, -math.inf, 1e308, 2**63, 10**400]),
    (CompositionRequest, COMPOSITION, "transition", [None, "explode", "custom", "Fade", "fade ", "", 7, ["fade"]]),
]


@pytest.mark.parametrize(
    ("model", "fields", "name", "value"),
    [(model, fields, name, value) for model, fields, name, values in WRONG for value in values],
)
def test_a_wrong_value_is_named(model: type[JobRequest], fields: dict[str, Any], name: str, value: Any):
    with pytest.raises(InvalidRequest, match=f"'{name}"):
        parse_request(model, fields | {name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scene_number", 0),
        ("scene_number", "1"),
        ("scene_number", 1.5),
        ("seed_image_url", "file:///x"),
        ("duration", -1),
        ("duration", math.nan),
        ("description", ""),
        ("scene_id", "a/b"),
        ("camera_fixed", "yes"),
    ],
)
def test_a_wrong_value_inside_a_scene_names_the_scene(name: str, value: Any):
    scene = MULTI["scenes"][0]  # type: ignore[index]
    with pytest.raises(InvalidRequest, match=rf"'scenes\.1\.{name}'"):
        parse_request(MultiVideoRequest, MULTI | {"scenes": [scene, scene | {"scene_number": 2, name: value}]})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scene_number", 0),
        ("video_url", "file:///x"),
        *[("duration", value) for value in (0, -0.0, -1, -1e-320, 3600.1, 1e308, 2**63, 10**400, "5", True)],
        *[("duration", value) for value in (math.nan, math.inf, -math.inf)],
    ],
)
def test_a_wrong_value_inside_a_clip_names_the_clip(name: str, value: Any):
    clip = COMPOSITION["clips"][0]  # type: ignore[index]
    with pytest.raises(InvalidRequest, match=rf"'clips\.1\.{name}'"):
        parse_request(CompositionRequest, COMPOSITION | {"clips": [clip, clip | {name: value}, clip]})


@pytest.mark.parametrize("seconds", [5, 0.5, 0.001, 5.0])
def test_a_fade_may_last_up_to_five_seconds(seconds: float):
    assert parse_request(CompositionRequest, COMPOSITION | {"crossfade_seconds": seconds}).crossfade_seconds == seconds


@pytest.mark.parametrize("duration", [None, 1, 0.04, 3600])
def test_what_the_client_believes_of_a_clip_may_lack_or_be_any_length_up_to_an_hour(duration: float | None):
    clip = COMPOSITION["clips"][0] | {"duration": duration}  # type: ignore[index]
    assert parse_request(CompositionRequest, COMPOSITION | {"clips": [clip]}).clips[0].duration == duration


@pytest.mark.parametrize("name", TRANSITIONS)
def test_every_transition_may_be_asked_for(name: str):
    assert parse_request(CompositionRequest, COMPOSITION | {"transition": name}).transition == name


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1, 7.5, "7", True])
def test_a_seed_is_a_number_of_31_bits(seed: Any):
    for model, fields in ((ImageRequest, IMAGE), (VideoRequest, VIDEO), (MultiVideoRequest, MULTI)):
        with pytest.raises(InvalidRequest, match="'seed'"):
            parse_request(model, {**fields, "seed": seed})


@pytest.mark.parametrize(("seed", "expected"), [(None, [None, None]), (7, [7, 8]), (MAX_SEED, [MAX_SEED, 0])])
def test_every_scene_has_a_seed_of_its_own_by_its_place(seed: int | None, expected: list[int | None]):
    scenes = [{**MULTI["scenes"][0], "scene_number": number} for number in (9, 3)]
    request = parse_request(MultiVideoRequest, {**MULTI, "scenes": scenes, "seed": seed})
    assert [request.seed_of(scene) for scene in request.scenes] == expected


def test_scene_numbers_are_unique():
    with pytest.raises(InvalidRequest, match="only once"):
        parse_request(MultiVideoRequest, MULTI | {"scenes": MULTI["scenes"] * 2})  # type: ignore[operator]


def test_a_clip_may_occur_twice_in_a_composition():
    assert len(parse_request(CompositionRequest, COMPOSITION | {"clips": COMPOSITION["clips"] * 2}).clips) == 2  # type: ignore[operator]


def test_lists_are_bounded():
    scene, clip = MULTI["scenes"][0], COMPOSITION["clips"][0]  # type: ignore[index]
    scenes = [scene | {"scene_number": n} for n in range(1, MAX_SCENES + 2)]
    with pytest.raises(InvalidRequest, match="at most 50"):
        parse_request(MultiVideoRequest, MULTI | {"scenes": scenes})
    with pytest.raises(InvalidRequest, match="at most 200"):
        parse_request(CompositionRequest, COMPOSITION | {"clips": [clip] * (MAX_CLIPS + 1)})


@pytest.mark.parametrize(
    ("differences", "field"),
    [
        ({}, "clips"),
        *[({"duration": value}, r"clips\.0\.duration") for value in (-1, 0, math.nan, math.inf, 1e308, "5")],
        ({"video_url": "file:///x"}, r"clips\.0\.video_url"),
    ],
)
def test_ten_thousand_clips_are_refused_at_once(differences: dict[str, Any], field: str):
    clip = COMPOSITION["clips"][0] | differences  # type: ignore[index]
    started = time.process_time()
    with pytest.raises(InvalidRequest, match=f"'{field}'") as caught:
        parse_request(CompositionRequest, COMPOSITION | {"clips": [clip] * 10_000})
    assert time.process_time() - started < 2
    assert len(caught.value.message) < 200


def test_a_product_composite_needs_a_product():
    with pytest.raises(InvalidRequest, match="product_id"):
        parse_request(ImageRequest, IMAGE | {"use_product_composite": True})


def test_the_message_never_repeats_what_was_sent():
    with pytest.raises(InvalidRequest) as caught:
        parse_request(VideoRequest, VIDEO | {"image_url": "ftp://user:secret@example.com/"})
    assert "secret" not in caught.value.message


def test_two_jobs_ask_for_the_same_whatever_their_ids_are():
    one, other = (parse_request(ImageRequest, IMAGE | {"request_id": name, "job_id": name}) for name in ("a", "b"))
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    "difference", [{"text": "Another"}, {"user_id": "u2"}, {"style_prompt": ""}, {"scene_id": "s2"}]
)
def test_two_jobs_that_differ_in_anything_else_do_not(difference: dict[str, Any]):
    one, other = (parse_request(ImageRequest, fields) for fields in (IMAGE, IMAGE | difference))
    assert fingerprint(one) != fingerprint(other)


def test_a_request_id_belongs_to_one_user_and_one_kind_of_job():
    keys = [
        request_key(JobKind.IMAGE, "u1", "r1"),
        request_key(JobKind.VIDEO, "u1", "r1"),
        request_key(JobKind.IMAGE, "u2", "r1"),
        request_key(JobKind.IMAGE, "u1", "r2"),
        request_key(JobKind.IMAGE, "u1r", "1"),
    ]
    assert len(set(keys)) == len(keys)
    assert keys[0] == request_key(JobKind.IMAGE, "u1", "r1")
