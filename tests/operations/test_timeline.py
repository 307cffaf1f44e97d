"""What `make timeline` tells of a job: who worked when, what it waits for, and never what gives access."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore

from operations.timeline.__main__ import main
from operations.timeline.diagnosis import diagnose
from operations.timeline.drawing import draw
from operations.timeline.exported_jobs import ExportedJob, read_exported_job
from operations.timeline.following import changes
from operations.timeline.job_lookup import find_job, latest_jobs, read_job
from operations.timeline.spans import Span, tell_story
from pipeline.domain.errors import InvalidRequest, NotFound
from pipeline.domain.jobs import JobRef
from pipeline.repositories.job_documents import job_of

BEGIN = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)
REF = JobRef.of_path("image_generation_jobs/job-1")
TOKEN = "very-secret-token"


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def step(started: float, ended: float | None = None, **more: Any) -> dict[str, Any]:
    fields = {"started_at": at(started), "ended_at": at(ended) if ended is not None else None}
    return {**fields, "done": ended is not None and not more.get("failed"), "output": {}, **more}


def prediction(number: int, state: str, sent: float, ended: float, **more: Any) -> dict[str, Any]:
    return {
        "op": f"image~job-1~predict~{number}",
        "state": state,
        "model": "black-forest-labs/flux-schnell",
        "prediction_id": f"id-{number}",
        "cost_usd": 0.003,
        "created_at": at(sent - 0.1),
        "submitting_at": at(sent),
        "updated_at": at(ended),
        **({"ended_at": at(ended)} if state == "succeeded" else {}),
        **more,
    }


def exported(now: float, predictions: Any = (), **fields: Any) -> ExportedJob:
    common = {"user_id": "user-1", "status": "processing", "document_created_at": BEGIN, "started_at": at(1), "turn": 1}
    return ExportedJob(REF, {**common, **fields}, at(now), list(predictions))


def told(job: ExportedJob) -> str:
    return " ".join(diagnose(job, tell_story(job)))


def shown(job: ExportedJob, width: int = 80) -> list[str]:
    return [line.plain for line in draw(job, width)]


def spans(job: ExportedJob) -> list[tuple[str, str, float, float]]:
    def row(span: Span) -> tuple[str, str, float, float]:
        return (span.who, span.name, *((time - BEGIN).total_seconds() for time in (span.since, span.until)))

    return [row(span) for span in tell_story(job).spans]


def complete_job() -> ExportedJob:
    """Interrupted once by Replicate, tried again."""
    steps = {
        "prompt": step(1, 3),
        "predict": step(3, 30, attempt=1, error_code="prediction_interrupted"),
        "store": step(30, 32),
    }
    records = [
        prediction(1, "failed", 4, 8, error_code="prediction_interrupted", error="stopped", charged=False),
        prediction(2, "succeeded", 12, 25),
    ]
    return exported(
        60,
        records,
        status="complete",
        completed_at=at(32),
        turn=3,
        attempt=2,
        steps=steps,
        cost_usd=0.003,
        estimated_cost_usd=0.003,
        image_url=f"https://media.example.com/a.png?token={TOKEN}",
        image_key="a.png",
    )


def test_the_story_tells_who_worked_when_and_what_nobody_waited_for():
    assert spans(complete_job()) == [
        ("nobody", "its created event", 0, 1),
        ("functions", "prompt", 1, 3),
        ("functions", "predict", 3, 4),
        ("Replicate", "flux-schnell", 4, 8),
        ("nobody", "backoff, then the next try", 8, 11.9),
        ("functions", "predict", 11.9, 12),
        ("Replicate", "flux-schnell", 12, 25),
        ("nobody", "the news of Replicate's result", 25, 30),
        ("functions", "store", 30, 32),
    ]
    story = tell_story(complete_job())
    shares = [round(story.seconds_of(who), 3) for who in ("functions", "Replicate", "nobody")]
    assert shares == [5.1, 17.0, 9.9]
    assert sum(shares) == story.seconds == 32.0


def test_steps_that_run_beside_each_other_count_once():
    steps = {"scene_1_predict": step(1, 5), "scene_2_predict": step(2, 6)}
    assert tell_story(exported(10, status="complete", completed_at=at(6), steps=steps)).seconds_of("functions") == 5


def test_a_gap_in_which_an_instance_died_is_told():
    steps = {"prompt": step(1, 3), "store": step(200, 202)}
    job = exported(300, status="complete", completed_at=at(202), turn=2, attempt=2, steps=steps)
    assert ("nobody", "an instance had died: its lease had to run out", 3, 200) in spans(job)
    assert "1 of its turns was cut short" in told(job)


def test_steps_of_the_job_that_is_retried_are_named_and_not_drawn():
    job = exported(10, status="complete", completed_at=at(4), steps={"predict": step(-500, -400), "store": step(2, 4)})
    assert [name for _, name, *_ in spans(job)] == ["its created event", "store"]
    assert "done before this job was created, and taken over: predict" in shown(job)


@pytest.mark.parametrize(
    ("now", "fields", "records", "sentences"),
    [
        (
            40,
            {"status": "pending", "turn": 0},
            [],
            ["waits for its created event, since 40 s", "between 10:02:00 and 10"],
        ),
        (900, {"status": "pending", "turn": 0}, [], ["The sweeper should have taken it by 10:07:00"]),
        (
            5,
            {"lease_expires_at": at(180), "updated_at": at(3), "steps": {"prompt": step(1)}},
            [],
            ["Turn 1 works on it now, in step prompt; it last wrote 2 s ago."],
        ),
        (
            200,
            {"lease_expires_at": at(180), "interruptions": 2, "steps": {"prompt": step(1)}},
            [],
            ["has died or was stopped, in step prompt: its lease ran out 20 s ago", "ends it with 'interrupted'"],
        ),
        (
            50,
            {"wake_at": at(60), "updated_at": at(30), "steps": {"predict": step(3)}},
            [prediction(1, "submitted", 10, 10)],
            [
                "waits for prediction id-1 (black-forest-labs/flux-schnell), since 40 s.",
                "looked at again at 10:01:00 (turn 2), or when Replicate's webhook comes.",
                "The sweeper takes it between 10:01:30 and 10:06:30 if nobody else does.",
            ],
        ),
        (
            50,
            {
                "wake_at": at(58),
                "steps": {"store": step(3, attempt=2, retry_at=at(58), error_code="storage_unavailable")},
            },
            [],
            ["waits before try 3 of step store (storage_unavailable), until 10:00:58."],
        ),
        (300, {"wake_at": at(60), "cancel_requested": True}, [], ["that task is late, or was lost", "not want it any"]),
        (
            9,
            {"wake_at": at(60), "duplicate_of": "image_generation_jobs/first"},
            [],
            ["image_generation_jobs/first, which"],
        ),
        (
            50,
            {"wake_at": at(60)},
            [prediction(1, "submitting", 10, 10, prediction_id=None)],
            ["to learn whether Replicate got image~job-1~predict~1"],
        ),
        (
            99,
            {
                "status": "error",
                "completed_at": at(9),
                "error": {"code": "content_rejected", "message": "Not this.", "retryable": False},
                "steps": {"prompt": step(1, 3), "predict": step(3, 9, failed=True)},
            },
            [],
            ["It failed in step predict with content_rejected: Not this.", "would keep its 1 finished steps"],
        ),
    ],
)
def test_the_diagnosis_says_what_it_waits_for_and_who_comes_next(
    now: float, fields: dict[str, Any], records: list[Any], sentences: list[str]
):
    said = told(exported(now, records, **fields))
    assert [sentence for sentence in sentences if sentence not in said] == [], said


def test_a_picture_of_80_columns_shows_bars_prices_and_no_token():
    lines = shown(complete_job())
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert TOKEN not in text
    assert "image_url https://media.example.com/a.png?…" in text
    assert "price        estimated $0.0030, real $0.0030" in lines
    assert "  predict~1: failed, black-forest-labs/flux-schnell, not paid ($0.0030)" in lines
    (row,) = [line for line in lines if line.startswith("store ")]
    assert row.split()[1:] == ["30.0", "s", "2.0", "s", "██", "done"]
    assert max(map(len, shown(complete_job(), 120))) > 80


def test_what_others_wrote_cannot_steer_the_terminal():
    job = exported(
        9, status="error", error={"code": "internal", "message": "\x1b[2Jgone"}, steps={"a\x1b[31m": step(1, 2)}
    )
    assert "\x1b" not in "\n".join(shown(job))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"steps": "none", "error": "text", "clips": [1, None], "status": 7, "user_id": None},
        {"steps": {"a": None, "b": {"started_at": "yesterday"}}, "scene_errors": {}, "turn": "3", "stage": ["x"]},
        {"steps": {"a": {"started_at": at(-9000), "done": False}, "b": {"started_at": at(9000)}}},
        {"started_at": None, "document_created_at": None, "updated_at": at(-9), "cost_usd": "much", "wake_at": 3},
    ],
)
def test_odd_documents_are_drawn_all_the_same(fields: dict[str, Any]):
    lines = shown(exported(9, [{"op": None, "state": "?"}, {}], **fields))
    assert lines[0].startswith("job ")
    assert max(map(len, lines)) <= 80


def test_an_exported_job_is_read_back_as_it_was(tmp_path: Path):
    job = complete_job()
    whole = ExportedJob(REF, job.fields, job.exported_at, job.predictions, {"scenes/s": None}, has_documents=True)
    file = tmp_path / "job.json"
    file.write_text(whole.as_json(with_tokens=True))
    assert read_exported_job(file) == whole
    file.write_text(whole.as_json())
    assert TOKEN not in file.read_text()
    assert read_exported_job(file).fields["steps"] == whole.fields["steps"]


def test_a_document_of_firestores_rest_api_is_read_too(tmp_path: Path):
    fields = {
        "status": {"stringValue": "processing"},
        "turn": {"integerValue": "2"},
        "wake_at": {"timestampValue": "2026-11-21T10:00:05.123456Z"},
        "clips": {"arrayValue": {"values": [{"mapValue": {"fields": {"duration": {"doubleValue": 2.5}}}}]}},
        "steps": {"mapValue": {}},
        "cancel_requested": {"booleanValue": False},
        "wake_requested": {"nullValue": None},
    }
    file = tmp_path / "rest.json"
    name = "projects/p/databases/(default)/documents/composition_jobs/job-9"
    file.write_text(json.dumps({"name": name, "fields": fields, "createTime": "2026-11-21T10:00:00Z"}))
    found = read_exported_job(file)
    assert found.ref == JobRef.of_path("composition_jobs/job-9")
    assert found.fields == {
        "status": "processing",
        "turn": 2,
        "wake_at": datetime(2026, 11, 21, 10, 0, 5, 123456, tzinfo=UTC),
        "clips": [{"duration": 2.5}],
        "steps": {},
        "cancel_requested": False,
        "wake_requested": None,
    }


@pytest.mark.parametrize(
    "content", ["no", "[]", '{"path": "scenes/a", "fields": {}}', '{"fields": {}}', '{"path": "x"}']
)
def test_what_is_no_job_is_said_to_be_none(tmp_path: Path, content: str):
    file = tmp_path / "job.json"
    file.write_text(content)
    with pytest.raises(InvalidRequest, match=r"job\.json"):
        read_exported_job(file)


def test_each_change_is_told_once():
    def state(**fields: Any) -> Any:
        return job_of(REF, {"status": "processing", "turn": 1, **fields})

    first = state(stage="predict", progress_percent=10)
    later = state(turn=2, stage="store", progress_percent=80, steps={"predict": step(1, 5)})
    assert list(changes(None, first)) == ["processing", "10 %, predict"]
    assert list(changes(first, first)) == []
    assert list(changes(first, later)) == ["turn 2 began", "step predict done", "80 %, store"]


class TestInFirestore:
    @pytest.fixture
    def client(self, firestore_client: firestore.Client):
        client = firestore.Client(project="words-to-video-dev")  # what `dev` means in .firebaserc
        yield client
        client.close()

    @pytest.fixture
    def job_id(self, client: firestore.Client) -> str:
        """A job of every sort of thing that belongs to one."""
        job_id = f"job-{uuid.uuid4().hex[:8]}"
        fields = {**complete_job().fields, "scene_id": f"{job_id}-scene", "product_id": "gone", "created_at": BEGIN}
        self.write(client, f"image_generation_jobs/{job_id}", {**fields, "user_id": job_id})
        self.write(client, f"scenes/{job_id}-scene", {"user_id": job_id, "text": "A lighthouse"})
        self.write(client, f"predictions/image~{job_id}~predict~1", {"job_path": f"image_generation_jobs/{job_id}"})
        return job_id

    @staticmethod
    def write(client: firestore.Client, path: str, fields: Mapping[str, Any]) -> None:
        client.document(path).set(dict(fields))

    def test_a_job_comes_with_its_predictions_and_what_it_names(self, client: firestore.Client, job_id: str):
        ref = find_job(client, job_id)
        found = read_job(client, ref)
        assert ref.path == f"image_generation_jobs/{job_id}"
        assert [record["op"] for record in found.predictions] == [f"image~{job_id}~predict~1"]
        assert found.documents["products/gone"] is None
        assert (found.documents[f"scenes/{job_id}-scene"] or {})["text"] == "A lighthouse"

    def test_a_name_that_means_no_job_or_two_is_told(self, client: firestore.Client, job_id: str):
        with pytest.raises(NotFound, match="There is no job"):
            find_job(client, f"composition_jobs/{job_id}")
        with pytest.raises(NotFound, match="no collection of jobs"):
            find_job(client, f"scenes/{job_id}")
        self.write(client, f"composition_jobs/{job_id}", {"user_id": job_id, "created_at": at(9)})
        with pytest.raises(InvalidRequest, match="There are several"):
            find_job(client, job_id)
        found = latest_jobs(client, job_id, 5)
        assert [ref.kind.collection for ref, _ in found] == ["composition_jobs", "image_generation_jobs"]

    def test_the_command_shows_lists_and_exports(
        self, job_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("COLUMNS", "80")
        file = tmp_path / "out/job.json"
        assert main(["--alias", "dev", job_id, "--follow", "--export", str(file)], {}) == 0
        out = capsys.readouterr().out
        assert f"image_generation_jobs/{job_id}" in out
        assert "It is complete." in out
        assert TOKEN not in out + file.read_text()
        assert file.stat().st_mode & 0o77 == 0
        assert main(["--alias", "dev", str(file)], {}) == 0
        assert "It is complete." in capsys.readouterr().out
        assert main(["--alias", "dev", "--user", job_id], {}) == 0
        assert f"image_generation_jobs/{job_id}" in capsys.readouterr().out
        assert main(["--alias", "dev", job_id, "--json"], {}) == 0
        assert json.loads(capsys.readouterr().out)["path"] == f"image_generation_jobs/{job_id}"

    def test_the_command_fails_with_a_sentence(self, client: firestore.Client, capsys: pytest.CaptureFixture[str]):
        assert main(["--alias", "dev", "nobody-has-this"], {}) == 1
        assert "There is no job nobody-has-this" in capsys.readouterr().err
        assert main(["--alias", "nowhere", "x"], {}) == 2
        assert "none of the aliases" in capsys.readouterr().err
        assert main(["--alias", "dev", "no-such-file.json"], {}) == 2
        assert "cannot be read" in capsys.readouterr().err
