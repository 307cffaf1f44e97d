"""Obtain one prediction and pay for it once, however often this runs, crashes, or is interrupted.

The protocol, and why each transition is where it is, stands in `domain.predictions`.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pipeline.adapters import logger
from pipeline.adapters.replicate_api import SubmissionUnclear
from pipeline.domain.errors import (
    InsufficientCredit,
    InvalidRequest,
    JobError,
    NotFound,
    PredictionFailed,
    ProviderUnavailable,
    RateLimited,
    recorded_error,
)
from pipeline.domain.jobs import MAX_ATTEMPTS, poll_delay_seconds
from pipeline.domain.outcomes import WakeLater
from pipeline.domain.predictions import (
    PredictionOrder,
    PredictionRecord,
    PredictionState,
    ProviderPrediction,
    operation_id,
    webhook_query,
)
from pipeline.domain.prompts import prompt_sha256
from pipeline.domain.quotas import microusd
from pipeline.handlers.prediction_ends import (
    INTENT,
    SUBMITTED,
    SUBMITTING,
    adopt,
    call_off,
    find_again,
    record_end,
    record_failure,
)
from pipeline.handlers.tools import Tools
from pipeline.handlers.turns import Turn

INLINE_POLL_SECONDS = 0.5

CREATE_SECONDS = 45.0
"""More than one create can take: the time limits of connecting and of waiting for the answer."""

PATIENCE_WITH_WEBHOOK = 6.0
"""Where a webhook tells that a prediction has ended, asking is only for the case that it gets lost."""

MAX_FIRST_SECONDS = 30.0
"""Of that patience: a wish to cancel is seen when the job is next looked at."""


@dataclass(frozen=True)
class Predicted:
    """A finished prediction, or the result of an earlier one. `url` is deleted by the provider an hour after
    `ended_at`."""

    url: str
    model: str
    seed: int
    ended_at: datetime | None = None
    prompt: str = ""  # as it was sent; "": recorded by an earlier version
    prompt_sha256: str = ""
    prompt_source: str = ""
    content_key: str = ""  # under which what is made of it is remembered; "": it is not
    reused_from: str = ""  # the job that made it; then `url` is empty, and `stored` says where it lies
    stored: Mapping[str, Any] = field(default_factory=dict)
    seed_is_clients: bool = False  # chosen by the client: a retry that asks for none does not use it again


def obtain_prediction(
    turn: Turn, step: str, order: Callable[[], PredictionOrder], tools: Tools, *, is_estimated: bool = True
) -> Predicted:
    """The output of the step's prediction.

    `order` is called only when a new prediction is to be intended: it may upload the model's input.
    `is_estimated`: the first try's cost was reserved when the job was admitted.
    Raises WakeLater while the provider works; the provider's errors when it failed; OutcomeUnknown when a submission's
    fate can no longer be learnt; QuotaExceeded when a second try would pass a limit; TurnLost and CancelRequested.
    """
    record = _open(turn, step, order, tools, is_estimated=is_estimated)
    if record.state is INTENT:
        record = _submit(turn, record, tools)
    if record.state is SUBMITTING:
        record = _reconcile(record, tools)
    if record.state is SUBMITTED:
        record = _await(turn, record, tools)
    if record.state is not PredictionState.SUCCEEDED:
        raise recorded_error(record.error_code, record.error)
    return Predicted(
        url=record.outputs[0],
        model=record.model,
        seed=record.input["seed"],
        ended_at=record.ended_at,
        prompt=str(record.input.get("prompt") or ""),
        prompt_sha256=prompt_sha256(str(record.input.get("prompt") or "")),
        content_key=record.content_key,
        seed_is_clients=record.seed_is_clients,
    )


def _open(
    turn: Turn, step: str, order: Callable[[], PredictionOrder], tools: Tools, *, is_estimated: bool
) -> PredictionRecord:
    """The record to go on with.

    One that failed and may be tried again is followed by a new one, which is charged again: at most MAX_ATTEMPTS. A
    failure that the step has not counted yet is not followed: it is counted first.
    """
    number = 1
    while True:
        op = operation_id(turn.ref, step, number)
        record = tools.predictions.find(op)
        if record is not None and record.user_id != turn.user_id:
            raise InvalidRequest("Field 'job_id' is not valid: it was used before. Give every job an id of its own.")
        if record is None:
            wanted = order()
            if number > 1 or not is_estimated:
                turn.reserve_more(microusd(wanted.cost_usd))
            return tools.predictions.open(op, turn.ref.path, turn.user_id, wanted, tools.clock())
        worth_another = record.state is PredictionState.FAILED and record.retryable
        if not worth_another or number == MAX_ATTEMPTS or turn.step_attempt(step) < number:
            return record
        number += 1


def _submit(turn: Turn, record: PredictionRecord, tools: Tools) -> PredictionRecord:
    """Send the one POST. Whatever is not a clear answer leaves the record `submitting`."""
    now = tools.clock()
    until = now + timedelta(seconds=max(turn.seconds_left, 0.0) + CREATE_SECONDS)
    record, is_ours = tools.predictions.claim(record.op, turn.number, now, until)
    if not is_ours:
        return record
    try:
        prediction = tools.replicate.create_prediction(
            record.model, record.input, record.cancel_after_seconds, _webhook_url(record, tools)
        )
    except SubmissionUnclear as error:
        logger.warn(f"Outcome of a submission is unknown: {error}", op=record.op)
        return tools.predictions.move(
            record.op, {SUBMITTING}, SUBMITTING, tools.clock(), since=now, submitting_until=tools.clock()
        )
    except (ProviderUnavailable, RateLimited):
        tools.predictions.move(record.op, {SUBMITTING}, INTENT, tools.clock(), since=now)
        raise
    except JobError as error:
        if isinstance(error, InsufficientCredit):
            logger.error(f"Replicate: {error}", op=record.op, alert="insufficient_credit")
        record_failure(record, error, tools, charged=False)
        raise
    return adopt(record, prediction, tools)


def _webhook_url(record: PredictionRecord, tools: Tools) -> str | None:
    return f"{tools.settings.webhook_url}?{webhook_query(record.op)}" if tools.settings.webhook_url else None


def _reconcile(record: PredictionRecord, tools: Tools) -> PredictionRecord:
    """The record once its POST's fate is known. Raises WakeLater until then."""
    try:
        found = find_again(record, tools)
    except (ProviderUnavailable, RateLimited) as error:
        raise _ask_later(record, tools, patience=1.0) from error
    if found.state is SUBMITTING:
        raise _ask_later(record, tools, patience=1.0)
    if found.state is INTENT:
        raise WakeLater(0.0)
    return found


def _await(turn: Turn, record: PredictionRecord, tools: Tools) -> PredictionRecord:
    """Ask until it has ended, as long as the order allows a turn to stay awake; then wake later."""
    # only the first look may stay awake: a prediction that takes longer is worth a task
    awake_until = time.monotonic() + (record.inline_wait_seconds if record.polls == 0 else 0.0)
    while True:
        prediction = _look(record, tools)
        if prediction.is_terminal:
            return record_end(record, prediction, tools)
        if _is_overdue(record, tools):
            call_off(prediction.id, record, tools)
            return record_end(record, ProviderPrediction(prediction.id, "canceled", record.model), tools)
        if time.monotonic() >= awake_until:
            raise _ask_later(record, tools)
        turn.check()
        time.sleep(INLINE_POLL_SECONDS)


def _look(record: PredictionRecord, tools: Tools) -> ProviderPrediction:
    """Its state. A provider that does not answer has not failed: the prediction is paid and may well succeed, so it is
    asked again until the prediction's own time is over."""
    try:
        return tools.replicate.get_prediction(record.prediction_id or "")
    except NotFound as error:
        raise PredictionFailed("Replicate no longer knows this prediction.") from error
    except JobError as error:
        if _is_overdue(record, tools):
            raise
        raise _ask_later(record, tools) from error


def _is_overdue(record: PredictionRecord, tools: Tools) -> bool:
    return record.deadline_at is not None and tools.clock() > record.deadline_at


def _ask_later(record: PredictionRecord, tools: Tools, patience: float | None = None) -> WakeLater:
    first = tools.settings.poll_first_seconds
    if patience is None:
        patience = PATIENCE_WITH_WEBHOOK if tools.settings.webhook_url else 1.0
    tools.predictions.count_poll(record.op, tools.clock())
    return WakeLater(poll_delay_seconds(record.polls, min(first * patience, max(first, MAX_FIRST_SECONDS))))
