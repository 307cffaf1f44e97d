"""A job is exported from a deployment and run again on a local stack: here both are the one that the tests share."""

from pathlib import Path

import pytest
from google.cloud import firestore

from localdev.replay.__main__ import main as replay
from localdev.stack import LocalStack
from operations.frontend import Frontend
from operations.timeline.job_lookup import find_job, read_job

pytestmark = pytest.mark.e2e


def test_a_job_that_failed_fails_again_and_can_be_resumed(
    frontend: Frontend, stack: LocalStack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    _, (scene_id,) = frontend.create_storyboard("A story", "cinematic", [{"text": "A pier", "video_duration": 2.0}])
    fields = {"scene_id": scene_id, "text": "A pier [stub:nsfw]", "style_prompt": "watercolour"}
    job_id = frontend.create_job("image_generation_jobs", fields)
    failed = frontend.watch_job("image_generation_jobs", job_id, 60.0)
    assert failed["error"]["code"] == "content_rejected"
    client = firestore.Client()
    file = tmp_path / "job.json"
    file.write_text(read_job(client, find_job(client, job_id)).as_json())
    settings = ["--stack", str(stack.functions_log.with_name("stack.env")), "--seconds", "60"]

    assert replay([str(file), *settings], {}) == 0
    out = capsys.readouterr().out
    assert "It ended as it did there: error content_rejected." in out
    again = client.document(f"image_generation_jobs/{job_id}-2").get().to_dict() or {}
    assert again["error"]["code"] == "content_rejected"
    assert again["user_id"] != frontend.user.user_id

    assert replay([str(file), *settings, "--keep-steps", "--twice"], {}) == 0
    resumed = client.document(f"image_generation_jobs/{job_id}-3").get().to_dict() or {}
    assert (resumed["status"], resumed["turn"]) == ("error", failed["turn"] + 1)
    assert resumed["steps"]["prompt"] == failed["steps"]["prompt"]
    assert stack.relay.policy.duplicate_rate == 0.0
    client.close()
