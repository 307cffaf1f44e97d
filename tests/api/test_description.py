"""openapi.yaml says what the API does: schemathesis sends what it allows, and what not, and checks the answers."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import schemathesis
import yaml
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from werkzeug.serving import make_server

from localdev.stack.object_stores import LocalR2
from localdev.stack.ports import LOOPBACK
from pipeline.api.app import PREFIX, Api
from tests.api.conftest import Clock, Visitor, without_library

DESCRIPTION = Path(__file__).parents[2] / "functions/openapi.yaml"
CHECKS = {
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "positive_data_acceptance",
    "negative_data_rejection",
    "ignored_auth",
    "unsupported_method",
    "allow_header_conformance",
}
METHODS = ("GET", "DELETE")
SEED = 20_261_121
VIDEO_ID = "run-1"
FILENAMES = [f"clip_{number:02d}_{number:02d}_a-scene_left_focus.mp4" for number in range(1, 4)]


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return dict(yaml.safe_load(DESCRIPTION.read_text()))


@pytest.fixture
def filled(visitor: Visitor, r2_server: LocalR2) -> Visitor:
    """Has what the examples name, and what the dictionaries below name."""
    visitor.add_video(VIDEO_ID, video_title="A run", custom_prompt="Only the jokes", status="completed")
    visitor.add_video("run-2", highlights_summary={"total_duration": 12.5, "categories": ["humor"]})
    for number in range(1, 4):
        visitor.add_clip(VIDEO_ID, number, style="left_focus", has_thumbnail=number < 3)
    visitor.add_clip(VIDEO_ID, 4, status="processing")
    visitor.videos.update_clip_statistics(VIDEO_ID)
    return visitor


@pytest.fixture
def served() -> Iterator[Callable[[Api], str]]:
    """Serves an API on loopback; returns its URL."""
    with ExitStack() as running:

        def serve(api: Api) -> str:
            server = make_server(LOOPBACK, 0, api, threaded=True)
            thread = Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            running.callback(server.server_close)
            running.callback(thread.join)
            running.callback(server.shutdown)
            return f"http://{LOOPBACK}:{server.server_port}"

        yield serve


@dataclass(frozen=True)
class Exercise:
    """What schemathesis has found: how often each check was made and each status answered, and what was wrong."""

    checks: Counter[str]
    answers: Counter[int]
    failures: list[str]


def exercise(url: str, method: str, user_id: str, values: Mapping[str, list[str]], special: list[Any]) -> Exercise:
    """Send all kinds of requests of one method: examples, bounds, random ones, sequences; good ones and bad ones.

    Parameters often take the values of the dictionaries `videos` and `clips`; `special` is for some operations only.
    """
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "continue-on-failure": True,
            "cache": {"enabled": False},
            "output": {"sanitization": {"enabled": False}},
            "auth": {"openapi": {"idToken": {"bearer": f"token-of-{user_id}"}}},
            "generation": {"max-examples": 40, "deterministic": True, "database": "none"},
            "checks": {"negative_data_rejection": {"expected-statuses": [400, 401, 404, 405, 413, 414]}},
            "dictionaries": {name: {"values": found} for name, found in values.items()},
            "parameters": {
                "path.video_id": {"dictionary": "videos", "probability": 0.6},
                "path.filename": {"dictionary": "clips", "probability": 0.6},
            },
            "operations": [{"include-method": other, "enabled": False} for other in METHODS if other != method]
            + special,
        }
    )
    schema = schemathesis.openapi.from_url(f"{url}/api/openapi.yaml", config=config)
    exercised = Exercise(Counter(), Counter(), [])
    for event in from_schema(schema).execute():
        if isinstance(event, NonFatalError | FatalError):
            exercised.failures.append(repr(event))
        if isinstance(event, ScenarioFinished):
            for interaction in event.recorder.interactions.values():
                exercised.answers[interaction.response.status_code if interaction.response else 0] += 1
            for node in chain.from_iterable(event.recorder.checks.values()):
                if node.status is Status.SUCCESS:
                    exercised.checks[node.name] += 1
                elif node.status in (Status.FAILURE, Status.ERROR):
                    exercised.failures.append(f"{node.name}: {node.failure_info}")
    return exercised


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in description["paths"].items():
        for method in item.keys() & {"get", "put", "post", "delete", "patch"}:
            yield path, method.upper(), item[method]


def test_the_description_is_a_valid_one(description: dict[str, Any]):
    validate(description)


def test_every_route_is_described_and_every_description_has_its_route(description: dict[str, Any]):
    routes = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method)
        for rule in without_library().url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes == {(path, method) for path, method, _ in operations(description)}
    assert [server["url"] for server in description["servers"]] == [PREFIX]


def test_every_example_is_of_its_schema(description: dict[str, Any]):
    seen = 0
    answers = [answer for _, _, operation in operations(description) for answer in operation["responses"].values()]
    for answer in [*answers, *description["components"]["responses"].values()]:
        for content in answer.get("content", {}).values():
            if "example" in content:
                schema = {**content["schema"], "components": description["components"]}
                OAS31Validator(schema).validate(content["example"])
                seen += 1
    assert seen >= 8


def test_the_description_can_be_read_without_a_token():
    http = without_library().test_client()
    answer = http.get("/api/openapi.yaml")
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "application/yaml", DESCRIPTION.read_bytes())
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert http.get("/openapi.yaml", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_the_api_reads_as_the_description_says(api: Api, filled: Visitor, served: Callable[[Api], str]):
    tokens = {path: str(filled.get(f"{path}?page_size=1")["next_page_token"]) for path in ("/videos", "/videos/run-1")}
    dictionaries = {
        "videos": [VIDEO_ID, "run-2"],
        "clips": FILENAMES,
        "pages of videos": ["", tokens["/videos"]],
        "pages of clips": ["", tokens["/videos/run-1"]],
    }
    # a page token is opaque: no schema tells the good ones
    pages = [
        {"include-name": f"GET {path}", "parameters": {"query.page_token": {"dictionary": name, "probability": 1}}}
        for path, name in (("/videos", "pages of videos"), ("/videos/{video_id}", "pages of clips"))
    ]
    found = exercise(served(api), "GET", filled.user_id, dictionaries, pages)
    assert found.failures == []
    assert set(found.checks) >= CHECKS
    assert {200, 302, 304, 400, 401, 404, 405} <= set(found.answers)


def test_the_api_deletes_as_the_description_says(
    api: Api, visitor: Visitor, stranger: Visitor, clock: Clock, served: Callable[[Api], str]
):
    clock.set_to_real_time()
    being_made = ["run-2", "run-3", "run-4"]
    victims = [VIDEO_ID, "run-5", "run-6", *being_made]
    for video_id in victims:
        visitor.add_video(video_id, status="processing" if video_id in being_made else "completed")
        for number in range(1, 4):
            visitor.add_clip(video_id, number, style="left_focus")
    stranger.add_video(VIDEO_ID, status="completed")
    filename = stranger.add_clip(VIDEO_ID, 1, style="left_focus")
    found = exercise(served(api), "DELETE", visitor.user_id, {"videos": victims, "clips": FILENAMES}, [])
    assert found.failures == []
    assert set(found.checks) >= CHECKS
    assert {204, 400, 401, 404, 405, 409} <= set(found.answers)
    assert {video["id"] for video in visitor.get("/videos")["videos"]} >= set(being_made)
    assert [clip["name"] for clip in stranger.get(f"/videos/{VIDEO_ID}")["clips"]] == [filename]
