"""What is remembered is what was made: of retries too."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.domain.jobs import JobKind
from tests.handlers.conftest import Workbench
from tests.handlers.test_generate_image import download, image_job
from tests.handlers.test_recall import product


@pytest.fixture
def remembering(workbench: Workbench) -> Workbench:
    workbench.settings = replace(workbench.settings, reuse_days=7)
    return workbench


@pytest.mark.parametrize("changed", [{"composite_scale": 0.9}, {"use_product_composite": False}])
def test_a_retry_with_another_composite_is_not_remembered_as_the_first_one(
    remembering: Workbench, tmp_path: Path, changed: Mapping[str, Any]
):
    (name,) = changed
    lamp = product(remembering, tmp_path, f"retry-{name}", (200, 0, 0))
    asked = image_job(remembering.scene(name), f"A desk {name}", use_product_composite=True, product_id=lamp)
    first = remembering.run(JobKind.IMAGE, f"{name}-1", asked)
    retry = remembering.run(JobKind.IMAGE, f"{name}-2", {**asked, **changed, "retry_of": f"{name}-1"})
    assert download(retry["image_url"]) != download(first["image_url"])
    again = remembering.run(JobKind.IMAGE, f"{name}-3", asked)
    assert again["reused_from"] != f"{name}-2"
    assert download(again["image_url"]) == download(first["image_url"])
