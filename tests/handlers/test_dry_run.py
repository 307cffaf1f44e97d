"""Dry runs: jobs of every kind that are checked and estimated, and change nothing but their own document."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore

from localdev.stack.object_stores import LocalR2
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, SignalWake, TaskWake
from pipeline.domain.quotas import Limits
from pipeline.domain.results import RESULT_FIELDS
from pipeline.handlers.tools import Tools
from tests.handlers.conftest import USER, Workbench, empty_bucket, empty_project
from tests.media_samples import MediaSamples

IMAGE, VIDEO, MULTI, COMPOSITION = JobKind.IMAGE, JobKind.VIDEO, JobKind.MULTI_VIDEO, JobKind.COMPOSITION
NOWHERE = "https://nobody-listens.invalid/a.png"
INNER = "https://169.254.169.254/computeMetadata/v1/"


@pytest.fixture
def firestore_client(firestore_client: firestore.Client) -> Iterator[firestore.Client]:
    """An empty project on the same emulator: all documents are compared, and none of them is another test's."""
    with empty_project() as client:
        yield client


@pytest.fixture(scope="module")
def r2_server() -> Iterator[LocalR2]:
    """A bucket of this file's own: all files are compared, too."""
    with empty_bucket("dry-runs") as server:
        yield server


def everything(workbench: Workbench, besides: JobRef) -> Mapping[str, Any]:
    """Every document but the job, every stored file, and how many predictions there were."""
    documents = {
        found.reference.path: found.to_dict()
        for collection in workbench.client.collections()
        for found in collection.recursive().stream()
        if found.reference.path != besides.path
    }
    assert any(path.startswith("scenes/") for path in documents)
    files = [stored.key for stored in workbench.storage.list_objects("")]
    return {"documents": documents, "files": files, "predictions": workbench.replicate.creates}


def board(workbench: Workbench, name: str, user: str = USER) -> str:
    """A storyboard of two scenes, with a product, and a video that is being made of it."""
    for number in (1, 2):
        status = {"image": "generating", "video": "generating"}
        workbench.scene(f"{name}-{number}", user_id=user, generation_status=status, storyboard_id=name)
    order = [f"{name}-{number}" for number in (1, 2)]
    workbench.write(f"storyboards/{name}", {"user_id": user, "title": name, "scene_order": order})
    workbench.write(f"products/{name}", {"user_id": user, "image_url": NOWHERE})
    workbench.tools().videos(user).create_or_update_video(name)
    return name


def asked(kind: JobKind, name: str, url: str = NOWHERE) -> dict[str, Any]:
    """What a job of the kind asks for, of `board`."""
    scene = {"scene_id": f"{name}-1", "text": "A lighthouse"}
    entry = {"seed_image_url": url, "description": "A lighthouse"}
    own = {
        IMAGE: {**scene, "use_product_composite": True, "product_id": name, "aspect_ratio": "2.39:1"},
        VIDEO: {**scene, "image_url": url, "duration": 2.6},
        MULTI: {
            "scenes": [
                {**entry, "scene_number": number, "scene_id": f"{name}-{number}", "duration": seconds}
                for number, seconds in ((1, 2.0), (2, 60.0))
            ]
        },
        COMPOSITION: {"clips": [{"scene_number": 1, "video_url": url}], "audio_url": url},
    }
    return {**own[kind], "storyboard_id": name}


def dry(workbench: Workbench, kind: JobKind, job_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The outcome of a dry run, which has changed nothing else."""
    before = everything(workbench, JobRef(kind, job_id))
    job = workbench.run(kind, job_id, {**fields, "dry_run": True})
    assert everything(workbench, JobRef(kind, job_id)) == before
    return job


@pytest.mark.parametrize(
    ("kind", "usd", "adjusted"),
    [
        (IMAGE, 0.003, {"aspect_ratio": "21:9"}),
        (VIDEO, 3 * 0.018, {"duration": 3}),
        (MULTI, 14 * 0.018, {"scenes.1.duration": 12}),
        (COMPOSITION, 0.0, {}),
    ],
)
def test_a_job_of_any_kind_is_checked_and_estimated(
    workbench: Workbench, kind: JobKind, usd: float, adjusted: dict[str, Any]
):
    name = board(workbench, f"dry-{kind}")
    job = dry(workbench, kind, name, asked(kind, name))
    assert (job["status"], job["dry_run"], job["progress_percent"], job["error"]) == ("complete", True, 100, None)
    assert (job["estimated_cost_usd"], job["cost_usd"]) == (pytest.approx(usd), 0)
    assert {entry["field"]: entry["used"] for entry in job["adjustments"]} == adjusted
    assert job["would_exceed"] is None
    assert set(job) & set(RESULT_FIELDS[kind]) - set(asked(kind, name)) <= {"adjustments"}


@pytest.mark.parametrize("kind", [IMAGE, VIDEO, MULTI])
def test_the_estimate_is_what_the_job_itself_reserves(workbench: Workbench, kind: JobKind, picture: Path):
    name = board(workbench, f"dry-estimate-{kind}")
    url = workbench.publish(picture)
    workbench.write(f"products/{name}", {"user_id": USER, "image_url": url})
    told = dry(workbench, kind, f"{name}-told", asked(kind, name, url))
    ref = JobRef(kind, f"{name}-made")
    workbench.write(ref.path, {"user_id": USER, "status": "pending", **asked(kind, name, url)})
    workbench.wake(ref, CreatedWake())
    begun = workbench.read(ref.path)
    assert begun["reserved_microusd"] == round(told["estimated_cost_usd"] * 1_000_000) > 0
    assert (begun["estimated_cost_usd"], begun["adjustments"]) == (told["estimated_cost_usd"], told["adjustments"])
    made = workbench.finish(ref)
    assert (made["status"], made["cost_usd"]) == ("complete", pytest.approx(told["estimated_cost_usd"]))


def test_the_estimate_is_shown_from_the_start(workbench: Workbench):
    name = board(workbench, "dry-start")
    ref = JobRef(VIDEO, name)
    fields = {"user_id": USER, "status": "pending", "dry_run": True, **asked(VIDEO, name)}
    workbench.write(ref.path, fields)
    seen: list[dict[str, Any]] = []

    def tools() -> Tools:
        seen.append(workbench.read(ref.path))
        return workbench.tools()

    workbench.wake(ref, CreatedWake(), tools=tools)
    assert (seen[0]["status"], seen[0]["estimated_cost_usd"]) == ("processing", pytest.approx(3 * 0.018))
    assert not {"usage_day", "reserved_microusd"} & set(workbench.read(ref.path))


REFUSED = {
    "no text": (IMAGE, {"text": " "}),
    "no such scene": (IMAGE, {"scene_id": "no-such"}),
    "another's scene": (VIDEO, {"scene_id": "theirs-1"}),
    "another's storyboard": (IMAGE, {"storyboard_id": "theirs"}),
    "another's product": (IMAGE, {"product_id": "theirs"}),
    "another's storyboard to compose": (COMPOSITION, {"storyboard_id": "theirs"}),
    "another's scene of many": (MULTI, {"scenes.1.scene_id": "theirs-1"}),
    "a scene number twice": (MULTI, {"scenes.1.scene_number": 1}),
    "no such retry": (IMAGE, {"retry_of": "no-such"}),
    "another's retry": (IMAGE, {"retry_of": "theirs"}),
    "an id that is none": (VIDEO, {"request_id": "a/b"}),
    "an inner picture": (VIDEO, {"image_url": INNER}),
    "a clip without TLS": (COMPOSITION, {"clips.0.video_url": "http://nobody-listens.invalid/a.mp4"}),
    "music with a password": (COMPOSITION, {"audio_url": "https://a:b@nobody-listens.invalid/a.mp3"}),
    "an inner picture of many": (MULTI, {"scenes.0.seed_image_url": INNER}),
    "inner pictures only": (MULTI, {"scenes.0.seed_image_url": INNER, "scenes.1.seed_image_url": INNER}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_job_itself_would_be_refused_for_is_told(
    workbench: Workbench, case: str, picture: Path, media_samples: MediaSamples
):
    kind, wrong = REFUSED[case]
    board(workbench, "theirs", user="user-b")
    workbench.write("image_generation_jobs/theirs", {"user_id": "user-b", "status": "error"})
    name = board(workbench, f"dry-refused-{list(REFUSED).index(case)}")
    url = workbench.publish(media_samples.moving() if kind is COMPOSITION else picture)
    fields = asked(kind, name, url)
    for path, value in wrong.items():
        put(fields, path, value)
    if kind is COMPOSITION and "audio_url" not in wrong:
        del fields["audio_url"]
    told = dry(workbench, kind, f"{name}-told", fields)
    made = workbench.run(kind, f"{name}-made", fields)
    assert (told["status"], made["status"]) == ("error", "error")
    assert told["error"]["code"] == made["error"]["code"]
    assert (told["dry_run"], told["cost_usd"]) == (True, 0)


def put(fields: Any, path: str, value: Any) -> None:
    """`clips.0.video_url`: a field of a map in a list."""
    *way, last = path.split(".")
    for step in way:
        fields = fields[int(step) if isinstance(fields, list) else step]
    fields[last] = value


def test_a_refusal_says_what_is_wrong(workbench: Workbench):
    name = board(workbench, "dry-says")
    fields = asked(MULTI, name)
    put(fields, "scenes.1.seed_image_url", INNER)
    job = dry(workbench, MULTI, name, fields)
    assert (job["error"]["code"], job["error"]["retryable"]) == ("partial_failure", False)
    assert job["error_message"].startswith("1 of 2 scenes would fail; scene 2: ")
    workbench.write(f"products/{name}", {"user_id": USER})
    product = dry(workbench, IMAGE, name, asked(IMAGE, name))
    assert (product["error"]["code"], "product" in product["error_message"]) == ("unsafe_url", True)
    unused = {**asked(IMAGE, name), "use_product_composite": False}
    assert dry(workbench, IMAGE, f"{name}-2", unused)["status"] == "complete"


@pytest.mark.parametrize("value", ["true", 1, [True]])
def test_only_the_literal_true_is_a_dry_run(workbench: Workbench, value: object):
    name = workbench.scene(f"dry-literal-{value}")
    before = workbench.replicate.creates
    job = workbench.run(IMAGE, name, {"scene_id": name, "text": "x", "dry_run": value})
    assert (job["status"], job["error"]["code"], "dry_run" in job["error_message"]) == (
        "error",
        "invalid_argument",
        True,
    )
    assert workbench.replicate.creates == before


def test_false_is_no_dry_run(workbench: Workbench):
    name = workbench.scene("dry-false")
    job = workbench.run(IMAGE, name, {"scene_id": name, "text": "x", "dry_run": False})
    assert (job["status"], job["cost_usd"]) == ("complete", 0.003)


@pytest.mark.parametrize("kind", JobKind)
@pytest.mark.parametrize(
    ("before", "ended"),
    [({"cancel_requested": True}, "canceled"), ({"status": "processing", "turn": 3, "interruptions": 2}, "error")],
    ids=["canceled", "given up"],
)
def test_one_that_comes_to_nothing_touches_nothing(
    workbench: Workbench, kind: JobKind, before: dict[str, Any], ended: str
):
    name = board(workbench, f"dry-{ended}-{kind}")
    ref = JobRef(kind, name)
    died = {"lease_expires_at": workbench.now() - timedelta(seconds=1)} if "turn" in before else {}
    workbench.write_claimed(
        ref.path, {"user_id": USER, "status": "pending", "dry_run": True, **asked(kind, name), **before, **died}
    )
    around = everything(workbench, ref)
    workbench.wake(ref, SignalWake())
    assert everything(workbench, ref) == around
    assert (workbench.read(ref.path)["status"], workbench.read(ref.path)["dry_run"]) == (ended, True)
    assert workbench.read(f"users/{USER}/videos/{name}")["status"] == "processing"


def test_one_that_is_delivered_twice_is_done_once(workbench: Workbench):
    name = board(workbench, "dry-twice")
    ref = JobRef(MULTI, name)
    job = dry(workbench, MULTI, name, asked(MULTI, name))
    for wake in (CreatedWake(), SignalWake(), TaskWake(1)):
        workbench.wake(ref, wake)
    assert workbench.read(ref.path) == job


def test_one_whose_instance_died_is_done_by_the_next(workbench: Workbench):
    name = board(workbench, "dry-died")
    ref = JobRef(IMAGE, name)
    workbench.write(ref.path, {"user_id": USER, "status": "pending", "dry_run": True, **asked(IMAGE, name)})
    workbench.desk().jobs.claim(ref, CreatedWake(), workbench.now(), timedelta(seconds=180))
    workbench.ahead += timedelta(seconds=360)
    workbench.wake(ref, SignalWake())
    job = workbench.read(ref.path)
    assert (job["status"], job["attempt"], job["estimated_cost_usd"]) == ("complete", 2, 0.003)


LIMITS = {
    "active jobs": (Limits(1, 0, 0.0, 0.0), False),
    "jobs a day": (Limits(0, 1, 0.0, 0.0), True),
    "the user's money": (Limits(0, 0, 0.004, 0.0), True),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_is_told_and_not_used_up(workbench: Workbench, limit: str):
    limits, is_of_the_day = LIMITS[limit]
    workbench.settings = replace(workbench.settings, limits=limits)
    user = f"user-dry-{limit}"
    name = f"dry-limit-{limit}"
    workbench.scene(name, user_id=user)
    fields = {"user_id": user, "scene_id": name, "text": "x"}
    for number in range(3):  # as many as one likes
        assert dry(workbench, IMAGE, f"{name}-{number}", fields)["would_exceed"] is None
    real = JobRef(IMAGE, f"{name}-real")
    workbench.write(real.path, {"status": "pending", **fields})
    workbench.wake(real, CreatedWake())
    told = dry(workbench, IMAGE, f"{name}-told", fields)
    refused = workbench.run(IMAGE, f"{name}-refused", fields)
    assert (told["status"], told["error"], refused["status"]) == ("complete", None, "error")
    assert told["would_exceed"] == refused["error"]
    assert told["would_exceed"].keys() == {"code", "message", "retryable", "resets_at"}
    assert (told["would_exceed"]["resets_at"] is not None) == is_of_the_day
    assert workbench.finish(real)["status"] == "complete"


def test_a_dry_run_neither_uses_up_a_request_id_nor_is_answered_by_its_job(workbench: Workbench):
    name = workbench.scene("dry-request")
    fields = {"scene_id": name, "text": "Once", "request_id": "dry-click"}
    assert dry(workbench, IMAGE, f"{name}-1", fields)["status"] == "complete"
    made = workbench.run(IMAGE, f"{name}-2", fields)
    assert (made["status"], made["cost_usd"]) == ("complete", 0.003)
    again = dry(workbench, IMAGE, f"{name}-3", fields)
    assert (again["status"], again["estimated_cost_usd"], "image_url" in again) == ("complete", 0.003, False)
    other = dry(workbench, IMAGE, f"{name}-4", {**fields, "text": "Something else"})
    assert other["status"] == "complete"
    duplicate = workbench.run(IMAGE, f"{name}-5", fields)
    assert (duplicate["image_url"], duplicate["cost_usd"]) == (made["image_url"], 0)


def test_a_retry_of_a_dry_run_makes_everything(workbench: Workbench):
    name = workbench.scene("dry-retry")
    fields = {"scene_id": name, "text": "All of it"}
    dry(workbench, IMAGE, f"{name}-dry", fields)
    before = workbench.replicate.creates
    made = workbench.run(IMAGE, f"{name}-made", {**fields, "retry_of": f"{name}-dry"})
    assert (made["status"], made["cost_usd"], workbench.replicate.creates) == ("complete", 0.003, before + 1)
    told = dry(workbench, IMAGE, f"{name}-again", {**fields, "retry_of": f"{name}-made"})
    assert (told["status"], told["estimated_cost_usd"], "steps" in told) == ("complete", 0.003, False)


def test_a_wrong_deployment_is_told(workbench: Workbench):
    def no_tools() -> Tools:
        raise ConfigurationError("REPLICATE_API_TOKEN is not set.")

    name = board(workbench, "dry-setting")
    ref = JobRef(IMAGE, name)
    workbench.write(ref.path, {"user_id": USER, "status": "pending", "dry_run": True, **asked(IMAGE, name)})
    around = everything(workbench, ref)
    workbench.wake(ref, CreatedWake(), tools=no_tools)
    assert everything(workbench, ref) == around
    assert workbench.read(ref.path)["error"]["code"] == "configuration_error"
    workbench.settings = replace(workbench.settings, video_model="no/such")
    job = dry(workbench, VIDEO, name, asked(VIDEO, name))
    assert (job["error"]["code"], "VIDEO_MODEL" in job["error_message"]) == ("configuration_error", True)
