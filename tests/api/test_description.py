"""openapi.yaml says what the API does: schemathesis sends what it allows, and what not, and checks the answers."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
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
from schemathesis.engine.events import NonFatalError, ScenarioFinished
from werkzeug.serving import make_server

from localdev.stack.object_stores import LocalR2
from localdev.stack.ports import LOOPBACK
from pipeline.api.app import PREFIX, Api
from tests.api.conftest import Visitor, without_library

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


def test_the_api_does_what_the_description_says(api: Api, filled: Visitor, served: Callable[[Api], str]):
    tokens = {path: str(filled.get(f"{path}?page_size=1")["next_page_token"]) for path in ("/videos", "/videos/run-1")}
    config = SchemathesisConfig.from_dict(
        {
            "cache": {"enabled": False},
            "checks": {"negative_data_rejection": {"expected-statuses": [400, 401, 404, 405, 413, 414]}},
            "seed": SEED,
            "continue-on-failure": True,
            "output": {"sanitization": {"enabled": False}},
            "auth": {"openapi": {"idToken": {"bearer": f"token-of-{filled.user_id}"}}},
            "generation": {"max-examples": 40, "deterministic": True, "database": "none"},
            "dictionaries": {
                "videos": {"values": [VIDEO_ID, "run-2"]},
                "clips": {"values": FILENAMES},
                "pages of videos": {"values": ["", tokens["/videos"]]},
                "pages of clips": {"values": ["", tokens["/videos/run-1"]]},
            },
            "parameters": {
                "path.video_id": {"dictionary": "videos", "probability": 0.6},
                "path.filename": {"dictionary": "clips", "probability": 0.6},
            },
            # a page token is opaque: no schema tells the good ones
            "operations": [
                {
                    "include-name": f"GET {path}",
                    "parameters": {"query.page_token": {"dictionary": pages, "probability": 1}},
                }
                for path, pages in (("/videos", "pages of videos"), ("/videos/{video_id}", "pages of clips"))
            ],
        }
    )
    schema = schemathesis.openapi.from_url(f"{served(api)}/api/openapi.yaml", config=config)
    checks: Counter[str] = Counter()
    answers: Counter[int] = Counter()
    failures: list[str] = []
    for event in from_schema(schema).execute():
        if isinstance(event, NonFatalError):
            failures.append(f"{event.label}: {event.value!r}")
        if isinstance(event, ScenarioFinished):
            for interaction in event.recorder.interactions.values():
                answers[interaction.response.status_code if interaction.response else 0] += 1
            for nodes in event.recorder.checks.values():
                checks.update(node.name for node in nodes if node.status is Status.SUCCESS)
                failures += [str(node.failure_info) for node in nodes if node.status in (Status.FAILURE, Status.ERROR)]
    assert failures == []
    assert set(checks) >= CHECKS
    assert {200, 302, 304, 400, 401, 404, 405} <= set(answers)
