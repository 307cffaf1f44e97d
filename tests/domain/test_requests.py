"""Every field of every job schema, right and wrong."""

import math
from typing import Any

import pytest

from pipeline.domain.errors import InvalidRequest
from pipeline.domain.requests import (
    MAX_CLIPS,
    MAX_SCENES,
    CompositionRequest,
    ImageRequest,
    JobRequest,
    MultiVideoRequest,
    VideoRequest,
    parse_request,
)

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
    (VideoRequest, VIDEO, "image_url", [None, "", "x", "file:///etc/passwd", "ftp://a.com/x", 7, "https://a b.com/"]),
    (VideoRequest, VIDEO, "duration", [None, 0, -1, 61, "5", math.nan, math.inf, True, []]),
    (MultiVideoRequest, MULTI, "scenes", [None, [], "x", {}, [None], [7]]),
    (MultiVideoRequest, MULTI, "audio_url", ["", "x", 7]),
    (CompositionRequest, COMPOSITION, "clips", [None, [], "x", [{}], [{"scene_number": 1}]]),
    (CompositionRequest, COMPOSITION, "include_crossfade", [None, "true", 0]),
    (CompositionRequest, COMPOSITION, "optimize_size", [None, "true", 0]),
    (CompositionRequest, COMPOSITION, "crossfade_seconds", [0, -1, 6, "1", math.nan]),
    (CompositionRequest, COMPOSITION, "transition", [None, "explode", 7]),
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
    ],
)
def test_a_wrong_value_inside_a_scene_names_the_scene(name: str, value: Any):
    scene = MULTI["scenes"][0]  # type: ignore[index]
    with pytest.raises(InvalidRequest, match=rf"'scenes\.1\.{name}'"):
        parse_request(MultiVideoRequest, MULTI | {"scenes": [scene, scene | {"scene_number": 2, name: value}]})


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
    with pytest.raises(InvalidRequest, match="at most 200"):
        parse_request(CompositionRequest, COMPOSITION | {"clips": [clip] * 10_000})


def test_a_product_composite_needs_a_product():
    with pytest.raises(InvalidRequest, match="product_id"):
        parse_request(ImageRequest, IMAGE | {"use_product_composite": True})


def test_the_message_never_repeats_what_was_sent():
    with pytest.raises(InvalidRequest) as caught:
        parse_request(VideoRequest, VIDEO | {"image_url": "ftp://user:secret@example.com/"})
    assert "secret" not in caught.value.message
