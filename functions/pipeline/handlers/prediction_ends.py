"""How a prediction's record moves once it may have been sent: found again, ended, called off, held for a person.

Used by the turn that waits for it, by the webhook, and by the sweeper; each move names the states it starts from,
and is written only if nobody else has moved the record, so it does not matter who comes first, or twice.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from pipeline.adapters import logger
from pipeline.domain.errors import JobError, NotFound, OutcomeUnknown, PredictionFailed, PredictionTimedOut
from pipeline.domain.jobs import JobRef
from pipeline.domain.log_events import PredictionEnded
from pipeline.domain.predictions import (
    LISTING_MARGIN,
    MAX_UNANSWERED,
    PURGE_AFTER,
    PredictionRecord,
    PredictionState,
    ProviderPrediction,
    actual_cost_usd,
    find_ours,
    provider_failure,
)
from pipeline.domain.shared_seeds import Recognised, recognise
from pipeline.handlers.tools import Desk, Tools

OVERDUE_MARGIN = timedelta(seconds=60)
INTENT, SUBMITTING, SUBMITTED = PredictionState.INTENT, PredictionState.SUBMITTING, PredictionState.SUBMITTED
UNKNOWN = (
    "It is not known whether Replicate started this prediction, and its records are gone. "
    "Nothing was sent twice; look at the account's predictions, then create the job again."
)


UNANSWERED = f"Replicate answered none of {MAX_UNANSWERED} orders for this prediction, and shows none of them."


def adopt(record: PredictionRecord, prediction: ProviderPrediction, tools: Tools) -> PredictionRecord:
    """The provider has it: from here on it is paid."""
    now = tools.clock()
    deadline = now + timedelta(seconds=record.cancel_after_seconds) + OVERDUE_MARGIN
    return tools.predictions.move(
        record.op,
        {INTENT, SUBMITTING},
        SUBMITTED,
        now,
        prediction_id=prediction.id,
        deadline_at=deadline,
        check_at=deadline + OVERDUE_MARGIN,
    )


def find_again(record: PredictionRecord, tools: Tools) -> PredictionRecord:
    """Learn from the provider's listing whether an unanswered POST arrived.

    Of what was sent without an answer, only here may a record become `intent` again. Returns it as it stands then;
    still `submitting` means: ask again. So it does while a listed prediction may be ours or another's.
    Raises ProviderUnavailable or RateLimited when the listing cannot be read.
    """
    submitting_at = record.submitting_at or tools.clock()
    if tools.clock() - submitting_at > PURGE_AFTER:
        logger.error(UNKNOWN, op=record.op, alert="prediction_held")
        return record_failure(record, OutcomeUnknown(UNKNOWN), tools, charged=False, to=PredictionState.HELD)
    found = look_among(tools.replicate.list_predictions(submitting_at - LISTING_MARGIN), record, tools)
    for extra in found.ours[1:]:
        call_off(extra.id, record, tools)
    if found.ours:
        return adopt(record, found.ours[0], tools)
    if found.in_doubt:
        return record
    if tools.clock() > _sender_is_gone_at(record) + timedelta(seconds=tools.settings.submission_grace_seconds):
        count = record.unanswered + 1
        if count == MAX_UNANSWERED:
            return record_failure(record, PredictionTimedOut(UNANSWERED), tools, charged=False)
        return tools.predictions.move(
            record.op, {SUBMITTING}, INTENT, tools.clock(), since=record.submitting_at, unanswered=count
        )
    return record


def look_among(listed: Iterable[ProviderPrediction], record: PredictionRecord, tools: Tools) -> Recognised:
    """Those of the listed predictions that are ours, or may be. Other records are read only where they matter."""
    ours = find_ours(record, listed)  # reads the listing to its end, before any record
    if not ours or not record.seed_is_clients:
        return Recognised(tuple(ours))
    since = (record.submitting_at or tools.clock()) - PURGE_AFTER
    return recognise(record, ours, tools.predictions.with_seed(record.input["seed"], since))


def record_end(record: PredictionRecord, prediction: ProviderPrediction, tools: Tools) -> PredictionRecord:
    """Write down how it ended, and what it cost."""
    if prediction.status == "succeeded" and prediction.outputs:
        return _end(
            record,
            {SUBMITTED},
            PredictionState.SUCCEEDED,
            tools,
            outputs=list(prediction.outputs),
            charged=True,
            cost_usd=actual_cost_usd(record, prediction),
            metrics=dict(prediction.metrics),
            ended_at=prediction.completed_at or tools.clock(),
        )
    return record_failure(record, provider_failure(prediction), tools, charged=prediction.status != "aborted")


def record_failure(
    record: PredictionRecord,
    error: JobError,
    tools: Tools,
    *,
    charged: bool,
    to: PredictionState = PredictionState.FAILED,
) -> PredictionRecord:
    """Write down that it failed, and whether that was free. Nothing happens when it has ended or moved on meanwhile."""
    if record.state.is_terminal:  # the provider tells of an end more than once
        return record
    return _end(
        record,
        {record.state},
        to,
        tools,
        since=record.submitting_at if record.state is SUBMITTING else None,
        error=error.message,
        error_code=error.code,
        retryable=error.retryable,
        charged=charged,
    )


def _end(
    record: PredictionRecord,
    states: set[PredictionState],
    to: PredictionState,
    tools: Tools,
    since: datetime | None = None,
    **fields: Any,
) -> PredictionRecord:
    """Move the record to its end. Of all who find out, the one that has moved it tells the log."""
    now = tools.clock()
    ended, is_news = tools.predictions.try_move(record.op, states, to, now, since=since, **fields)
    if is_news:
        lasted = (ended.ended_at or now) - ended.submitting_at if ended.submitting_at else timedelta()
        event = PredictionEnded(
            model=ended.model,
            state=str(ended.state),
            code=ended.error_code or "",
            seconds=round(max(lasted.total_seconds(), 0.0), 3),
            cost_usd=ended.paid_usd,
        )
        told = f"A prediction has ended: {ended.error_code or ended.state}"
        logger.tell(event, told, op=ended.op, prediction_id=ended.prediction_id)
    return ended


def call_off(prediction_id: str, record: PredictionRecord, tools: Tools) -> None:
    """Ask the provider to stop it. What cannot be reached now ends by its Cancel-After."""
    try:
        tools.replicate.cancel_prediction(prediction_id)
    except JobError as error:
        logger.warn(f"A prediction could not be called off: {error}", op=record.op)


def cancel_predictions(ref: JobRef, tools: Tools) -> None:
    """Stop what still runs for a job, and see that nothing more is sent for it."""
    for record in tools.predictions.of_job(ref.path):
        settle(record, tools)


def correct_cost(ref: JobRef, desk: Desk) -> None:
    """A job that is over learns what its predictions have cost by now."""
    desk.jobs.correct_cost(ref, lambda transaction: desk.predictions.cost_usd(ref.path, transaction))


def settle(record: PredictionRecord, tools: Tools) -> PredictionRecord:
    """Nobody wants it any more: called off where it runs, written down where it has ended."""
    if record.is_newer:  # what came of it is for newer code to write down
        if record.prediction_id:
            call_off(record.prediction_id, record, tools)
        return record
    if record.state is INTENT:
        record = record_failure(record, PredictionFailed("Called off before it was sent."), tools, charged=False)
    if record.state is SUBMITTING:
        record = _quietly(record, find_again, tools)
        if record.state is INTENT:
            return settle(record, tools)
    if record.state is SUBMITTED:
        call_off(record.prediction_id or "", record, tools)
        record = _quietly(record, _look_once, tools)
    return record


def _look_once(record: PredictionRecord, tools: Tools) -> PredictionRecord:
    try:
        prediction = tools.replicate.get_prediction(record.prediction_id or "")
    except NotFound:
        return record_failure(
            record, PredictionFailed("Replicate no longer knows this prediction."), tools, charged=True
        )
    return record_end(record, prediction, tools) if prediction.is_terminal else record


def _quietly(
    record: PredictionRecord, look: Callable[[PredictionRecord, Tools], PredictionRecord], tools: Tools
) -> PredictionRecord:
    try:
        return look(record, tools)
    except JobError as error:  # it is looked at again
        logger.warn(f"The provider could not be asked: {error}", op=record.op)
        return record


def _sender_is_gone_at(record: PredictionRecord) -> datetime:
    return record.submitting_until or record.submitting_at or datetime.max
