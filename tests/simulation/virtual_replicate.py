"""Replicate on the virtual clock: what `adapters.replicate_api.ReplicateApi` offers, with everything that goes wrong.

    create ──┬── never connected, refused (422), asked to slow down (429)        nothing is started
             ├── lost on the way, and no answer                                  nothing is started
             ├── accepted, sometimes long after the call has given up or died ──> starting ─> processing ─> ended
             └── accepted, and the answer lost

Whatever ran is charged, also when it failed: the worst that the vendor's page allows. What is called off before it
runs is free. Records and files are gone an hour after the end.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from pipeline.adapters.replicate_api import SubmissionUnclear
from pipeline.domain.errors import NotFound, ProviderError, ProviderUnavailable, RateLimited
from pipeline.domain.models import IMAGE_MODELS, VIDEO_MODELS
from pipeline.domain.predictions import ProviderPrediction
from tests.simulation.schedule import EPOCH, Schedule

PURGE_SECONDS = 3600.0
CLIENT_TIMEOUT_SECONDS = 30.0
"""When a call that gets no answer gives up."""

LATEST_ACCEPTANCE_SECONDS = 40.0
"""The longest that a create is under way: it may be accepted although its sender is gone."""


class Fate(StrEnum):
    """How a prediction ends if nobody stops it."""

    SUCCEEDS = "succeeds"
    FAILS = "fails"
    FLAGGED = "is flagged"
    INTERRUPTED = "is interrupted"
    NEVER_STARTS = "never starts"
    NEVER_ENDS = "never ends"


@dataclass(frozen=True)
class ProviderMood:
    """How often what goes wrong. Shares of 1."""

    unconnected: float = 0.0
    refused: float = 0.0
    rate_limited: float = 0.0
    lost: float = 0.0
    answer_lost: float = 0.0
    read_fails: float = 0.0  # of get, list, cancel and upload
    fails: float = 0.0
    flagged: float = 0.0
    interrupted: float = 0.0
    never_starts: float = 0.0
    never_ends: float = 0.0
    longest_start_seconds: float = 20.0
    longest_run_seconds: float = 60.0
    tells_webhooks: bool = True  # whether reports name the address of the webhook: the vendor's page does not say


@dataclass(eq=False)
class VirtualPrediction:
    """One accepted prediction. Times on the virtual clock, in seconds."""

    id: str
    op: str  # the operation that it was sent for, which the provider does not know
    model: str
    input: Mapping[str, Any]
    webhook: str | None
    fate: Fate
    created: float
    starts: float
    ends: float
    cancel_after: float
    price_usd: float
    counted: Mapping[str, Any]
    status: str = "starting"
    ended: float | None = None
    output: str | None = None
    error: str | None = None

    @property
    def ran(self) -> bool:
        return self.status not in ("starting", "aborted")

    @property
    def charged_usd(self) -> float:
        return self.price_usd if self.ran else 0.0


def tell_nobody(prediction: VirtualPrediction) -> None:
    """For accounts that nobody watches."""


class SentInput(dict[str, Any]):
    """A model's input that knows its operation, so that checks know the truth, which seeds do not tell."""

    def __init__(self, op: str, model_input: Mapping[str, Any]) -> None:
        super().__init__(model_input)
        self.op = op


class VirtualReplicate:
    """One account. Prices are those of `domain.models`."""

    def __init__(self, schedule: Schedule, mood: ProviderMood) -> None:
        self._schedule = schedule
        self._mood = mood
        self.accepted: list[VirtualPrediction] = []
        self.files: dict[str, float] = {}  # url of an output -> until when it is served
        self.on_end: Callable[[VirtualPrediction], None] = tell_nobody

    # ---- what ReplicateApi offers

    def create_prediction(
        self,
        model: str,
        model_input: Mapping[str, Any],
        cancel_after_seconds: int,
        webhook_url: str | None = None,
    ) -> ProviderPrediction:
        schedule, mood, draw = self._schedule, self._mood, self._schedule.random
        sent = SentInput(getattr(model_input, "op", "nobody's"), model_input)
        schedule.effect(f"create {model} seed {sent['seed']}")
        refusal = self._refusal()
        if refusal is not None:
            schedule.sleep(draw.uniform(0.05, 2.0))
            raise refusal
        if schedule.chance(mood.lost):
            schedule.note("the create is lost")
            schedule.sleep(CLIENT_TIMEOUT_SECONDS)
            raise SubmissionUnclear("ReadTimeout")
        slow = schedule.chance(mood.answer_lost)
        transit = draw.uniform(0.0, LATEST_ACCEPTANCE_SECONDS) if slow else draw.uniform(0.01, 0.5)
        prediction = self._order(model, sent, float(cancel_after_seconds), webhook_url)
        schedule.after(transit, lambda: self._accept(prediction))
        if slow or schedule.chance(mood.answer_lost):
            schedule.sleep(CLIENT_TIMEOUT_SECONDS)
            raise SubmissionUnclear("ReadTimeout")
        schedule.sleep(transit)
        answer = self.report(prediction)
        schedule.effect(f"created {prediction.id}")
        return answer

    def get_prediction(self, prediction_id: str) -> ProviderPrediction:
        self._ask(f"get {prediction_id}")
        prediction = self._known(prediction_id)
        if prediction is None:
            raise NotFound("Replicate does not know it")
        return self.report(prediction)

    def list_predictions(self, created_after: datetime) -> Iterator[ProviderPrediction]:
        self._ask("list predictions")
        since = self._schedule.seconds_of(created_after)
        listed = [one for one in self.accepted if one.created >= since and self._known(one.id)]
        yield from [self.report(one) for one in sorted(listed, key=lambda one: -one.created)]

    def cancel_prediction(self, prediction_id: str) -> None:
        self._ask(f"cancel {prediction_id}")
        prediction = self._known(prediction_id)
        if prediction is not None:
            self._end(prediction, "aborted" if prediction.status == "starting" else "canceled")

    def upload_file(self, path: Path, media_type: str) -> str:
        self._ask(f"upload {path.name}")
        return f"https://replicate.test/files/{path.stat().st_size}"

    # ---- the account, seen from outside

    def serves(self, url: str) -> bool:
        """Whether an output is still there."""
        return self.files.get(url, 0.0) > self._schedule.now

    def _ask(self, label: str) -> None:
        schedule = self._schedule
        schedule.effect(label)
        if schedule.chance(self._mood.read_fails):
            schedule.note(f"{label} fails")
            if schedule.chance(0.3):
                raise RateLimited("Replicate asks to slow down", schedule.random.choice([None, 7.0]))
            schedule.sleep(schedule.random.uniform(0.1, 3 * CLIENT_TIMEOUT_SECONDS))
            raise ProviderUnavailable("Replicate could not be reached.")

    def _refusal(self) -> Exception | None:
        schedule, mood = self._schedule, self._mood
        refusal: Exception | None = None
        if schedule.chance(mood.unconnected):
            refusal = ProviderUnavailable("Replicate could not be reached.")
        elif schedule.chance(mood.rate_limited):
            refusal = RateLimited("Replicate asks to slow down", schedule.random.choice([None, 0.5, 10.0, 120.0]))
        elif schedule.chance(mood.refused):
            refusal = ProviderError("Replicate refuses the request: 422")
        if refusal is not None:
            schedule.note(f"the create is refused: {refusal}")
        return refusal

    def _order(self, model: str, model_input: SentInput, cancel_after: float, webhook: str | None) -> VirtualPrediction:
        mood, draw = self._mood, self._schedule.random
        (fate,) = draw.choices(
            list(Fate),
            [
                1.0 - mood.fails - mood.flagged - mood.interrupted - mood.never_starts - mood.never_ends,
                mood.fails,
                mood.flagged,
                mood.interrupted,
                mood.never_starts,
                mood.never_ends,
            ],
        )
        return VirtualPrediction(
            id=f"p{draw.getrandbits(40):010x}",
            op=model_input.op,
            model=model,
            input=model_input,
            webhook=webhook,
            fate=fate,
            created=0.0,
            starts=draw.uniform(0.0, mood.longest_start_seconds) * (draw.random() < 0.5),
            ends=draw.uniform(0.5, mood.longest_run_seconds),
            cancel_after=cancel_after,
            price_usd=price_usd(model, model_input),
            counted=counted(model, model_input),
        )

    def _accept(self, prediction: VirtualPrediction) -> None:
        schedule = self._schedule
        prediction.created = schedule.now
        self.accepted.append(prediction)
        schedule.note(f"{prediction.id} is accepted, seed {prediction.input['seed']}; it {prediction.fate}")
        schedule.after(prediction.cancel_after, lambda: self._call_off(prediction))
        if prediction.fate is not Fate.NEVER_STARTS:
            schedule.after(prediction.starts, lambda: self._start(prediction))

    def _start(self, prediction: VirtualPrediction) -> None:
        if prediction.status == "starting":
            prediction.status = "processing"
            if prediction.fate is not Fate.NEVER_ENDS:
                self._schedule.after(prediction.ends, lambda: self._finish(prediction))

    def _call_off(self, prediction: VirtualPrediction) -> None:
        self._end(prediction, "aborted" if prediction.status == "starting" else "canceled")

    def _finish(self, prediction: VirtualPrediction) -> None:
        if prediction.ended is not None:
            return
        if prediction.fate is Fate.SUCCEEDS:
            suffix = "png" if prediction.model in IMAGE_MODELS else "mp4"
            prediction.output = f"https://replicate.test/outputs/{prediction.id}.{suffix}"
            self.files[prediction.output] = self._schedule.now + PURGE_SECONDS
            self._end(prediction, "succeeded")
            return
        prediction.error = {
            Fate.FLAGGED: "The input or output was flagged as sensitive. (E005)",
            Fate.INTERRUPTED: "Prediction interrupted; please retry (code: PA)",
        }.get(prediction.fate, "CUDA out of memory")
        self._end(prediction, "failed")

    def _end(self, prediction: VirtualPrediction, status: str) -> None:
        if prediction.ended is not None:
            return
        prediction.status = status
        prediction.ended = self._schedule.now
        self._schedule.note(f"{prediction.id} is {status}")
        self.on_end(prediction)

    def _known(self, prediction_id: str) -> VirtualPrediction | None:
        for one in self.accepted:
            if one.id == prediction_id:
                purged = one.ended is not None and self._schedule.now - one.ended > PURGE_SECONDS
                return None if purged else one
        return None

    def report(self, one: VirtualPrediction) -> ProviderPrediction:
        """As the API and webhooks describe it."""
        return ProviderPrediction(
            id=one.id,
            status=one.status,
            model=one.model,
            input=dict(one.input),
            outputs=(one.output,) if one.output else (),
            error=one.error,
            created_at=(EPOCH + timedelta(seconds=one.created)).isoformat(timespec="microseconds"),
            webhook=one.webhook if self._mood.tells_webhooks else None,
            metrics={"predict_time": one.ends, **one.counted} if one.output else {},
        )


def price_usd(model: str, model_input: Mapping[str, Any]) -> float:
    """What one prediction costs."""
    if model in IMAGE_MODELS:
        return IMAGE_MODELS[model].usd_per_image
    return VIDEO_MODELS[model].cost_usd(int(model_input["duration"]), str(model_input["resolution"]))


def counted(model: str, model_input: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the provider's metrics say was made."""
    if model in IMAGE_MODELS:
        return {"image_count": 1}
    return {"video_output_duration_seconds": model_input["duration"]}
