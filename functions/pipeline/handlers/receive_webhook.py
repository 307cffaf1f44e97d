"""Replicate says that a prediction has ended: write it down, and wake the job that waits for it.

Genuine webhooks come late, twice, in any order, or not at all. So this one only moves records forward, and leaves
everything else to the job's next turn; whoever asks again later finds the same.
"""

import json
import re

from pipeline.adapters import log_context, logger
from pipeline.adapters.replicate_api import prediction_of
from pipeline.domain.clips import check_document_id
from pipeline.domain.errors import InvalidRequest, NotFound
from pipeline.domain.jobs import JobRef
from pipeline.domain.predictions import PredictionRecord, ProviderPrediction, find_ours
from pipeline.domain.shared_seeds import Recognised
from pipeline.handlers.prediction_ends import adopt, call_off, correct_cost, look_among, record_end
from pipeline.handlers.tools import Desk, Tools

_PREDICTION_ID = re.compile("[A-Za-z0-9_-]{1,128}")


class UnreadableWebhook(Exception):
    """Signed, but not a prediction."""


def read_webhook(body: bytes) -> ProviderPrediction:
    """The prediction that a webhook tells of. Raises UnreadableWebhook."""
    try:
        prediction = prediction_of(json.loads(body))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableWebhook(type(error).__name__) from error
    if not _PREDICTION_ID.fullmatch(prediction.id):  # it becomes part of a path
        raise UnreadableWebhook("its id is none")
    return prediction


def receive_webhook(op: str, prediction: ProviderPrediction, desk: Desk, tools: Tools) -> None:
    """`op` names the record; it comes from the URL, which is not signed, so it must agree with the prediction.

    Where model and seed leave a doubt, because a client chose the seed, it is the URL that decides: unless another
    record holds the prediction, or has sent what it was made from.

    Errors of Firestore and of the queue propagate: the provider then sends it again.
    """
    try:
        record = tools.predictions.find(check_document_id("op", op))
    except InvalidRequest:
        record = None
    if record is not None and record.is_newer:
        logger.warn("A webhook is left to newer code, which looks for itself", op=op)
        return
    seen = _recognised(record, prediction, tools)
    if record is None or not (seen.ours or seen.in_doubt):
        logger.warn("A webhook tells of a prediction that is not ours", prediction_id=prediction.id)
        return
    ref = JobRef.of_path(record.job_path)
    log_context.note(job_id=ref.job_id, kind=str(ref.kind))
    record = adopt(record, prediction, tools)
    if record.prediction_id != prediction.id:
        logger.error("A second prediction was found for one operation", prediction_id=prediction.id)
        if seen.ours and not prediction.is_terminal:
            call_off(prediction.id, record, tools)
        return
    if prediction.is_terminal:
        record_end(record, prediction, tools)
    _wake_or_correct(ref, desk)


def _recognised(record: PredictionRecord | None, prediction: ProviderPrediction, tools: Tools) -> Recognised:
    if record is None:
        return Recognised(())
    if record.prediction_id == prediction.id:
        return Recognised(tuple(find_ours(record, [prediction])))
    return look_among([prediction], record, tools)


def _wake_or_correct(ref: JobRef, desk: Desk) -> None:
    """A prediction of this job has ended: its job goes on, or, if it is over, learns what it really cost."""
    try:
        job = desk.jobs.get(ref)
    except NotFound:
        return
    if job.status.is_terminal:
        correct_cost(ref, desk)
    else:
        desk.tasks.signal(ref)
