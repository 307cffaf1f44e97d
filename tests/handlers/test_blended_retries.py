"""A retry of a job whose file could not be stored pays for nothing that was made."""

from dataclasses import replace
from pathlib import Path

import pytest
from google.cloud import firestore

from pipeline.domain.jobs import JobKind
from tests.handlers.conftest import Workbench
from tests.handlers.test_generate_image import image_job
from tests.handlers.test_recall import product


def test_a_retry_does_not_pay_kontext_again(workbench: Workbench, tmp_path: Path):
    workbench.settings = replace(workbench.settings, composite_method="kontext")
    lamp = product(workbench, tmp_path, "blended-lamp", (200, 0, 0))
    asked = image_job(workbench.scene("blended"), "A sideboard", use_product_composite=True, product_id=lamp)
    workbench.run(JobKind.IMAGE, "blended-1", asked)
    # as it is left when file storage refuses the picture
    workbench.client.document("image_generation_jobs/blended-1").update(
        {"status": "error", "steps.store": {"failed": True, "attempt": 1}, "image_key": firestore.DELETE_FIELD}
    )
    job = workbench.run(JobKind.IMAGE, "blended-2", {**asked, "retry_of": "blended-1"})
    assert job["status"] == "complete"
    assert job["cost_usd"] == pytest.approx(0.0)
