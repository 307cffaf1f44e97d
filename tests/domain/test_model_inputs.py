"""What is asked for becomes what a model takes. The stub's own list of what models refuse is the judge."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localdev.stub_replicate.models import invalid_fields
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.estimates import Models, estimate_usd
from pipeline.domain.model_inputs import (
    Adjustment,
    as_fields,
    blend_terms,
    clip_terms,
    nearest_seconds,
    picture_terms,
    scene_adjustments,
)
from pipeline.domain.models import BLEND_MODELS, IMAGE_MODELS, SEEDANCE_SECONDS, VIDEO_MODELS, image_model, video_model
from pipeline.domain.quotas import microusd
from pipeline.domain.requests import ClipWish, ImageRequest, MultiVideoRequest, VideoRequest, parse_request
from tests.domain.test_requests import IMAGE, MULTI, VIDEO

SCHNELL, PRO = image_model("black-forest-labs/flux-schnell"), image_model("black-forest-labs/flux-1.1-pro")
LITE = video_model("bytedance/seedance-1-lite")

side = st.one_of(
    st.integers(1, 9999).map(str),
    st.tuples(st.integers(0, 9999), st.integers(1, 999)).map(lambda parts: f"{parts[0]}.{parts[1]:03d}"),
)
ratios = st.tuples(side, side).map(":".join)
resolutions = st.integers(100, 9999).map(lambda lines: f"{lines}p")
durations = st.floats(min_value=0, max_value=60, exclude_min=True)
cameras = st.booleans()
image_models, video_models = st.sampled_from(list(IMAGE_MODELS.values())), st.sampled_from(list(VIDEO_MODELS.values()))
anything = st.one_of(st.none(), st.text(max_size=12), st.integers(), st.floats(), st.booleans())


def parsed(kind: type[Any], fields: dict[str, Any]) -> tuple[Any, str | None]:
    """(the request, None), or (None, the field that is refused)."""
    try:
        return parse_request(kind, fields), None
    except InvalidRequest as refused:
        return None, refused.message.split("'")[1]


@given(image_models, st.one_of(st.none(), ratios))
def test_whatever_ratio_is_asked_for_the_model_takes_what_is_built(model: Any, ratio: str | None):
    fields = {**IMAGE, "aspect_ratio": ratio}
    terms = picture_terms(model, parse_request(ImageRequest, fields).aspect_ratio)
    assert invalid_fields(model.name, terms.model_input("a lighthouse")) == []


@given(video_models, durations, st.one_of(st.none(), resolutions), cameras, st.sampled_from(["480p", "720p", "1080p"]))
def test_whatever_clip_is_asked_for_the_model_takes_what_is_built(
    model: Any, duration: float, resolution: str | None, camera_fixed: bool, default: str
):
    fields = {**VIDEO, "duration": duration, "resolution": resolution, "camera_fixed": camera_fixed}
    request = parse_request(VideoRequest, fields)
    terms = clip_terms(model, request.wish, default)
    built = terms.model_input("zoom in", "https://example.com/a.png")
    assert invalid_fields(model.name, built) == []
    assert built.get("camera_fixed", False) == camera_fixed
    assert terms.cost_usd == estimate_usd(request, Models(SCHNELL.name, model.name, None, default))
    assert terms.cost_usd == model.cost_usd(built["duration"], built["resolution"])
    noted = {one.field: (one.asked, one.used) for one in terms.adjustments}
    assert noted.get("duration", (duration, duration)) == (duration, built["duration"])
    assert ("resolution" in noted) == (resolution is not None and resolution != built["resolution"])


@given(image_models, video_models, anything, anything, anything)
def test_nonsense_is_refused_by_its_name_or_built_into_what_the_models_take(
    image: Any, video: Any, ratio: Any, resolution: Any, camera_fixed: Any
):
    picture, named = parsed(ImageRequest, {**IMAGE, "aspect_ratio": ratio})
    if picture is not None:
        assert invalid_fields(image.name, picture_terms(image, picture.aspect_ratio).model_input("x")) == []
    assert named in (None, "aspect_ratio")
    clip, named = parsed(VideoRequest, {**VIDEO, "resolution": resolution, "camera_fixed": camera_fixed})
    if clip is not None:
        built = clip_terms(video, clip.wish, "720p").model_input("x", "https://example.com/a.png")
        assert invalid_fields(video.name, built) == []
    assert named in (None, "resolution", "camera_fixed")


@pytest.mark.parametrize(
    ("asked", "used", "is_noted"),
    [
        (None, "9:16", False),
        ("9:16", "9:16", False),
        ("1080:1920", "9:16", False),
        ("1.6:0.9", "16:9", False),
        ("1:1", "1:1", False),
        ("4:5", "4:5", False),
        ("2.39:1", "21:9", True),
        ("1:2", "9:16", True),
        ("1000:1", "21:9", True),
        ("1:9999", "9:21", True),
    ],
)
def test_a_ratio_becomes_the_nearest_that_is_offered(asked: str | None, used: str, is_noted: bool):
    terms = picture_terms(SCHNELL, asked)
    assert terms.inputs == {"aspect_ratio": used, "num_outputs": 1, "output_format": "png"}
    assert [(one.field, one.asked, one.used) for one in terms.adjustments] == (
        [("aspect_ratio", asked, used)] if is_noted else []
    )


@pytest.mark.parametrize(
    ("asked", "size", "is_noted"),
    [
        (None, (800, 1440), False),
        ("16:9", (1440, 800), False),
        ("1:1", (1440, 1440), False),
        ("4:5", (1152, 1440), False),
        ("21:9", (1440, 608), False),
        ("5.625:1", (1440, 256), False),
        ("7:1", (1440, 256), True),
        ("1:9999", (256, 1440), True),
    ],
)
def test_a_ratio_becomes_edges_where_the_model_takes_any(asked: str | None, size: tuple[int, int], is_noted: bool):
    terms = picture_terms(PRO, asked)
    assert (terms.inputs["aspect_ratio"], terms.inputs["width"], terms.inputs["height"]) == ("custom", *size)
    assert [(one.asked, one.used) for one in terms.adjustments] == (
        [(asked, f"{size[0]}:{size[1]}")] if is_noted else []
    )


@given(ratios)
def test_edges_that_are_not_noted_are_within_half_a_step_of_the_ratio(ratio: str):
    terms = picture_terms(PRO, parse_request(ImageRequest, {**IMAGE, "aspect_ratio": ratio}).aspect_ratio)
    width, _, height = ratio.partition(":")
    if not terms.adjustments:
        wanted = float(width) / float(height)
        short = min(terms.inputs["width"], terms.inputs["height"])
        assert abs(short - 1440 * min(wanted, 1 / wanted)) <= 16.001


@given(image_models, ratios)
def test_no_other_offered_ratio_is_nearer(model: Any, ratio: str):
    if not isinstance(model.shapes, tuple):
        return

    def distance(one: str) -> float:
        (a, b), (c, d) = ([float(side) for side in text.split(":")] for text in (one, ratio))
        return abs(math.log(a * d / (b * c)))

    used = picture_terms(model, ratio).inputs["aspect_ratio"]
    assert distance(used) <= min(distance(other) for other in model.shapes) + 1e-9


@pytest.mark.parametrize(
    ("wanted", "allowed"), [(0.5, 2), (2.0, 2), (4.4, 4), (4.5, 4), (5.0, 5), (7.6, 8), (12.0, 12), (60.0, 12)]
)
def test_a_duration_becomes_the_nearest_allowed_one(wanted: float, allowed: int):
    assert nearest_seconds(wanted, SEEDANCE_SECONDS) == allowed


@pytest.mark.parametrize(
    ("asked", "used", "is_noted"),
    [
        (None, "480p", False),
        ("720p", "720p", False),
        ("1080p", "1080p", False),
        ("2160p", "1080p", True),
        ("540p", "480p", True),
        ("144p", "480p", True),
    ],
)
def test_a_resolution_becomes_the_nearest_that_is_offered(asked: str | None, used: str, is_noted: bool):
    terms = clip_terms(LITE, ClipWish(5.0, asked, camera_fixed=False), "480p")
    assert (terms.resolution, terms.cost_usd) == (used, LITE.cost_usd(5, used))
    assert bool(terms.adjustments) == is_noted


def test_an_adjustment_says_what_is_used_and_why():
    terms = clip_terms(LITE, ClipWish(20.0, "4320p", camera_fixed=False), "480p")
    assert as_fields(terms.adjustments) == [
        {
            "field": "duration",
            "asked": 20.0,
            "used": 12,
            "reason": "bytedance/seedance-1-lite makes whole seconds, from 2 to 12.",
        },
        {
            "field": "resolution",
            "asked": "4320p",
            "used": "1080p",
            "reason": "bytedance/seedance-1-lite offers 480p, 720p, 1080p.",
        },
    ]


def test_scenes_are_named_by_their_place_and_what_they_share_is_noted_once():
    scene = MULTI["scenes"][0]  # type: ignore[index]
    scenes = [scene | {"scene_number": n, "duration": seconds} for n, seconds in ((7, 5.0), (8, 2.5), (9, 40.0))]
    request = parse_request(MultiVideoRequest, {**MULTI, "scenes": scenes, "resolution": "2160p"})
    noted = scene_adjustments([clip_terms(LITE, wish, "720p") for wish in request.wishes])
    assert [(one.field, one.asked, one.used) for one in noted] == [
        ("resolution", "2160p", "1080p"),
        ("scenes.1.duration", 2.5, 2),
        ("scenes.2.duration", 40.0, 12),
    ]
    assert all(isinstance(one, Adjustment) for one in noted)


@given(video_models, st.lists(durations, min_size=1, max_size=50), st.one_of(st.none(), resolutions))
def test_what_is_reserved_for_many_scenes_is_what_their_orders_cost(
    model: Any, seconds: list[float], resolution: str | None
):
    scene = MULTI["scenes"][0]  # type: ignore[index]
    scenes = [scene | {"scene_number": n, "duration": duration} for n, duration in enumerate(seconds, start=1)]
    request = parse_request(MultiVideoRequest, {**MULTI, "scenes": scenes, "resolution": resolution})
    ordered = [microusd(clip_terms(model, request.wish(scene), "720p").cost_usd) for scene in request.scenes]
    assert microusd(estimate_usd(request, Models(SCHNELL.name, model.name, None, "720p"))) == sum(ordered)


def test_a_scene_may_have_its_own_camera():
    scene = MULTI["scenes"][0]  # type: ignore[index]
    scenes = [scene | {"scene_number": n, "camera_fixed": fixed} for n, fixed in ((1, None), (2, True), (3, False))]
    for of_job, of_scenes in ((True, [True, True, False]), (False, [False, True, False])):
        request = parse_request(MultiVideoRequest, {**MULTI, "scenes": scenes, "camera_fixed": of_job})
        assert [wish.camera_fixed for wish in request.wishes] == of_scenes


@given(st.sampled_from(list(BLEND_MODELS.values())), st.floats(0.1, 10))
def test_whatever_the_scenes_shape_the_model_takes_what_is_built(model: Any, width_to_height: float):
    urls = ["https://example.com/scene.png", "https://example.com/product.png"][: len(model.picture_inputs)]
    built = blend_terms(model, width_to_height).model_input("the product", *urls)
    assert invalid_fields(model.name, built) == []
    assert [built[name] for name in model.picture_inputs] == urls


@pytest.mark.parametrize(
    ("name", "width_to_height", "ratio"),
    [
        ("black-forest-labs/flux-kontext-pro", 768 / 1344, "match_input_image"),
        ("black-forest-labs/flux-kontext-max", 1.0, "match_input_image"),
        ("flux-kontext-apps/multi-image-kontext-pro", 768 / 1344, "9:16"),
        ("flux-kontext-apps/multi-image-kontext-pro", 1440 / 608, "21:9"),
        ("flux-kontext-apps/multi-image-kontext-pro", 2.0, "2:1"),
    ],
)
def test_a_scene_keeps_its_shape_when_a_product_is_put_into_it(name: str, width_to_height: float, ratio: str):
    terms = blend_terms(BLEND_MODELS[name], width_to_height)
    assert terms.inputs == {"aspect_ratio": ratio, "output_format": "png"}
    assert terms.cost_usd == BLEND_MODELS[name].usd_per_image


def test_a_blend_needs_as_many_pictures_as_its_model_takes():
    one, two = (blend_terms(BLEND_MODELS[name], 1.0) for name in list(BLEND_MODELS)[1:])
    assert (len(one.picture_inputs), len(two.picture_inputs)) == (1, 2)
    for terms, urls in ((one, ["a", "b"]), (two, ["a"])):
        with pytest.raises(ValueError, match="zip"):
            terms.model_input("x", *urls)
