"""An exported job becomes one of this machine: its user, its documents, its files; and runs here."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from localdev.replay.__main__ import compared, main
from localdev.replay.plans import OTHER_USER, Plan, plan_replay
from localdev.replay.samples import sample_kind, write_sample
from localdev.replay.source_files import SourceFiles
from localdev.stack.object_stores import LocalR2
from operations.timeline.exported_jobs import ExportedJob
from pipeline.adapters.media_probe import probe_media
from pipeline.domain.jobs import JobRef

NOW = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)
GONE_URL = "https://media.films.invalid/a.png?…"


@pytest.fixture
def files(tmp_path: Path) -> SourceFiles:
    def publish(path: Path, key: str) -> str:
        assert path.stat().st_size
        return f"https://here.example/{key}"

    for name in ("product.png", "music.m4a"):  # drawing and playing the real ones takes seconds
        (tmp_path / name).write_bytes(b"a sample")
    return SourceFiles(publish, tmp_path / "not yet there", frozenset())


def exported(path: str, fields: Mapping[str, Any], predictions: Any = (), documents: Any = None) -> ExportedJob:
    common = {"user_id": "there", "status": "error", "created_at": NOW - timedelta(days=1)}
    return ExportedJob(
        JobRef.of_path(path),
        {**common, **fields},
        NOW,
        predictions,
        documents or {},
        has_documents=documents is not None,
    )


def planned(job: ExportedJob, files: SourceFiles, **options: Any) -> Plan:
    return plan_replay(job, JobRef(job.ref.kind, "here-1"), "me", files, NOW, **options)


IMAGE = {
    "scene_id": "s1",
    "text": "A lighthouse",
    "seed": 7,
    "turn": 3,
    "cost_usd": 0.003,
    "error": {"code": "internal"},
    "steps": {
        "prompt": {"done": True, "output": {"text": "words"}},
        "predict": {"done": True, "output": {"url": GONE_URL, "ended_at": NOW - timedelta(days=1), "seed": 5}},
        "store": {"failed": True, "error_code": "internal"},
    },
}
RECORDS: list[dict[str, Any]] = [
    {
        "op": "image~job-1~predict~1",
        "state": "succeeded",
        "outputs": [GONE_URL],
        "user_id": "there",
        "model": "black-forest-labs/flux-schnell",
        "input": {"seed": 5},
        "cost_usd": 0.003,
        "cancel_after_seconds": 300,
        "inline_wait_seconds": 10.0,
    },
    {"op": "image~job-1~predict~2", "state": "submitted"},
]


def test_a_job_is_written_as_its_client_would(files: SourceFiles):
    job = exported("image_generation_jobs/job-1", IMAGE, documents={"scenes/s1": {"user_id": "there", "text": "x"}})
    plan = planned(job, files)
    assert plan.fields == {
        "job_id": "here-1",
        "user_id": "me",
        "status": "pending",
        "created_at": NOW,
        "updated_at": NOW,
        "scene_id": "s1",
        "text": "A lighthouse",
        "seed": 7,
    }
    assert plan.documents == {"scenes/s1": {"user_id": "me", "text": "x"}}
    assert (plan.predictions, plan.is_resumed) == ({}, False)


def test_a_seed_that_no_client_chose_is_not_asked_for(files: SourceFiles):
    assert "seed" not in planned(exported("image_generation_jobs/job-1", IMAGE, RECORDS), files).fields
    chosen = [{**RECORDS[0], "seed_is_clients": True}]
    assert planned(exported("image_generation_jobs/job-1", IMAGE, chosen), files).fields["seed"] == 7


def test_documents_of_others_stay_others_and_what_was_gone_stays_gone(files: SourceFiles):
    fields = {"scene_id": "s1", "storyboard_id": "b1", "product_id": "p1", "retry_of": "first"}
    documents = {
        "scenes/s1": {"user_id": "somebody"},
        "storyboards/b1": None,
        "products/p1": {"user_id": "there", "image_url": GONE_URL},
        "image_generation_jobs/first": None,
    }
    plan = planned(exported("image_generation_jobs/job-1", fields, documents=documents), files)
    assert plan.documents["scenes/s1"]["user_id"] == OTHER_USER
    assert "storyboards/b1" not in plan.documents
    assert plan.documents["products/p1"]["image_url"].startswith("https://here.example/replay/")
    assert "retry_of" not in plan.fields
    assert "storyboards/b1 was not there, and is not here." in plan.notes
    assert "A sample product stands for" in " ".join(plan.notes)


def test_documents_that_the_file_does_not_hold_are_made_up(files: SourceFiles):
    plan = planned(exported("video_generation_jobs/job-1", {"scene_id": "s1", "text": "Waves"}), files)
    assert plan.documents == {"scenes/s1": {"user_id": "me", "state": "text", "text": "Waves"}}
    assert plan.notes == ["The file does not hold scenes/s1: one was made up."]


def test_files_are_replaced_only_where_they_cannot_be_had(files: SourceFiles, r2_server: LocalR2, tmp_path: Path):
    here = r2_server.publish(write_sample("clip", tmp_path), "clips/here.mp4")
    files.allowed_http_hosts = frozenset({r2_server.endpoint_url.removeprefix("http://")})
    urls = [
        here,
        here.replace("here.mp4", "gone.mp4"),
        "https://169.254.169.254/latest/clip.mp4",
        "no url",
        r2_server.publish(write_sample("picture", tmp_path), "clips/picture.mp4"),
    ]
    clips = [{"scene_number": n, "video_url": url, "duration": 1.5} for n, url in enumerate(urls, start=1)]
    plan = planned(exported("composition_jobs/job-1", {"clips": clips, "audio_url": None}), files)
    taken = [clip["video_url"] for clip in plan.fields["clips"]]
    assert [old == new for old, new in zip(urls, taken, strict=True)] == [True, False, True, True, True]
    assert taken[1] == "https://here.example/replay/1-gone.mp4"
    assert len(plan.notes) == 1
    assert probe_media(next(tmp_path.rglob("clip-1-1.50.mp4"))).video.frame_count == 36
    files.keep_urls = True
    plan = planned(exported("composition_jobs/job-1", {"clips": clips}), files)
    assert [clip["video_url"] for clip in plan.fields["clips"]] == urls


def test_a_job_can_go_on_from_where_it_stood(files: SourceFiles):
    plan = planned(exported("image_generation_jobs/job-1", IMAGE, RECORDS), files, keep_steps=True)
    assert plan.is_resumed
    assert (plan.fields["status"], plan.fields["turn"]) == ("processing", 3)
    assert plan.fields["wake_at"] < NOW
    assert {"error", "cost_usd"}.isdisjoint(plan.fields)
    steps = plan.fields["steps"]
    assert list(steps) == ["prompt", "predict"]
    assert steps["predict"]["output"]["url"].startswith("https://here.example/replay/1-")
    assert steps["predict"]["output"]["ended_at"] == NOW  # or its file would count as deleted by the provider
    (record,) = plan.predictions.items()
    assert record[0] == "predictions/image~here-1~predict~1"
    assert record[1]["outputs"] == [steps["predict"]["output"]["url"]]
    assert record[1]["job_path"] == "image_generation_jobs/here-1"
    assert "Prediction image~job-1~predict~2 (submitted) is left out: it is ordered anew." in plan.notes


def test_files_that_steps_have_stored_are_there_again(files: SourceFiles):
    stored = {"video_url": "https://there/a.mp4", "video_key": "there/a.mp4", "thumbnail_key": "there/a.jpg"}
    steps = {"store": {"done": True, "output": {**stored, "thumbnail_url": "x", "content_key": "sha"}}}
    job = exported("video_generation_jobs/job-1", {"scene_id": "s1", "text": "Waves", "steps": steps})
    output = planned(job, files, keep_steps=True).fields["steps"]["store"]["output"]
    assert output["video_url"] == "https://here.example/there/a.mp4"
    assert output["thumbnail_url"] == "https://here.example/there/a.jpg"
    assert output["content_key"] == "sha"


def test_a_fault_is_ordered_in_the_words_of_every_scene(files: SourceFiles):
    scenes = [{"scene_number": 1, "description": "One"}, {"scene_number": 2, "description": "Two"}]
    plan = planned(exported("multi_video_jobs/job-1", {"scenes": scenes}), files, marker="nsfw")
    assert [scene["description"] for scene in plan.fields["scenes"]] == ["One [stub:nsfw]", "Two [stub:nsfw]"]
    assert scenes[0]["description"] == "One"


@pytest.mark.parametrize("scenes", [None, 3, [None, 7], "text"])
def test_odd_jobs_are_written_as_odd_as_they_were(files: SourceFiles, scenes: Any):
    plan = planned(
        exported("multi_video_jobs/job-1", {"scenes": scenes, "steps": 5}), files, keep_steps=True, marker="x"
    )
    assert plan.fields["scenes"] == scenes


def test_what_a_file_is_shows_in_its_name():
    names = ("a/b.mp4", "a.PNG?x=1", "sound.m4a", "content", "a.json")
    assert [sample_kind(name) for name in names] == ["clip", "picture", "music", None, None]


def test_the_ends_are_compared():
    there = exported("image_generation_jobs/a", {"error": {"code": "internal"}})
    here = exported("image_generation_jobs/b", {"status": "complete"})
    assert list(compared(there, there)) == ["It ended as it did there: error internal."]
    assert list(compared(there, here)) == ["It ended otherwise than there: complete here, error internal there."]
    running = exported("image_generation_jobs/a", {"status": "processing"})
    assert list(compared(running, here)) == ["There it was processing; here it ended: complete."]


def test_a_job_runs_in_this_process_where_a_breakpoint_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The real handlers, each wake-up twice, from a prediction on that was paid there: none is ordered here."""
    file = tmp_path / "job.json"
    predicted = {
        "url": "https://replicate.delivery/x/out-0.jpg?…",
        "model": "black-forest-labs/flux-schnell",
        "seed": 5,
        "ended_at": NOW.isoformat(),
    }
    words = {"prompt": {"done": False}, "predict": {"done": True, "output": predicted, "started_at": NOW.isoformat()}}
    job = exported(
        "image_generation_jobs/job-1", {**IMAGE, "steps": words}, [{**RECORDS[0], "model": "x", "input": {}}]
    )
    file.write_text(job.as_json())

    assert main([str(file), "--inline", "--twice", "--keep-steps"], {}) == 0
    out = capsys.readouterr().out
    assert '"message": "[Image Generation] Step store done"' in out  # the handlers' own log: they ran in this process
    assert "A sample picture stands for https://replicate.delivery/x/out-0.jpg?…" in out
    assert "It ended otherwise than there: complete here, error internal there." in out


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        ("{}", [], "holds no job"),
        ('{"path": "composition_jobs/a", "fields": {}}', ["--faults", "nsfw"], "asks no model"),
    ],
)
def test_what_cannot_be_run_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, arguments: list[str], said: str
):
    file = tmp_path / "job.json"
    file.write_text(content)
    assert main([str(file), *arguments], {}) == 2
    assert said in capsys.readouterr().err
