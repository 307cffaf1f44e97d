"""A model whose orders are answered with 500 is down."""

from dataclasses import replace
from datetime import UTC, datetime

from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, TaskWake
from tests.handlers.conftest import USER, Workbench
from tests.handlers.test_generate_image import image_job

DEV = "black-forest-labs/flux-dev"


def test_the_second_model_takes_over_where_the_first_answers_orders_with_500(workbench: Workbench):
    """Nothing is paid, and yet nothing ends: a hundred turns are more than half an hour here."""
    workbench.settings = replace(
        workbench.settings, image_model_fallback=DEV, submission_grace_seconds=180, poll_first_seconds=5.0
    )
    ref = JobRef(JobKind.IMAGE, "fallback-500")
    fields = image_job(workbench.scene("fallback-500"), "A lighthouse [stub:model-500]")
    workbench.write(ref.path, {"job_id": ref.job_id, "user_id": USER, "status": "pending", **fields})
    began = workbench.now()
    workbench.wake(ref, CreatedWake())
    for _ in range(100):
        if workbench.read(ref.path)["status"] in ("complete", "error"):
            break
        turn, at = workbench.tasks.due[ref]
        workbench.ahead = max(workbench.ahead, at - datetime.now(UTC))
        workbench.wake(ref, TaskWake(turn))
    assert workbench.read(ref.path)["status"] == "complete", f"not after {workbench.now() - began}"
    assert workbench.read(ref.path)["model"] == DEV
