"""Obtain one prediction and pay for it once, however often this runs, crashes, or is interrupted.

The protocol, and why each transition is where it is, stands in `domain.predictions`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from firebase_functions import logger

from pipeline.adapters.replicate_api import SubmissionUnclear
from pipeline.domain.errors import (
    JobError,
    NotFound,
    OutcomeUnknown,
    PredictionFailed,
    ProviderUnavailable,
    RateLimited,
    recorded_error,
)
from pipeline.domain.jobs import MAX_ATTEMPTS, JobRef, poll_delay_seconds
from pipeline.domain.outcomes import WakeLater
from pipeline.domain.predictions import (
    LISTING_MARGIN,
    PURGE_AFTER,
    PredictionOrder,
    PredictionRecord,
    PredictionState,
    ProviderPrediction,
    find_ours,
    operation_id,
    provider_failure,
)
from pipeline.handlers.tools import Tools
from pipeline.handlers.turns import Turn

INLINE_POLL_SECONDS = 0.5
OVERDUE_MARGIN = timedelta(seconds=60)
INTENT, SUBMITTING, SUBMITTED = PredictionState.INTENT, PredictionState.SUBMITTING, PredictionState.SUBMITTED


@dataclass(frozen=True)
class Predicted:
    """A finished prediction. `url` is deleted by the provider an hour after it ended."""

    url: str
    model: str
    seed: int


def obtain_prediction(turn: Turn, step: str, order: Callable[[], PredictionOrder], tools: Tools) -> Predicted:
    """The output of the step's prediction.

    `order` is called only when a new prediction is to be intended: it may upload the model's input.
    Raises WakeLater while the provider works; the provider's errors when it failed; OutcomeUnknown when a submission's
    fate can no longer be learnt.
    """
    record = _open(turn, step, order, tools)
    if record.state is INTENT:
        record = _submit(record, tools)
    if record.state is SUBMITTING:
        record = _reconcile(record, tools)
    if record.state is SUBMITTED:
        record = _await(turn, record, tools)
    if record.state is PredictionState.FAILED:
        raise recorded_error(record.error_code, record.error)
    return Predicted(url=record.outputs[0], model=record.model, seed=record.input["seed"])


def cancel_predictions(ref: JobRef, tools: Tools) -> None:
    """Stop what still runs for a job. What cannot be reached now ends by its Cancel-After."""
    for record in tools.predictions.of_job(ref.path):
        if record.state is SUBMITTED and record.prediction_id:
            try:
                tools.replicate.cancel_prediction(record.prediction_id)
            except JobError as error:
                logger.warn(f"[{ref.kind.label}] Cancel failed: {error}", job_id=ref.job_id, op=record.op)


def _open(turn: Turn, step: str, order: Callable[[], PredictionOrder], tools: Tools) -> PredictionRecord:
    """The record to go on with.

    One that failed and may be tried again is followed by a new one, which is charged again: at most MAX_ATTEMPTS. A
    failure that the step has not counted yet is not followed: it is counted first.
    """
    number = 1
    while True:
        op = operation_id(turn.ref, step, number)
        record = tools.predictions.find(op)
        if record is None:
            return tools.predictions.open(op, turn.ref.path, turn.user_id, order(), tools.clock())
        worth_another = record.state is PredictionState.FAILED and record.retryable
        if not worth_another or number == MAX_ATTEMPTS or turn.step_attempt(step) < number:
            return record
        number += 1


def _submit(record: PredictionRecord, tools: Tools) -> PredictionRecord:
    """Send the one POST. Whatever is not a clear answer leaves the record `submitting`."""
    now = tools.clock()
    record = tools.predictions.move(record.op, {INTENT}, SUBMITTING, now, submitting_at=now)
    if record.submitting_at != now:
        return record  # somebody else's claim
    try:
        prediction = tools.replicate.create_prediction(record.model, record.input, record.cancel_after_seconds)
    except SubmissionUnclear as error:
        logger.warn(f"Outcome of a submission is unknown: {error}", op=record.op)
        return record
    except (ProviderUnavailable, RateLimited):
        tools.predictions.move(record.op, {SUBMITTING}, INTENT, tools.clock())
        raise
    except JobError as error:
        _fail(record, error, tools, charged=False)
        raise
    return _adopt(record, prediction, tools)


def _adopt(record: PredictionRecord, prediction: ProviderPrediction, tools: Tools) -> PredictionRecord:
    now = tools.clock()
    deadline = now + timedelta(seconds=record.cancel_after_seconds) + OVERDUE_MARGIN
    return tools.predictions.move(
        record.op, {INTENT, SUBMITTING}, SUBMITTED, now, prediction_id=prediction.id, deadline_at=deadline
    )


def _reconcile(record: PredictionRecord, tools: Tools) -> PredictionRecord:
    """Learn from the provider's listing whether the POST arrived. Only here may a record leave `submitting` unsent."""
    settings = tools.settings
    submitting_at = record.submitting_at or tools.clock()
    age = tools.clock() - submitting_at
    if age > PURGE_AFTER:
        raise OutcomeUnknown(
            "It is not known whether Replicate started this prediction, and its records are gone. "
            "Nothing was sent twice; look at the account's predictions, then create the job again."
        )
    try:
        ours = find_ours(record, tools.replicate.list_predictions(submitting_at - LISTING_MARGIN))
    except (ProviderUnavailable, RateLimited) as error:
        raise _ask_later(record, tools) from error
    if ours:
        for extra in ours[1:]:
            tools.replicate.cancel_prediction(extra.id)
        return _adopt(record, ours[0], tools)
    if age.total_seconds() > settings.submission_grace_seconds:
        tools.predictions.move(record.op, {SUBMITTING}, INTENT, tools.clock())
        raise WakeLater(0.0)
    raise WakeLater(min(settings.poll_first_seconds * 2, settings.submission_grace_seconds))


def _await(turn: Turn, record: PredictionRecord, tools: Tools) -> PredictionRecord:
    """Ask until it has ended, as long as the order allows a turn to stay awake; then wake later."""
    # only the first look may stay awake: a prediction that takes longer is worth a task
    awake_until = time.monotonic() + (record.inline_wait_seconds if record.polls == 0 else 0.0)
    while True:
        prediction = _look(record, tools)
        if prediction.is_terminal:
            return _record_end(record, prediction, tools)
        if _is_overdue(record, tools):
            tools.replicate.cancel_prediction(prediction.id)
            return _record_end(record, ProviderPrediction(prediction.id, "canceled", record.model), tools)
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
    except (ProviderUnavailable, RateLimited) as error:
        if _is_overdue(record, tools):
            raise
        raise _ask_later(record, tools) from error


def _is_overdue(record: PredictionRecord, tools: Tools) -> bool:
    return record.deadline_at is not None and tools.clock() > record.deadline_at


def _ask_later(record: PredictionRecord, tools: Tools) -> WakeLater:
    tools.predictions.count_poll(record.op, tools.clock())
    return WakeLater(poll_delay_seconds(record.polls, tools.settings.poll_first_seconds))


def _record_end(record: PredictionRecord, prediction: ProviderPrediction, tools: Tools) -> PredictionRecord:
    if prediction.status == "succeeded" and prediction.outputs:
        return tools.predictions.move(
            record.op,
            {SUBMITTED},
            PredictionState.SUCCEEDED,
            tools.clock(),
            outputs=list(prediction.outputs),
            charged=True,
            predict_seconds=prediction.predict_seconds,
        )
    return _fail(record, provider_failure(prediction), tools, charged=prediction.status != "aborted")


def _fail(record: PredictionRecord, error: JobError, tools: Tools, *, charged: bool) -> PredictionRecord:
    return tools.predictions.move(
        record.op,
        {INTENT, SUBMITTING, SUBMITTED},
        PredictionState.FAILED,
        tools.clock(),
        error=error.message,
        error_code=error.code,
        retryable=error.retryable,
        charged=charged,
    )
