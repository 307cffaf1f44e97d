"""Whose prediction it is where a client chose the seed, which other records, and strangers, may have too.

    of the listed predictions with our model and seed, one that                                  is
    ───────────────────────────────────────────────────────────────────────────────────────────────────────
    names our operation in its webhook                                                           ours
    another record holds                                                                         another's
    has our prompt, and what tells us from each rival                                            ours
    has what tells a rival from us                                                               another's
    is anything else: it could be a rival's, or come from outside this deployment                in doubt

A rival is a record that may have been sent and does not know its prediction. Whoever is listed has a record by then,
because records are written before their POST: so the listing is read first, the records after it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.domain.predictions import PredictionRecord, ProviderPrediction, find_ours, webhook_query


@dataclass(frozen=True)
class Recognised:
    """What the listed predictions are to a record. Those of others are left out."""

    ours: tuple[ProviderPrediction, ...]  # certainly; oldest first
    in_doubt: tuple[ProviderPrediction, ...] = ()  # while there is one, nothing may be sent again


def recognise(
    record: PredictionRecord, listed: Iterable[ProviderPrediction], others: Iterable[PredictionRecord]
) -> Recognised:
    """Tell ours from others'. `others`: all other records with this seed that were sent about when ours was."""
    others = [other for other in others if other.op != record.op and other.model == record.model]
    held = {other.prediction_id for other in others}
    rivals = [other for other in others if other.is_unanswered]
    ours, in_doubt = [], []
    for prediction in find_ours(record, listed):
        if (prediction.webhook or "").endswith(webhook_query(record.op)):
            ours.append(prediction)
        elif prediction.id in held:
            continue
        elif _has_our_words(record, prediction) and all(_fits_better(prediction, record, rival) for rival in rivals):
            ours.append(prediction)
        elif not any(_fits_better(prediction, rival, record) for rival in rivals):
            in_doubt.append(prediction)
    return Recognised(tuple(ours), tuple(in_doubt))


def _has_our_words(record: PredictionRecord, prediction: ProviderPrediction) -> bool:
    return bool(prediction.input.get("prompt") == record.input.get("prompt"))


def _fits_better(prediction: ProviderPrediction, one: PredictionRecord, other: PredictionRecord) -> bool:
    """Of the inputs in which the two differ it has some of the one, and none of the other.

    An input that it lacks, or that the provider writes in another way, tells nothing.
    """
    differing = [name for name in one.input if name in other.input and one.input[name] != other.input[name]]
    has_ones = any(prediction.input.get(name) == one.input[name] for name in differing)
    return has_ones and not any(prediction.input.get(name) == other.input[name] for name in differing)
