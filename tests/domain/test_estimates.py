from dataclasses import replace

import pytest

from pipeline.domain.errors import ConfigurationError
from pipeline.domain.estimates import Models, estimate_usd, expected_adjustments
from pipeline.domain.jobs import JobKind
from pipeline.domain.requests import REQUEST_MODELS, parse_request
from tests.domain.test_requests import COMPOSITION, IMAGE, MULTI, VIDEO

FLUX, SEEDANCE = "black-forest-labs/flux-dev", "bytedance/seedance-1-lite"
KONTEXT, KONTEXT_MAX = "black-forest-labs/flux-kontext-pro", "black-forest-labs/flux-kontext-max"
MODELS = Models(FLUX, SEEDANCE, None, "720p")
SCENE = {"seed_image_url": "https://x.example/a.png", "description": "x"}


@pytest.mark.parametrize(
    ("kind", "fields", "usd"),
    [
        (JobKind.IMAGE, IMAGE, 0.025),
        (JobKind.VIDEO, {**VIDEO, "duration": 5.0}, 5 * 0.036),
        (JobKind.VIDEO, {**VIDEO, "duration": 60.0}, 12 * 0.036),  # the model makes no more
        (
            JobKind.MULTI_VIDEO,
            {**MULTI, "scenes": [{**SCENE, "scene_number": n, "duration": float(n)} for n in (2, 3, 4)]},
            9 * 0.036,
        ),
        (JobKind.VIDEO, {**VIDEO, "duration": 5.0, "resolution": "1080p"}, 5 * 0.072),
        (
            JobKind.VIDEO,
            {**VIDEO, "duration": 2.6, "resolution": "2160p"},
            3 * 0.072,
        ),  # what is made, not what is asked
        (
            JobKind.MULTI_VIDEO,
            {
                **MULTI,
                "resolution": "480p",
                "scenes": [{**SCENE, "scene_number": n, "duration": seconds} for n, seconds in ((1, 1.0), (2, 60.0))],
            },
            14 * 0.018,
        ),
        (JobKind.COMPOSITION, COMPOSITION, 0.0),
    ],
)
def test_a_job_costs_what_its_predictions_are_priced_at(kind, fields, usd):
    request = parse_request(REQUEST_MODELS[kind], fields)
    assert estimate_usd(request, MODELS) == pytest.approx(usd)


@pytest.mark.parametrize(
    ("blend", "use_product_composite", "usd"),
    [
        (KONTEXT, True, 0.025 + 0.04),
        (KONTEXT_MAX, True, 0.025 + 0.08),
        (KONTEXT, False, 0.025),
        (None, True, 0.025),
    ],
)
def test_a_product_costs_more_where_a_model_puts_it_in(blend: str | None, use_product_composite: bool, usd: float):
    fields = {**IMAGE, "use_product_composite": use_product_composite, "product_id": "p"}
    request = parse_request(REQUEST_MODELS[JobKind.IMAGE], fields)
    assert estimate_usd(request, replace(MODELS, blend=blend)) == pytest.approx(usd)


@pytest.mark.parametrize("unknown", [{"image": "no/such"}, {"blend": "no/such"}])
def test_an_unknown_model_is_a_fault_of_the_deployment(unknown: dict[str, str]):
    fields = {**IMAGE, "use_product_composite": True, "product_id": "p"}
    with pytest.raises(ConfigurationError):
        estimate_usd(parse_request(REQUEST_MODELS[JobKind.IMAGE], fields), replace(MODELS, **unknown))


@pytest.mark.parametrize(
    ("kind", "fields", "noted"),
    [
        (JobKind.IMAGE, {**IMAGE, "aspect_ratio": "2.39:1"}, {"aspect_ratio": "21:9"}),
        (JobKind.IMAGE, {**IMAGE, "aspect_ratio": "16:9"}, {}),
        (JobKind.VIDEO, {**VIDEO, "duration": 7.6, "resolution": "2160p"}, {"duration": 8, "resolution": "1080p"}),
        (
            JobKind.MULTI_VIDEO,
            {
                **MULTI,
                "resolution": "500p",
                "scenes": [{**SCENE, "scene_number": n, "duration": seconds} for n, seconds in ((1, 5.0), (2, 60.0))],
            },
            {"resolution": "480p", "scenes.1.duration": 12},
        ),
        (JobKind.COMPOSITION, COMPOSITION, {}),
    ],
)
def test_what_will_be_used_in_place_of_what_is_asked_for_is_known_before(kind, fields, noted):
    adjustments = expected_adjustments(parse_request(REQUEST_MODELS[kind], fields), MODELS)
    assert {adjustment.field: adjustment.used for adjustment in adjustments} == noted
