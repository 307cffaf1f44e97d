"""Where two models are in play, one of them is paid."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.adapters.openai_api import OpenAiApi, WordsUnavailable
from pipeline.domain.jobs import JobKind
from tests.handlers.conftest import Workbench
from tests.handlers.test_generate_video import video_job

PRO_CLIPS = "bytedance/seedance-1-pro"


class Flapping(OpenAiApi):
    """An account whose first three requests fail."""

    def moderate(self, texts: Sequence[str], picture: bytes | None, seconds: float) -> Sequence[str]:
        self.asked = getattr(self, "asked", 0) + 1
        if self.asked <= 3:
            raise WordsUnavailable("rate_limited")
        return ()


def test_that_nobody_could_moderate_is_no_model_that_is_down(workbench: Workbench, picture: Path):
    """Each try ends before the first model is asked: the second one is none of its business."""
    workbench.settings = replace(workbench.settings, video_model_fallback=PRO_CLIPS, moderation="required")
    workbench.openai = Flapping("sk-test", "gpt")
    fields = video_job(workbench.scene("fallback-back"), workbench.publish(picture))
    job = workbench.run(JobKind.VIDEO, "fallback-back", fields)
    workbench.openai.close()
    assert (job["status"], job["error"]["code"], job["cost_usd"]) == ("error", "provider_unavailable", 0.0)
    assert workbench.desk().predictions.of_job("video_generation_jobs/fallback-back") == []


def test_the_first_model_is_not_asked_again_once_the_second_was(workbench: Workbench, picture: Path):
    """The second waits for its answer while the first has come back."""
    workbench.settings = replace(workbench.settings, video_model_fallback=PRO_CLIPS)
    fields = video_job(workbench.scene("fallback-came-back"), workbench.publish(picture), "A pier [stub:model-404]")
    job = workbench.run(JobKind.VIDEO, "fallback-came-back", fields)
    assert (job["status"], job["model"]) == ("complete", PRO_CLIPS)
    ordered = workbench.desk().predictions.of_job("video_generation_jobs/fallback-came-back")
    assert [record.model for record in ordered if record.prediction_id] == [PRO_CLIPS]
