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


def test_one_model_is_paid_though_what_kept_the_first_from_being_asked_is_over(workbench: Workbench, picture: Path):
    """Each try of the first ends before it is ordered; the second is ordered in the moment in which all is well."""
    workbench.settings = replace(workbench.settings, video_model_fallback=PRO_CLIPS, moderation="required")
    workbench.openai = Flapping("sk-test", "gpt")
    fields = video_job(workbench.scene("fallback-back"), workbench.publish(picture))
    job = workbench.run(JobKind.VIDEO, "fallback-back", fields)
    workbench.openai.close()
    assert job["status"] == "complete"
    ordered = workbench.desk().predictions.of_job("video_generation_jobs/fallback-back")
    assert [record.model for record in ordered if record.prediction_id] == [job["model"]]
