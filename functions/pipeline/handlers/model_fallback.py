"""Where the first model is down, a second one takes over: within the same step, and noted on the job.

    first model    ✗ ✗ ✗  (lost, stopped, or not known: three times where another try was worth it)
    second model          ✓  `adjustments: [{field: "model", asked, used, reason}]`

Not everything that fails is a model that is down: what was flagged, cannot be paid, or whose fate is unknown is left
at that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pipeline.domain.errors import (
    JobError,
    PredictionFailed,
    PredictionInterrupted,
    PredictionTimedOut,
    ProviderUnavailable,
    UnknownModel,
)
from pipeline.domain.jobs import MAX_ATTEMPTS
from pipeline.domain.model_inputs import Adjustment
from pipeline.domain.predictions import PredictionOrder, PredictionState, operation_id
from pipeline.handlers.prediction_ends import record_failure
from pipeline.handlers.predictions import Predicted, obtain_prediction
from pipeline.handlers.tools import Tools
from pipeline.handlers.turns import Turn

DOWN = (PredictionFailed, PredictionInterrupted, PredictionTimedOut, ProviderUnavailable, UnknownModel)


@dataclass(frozen=True)
class Candidate:
    """A model, what is noted when it makes the result, and the order for it."""

    model: str
    adjustments: Sequence[Adjustment]
    order: Callable[[], PredictionOrder]


def obtain_from_either(
    turn: Turn, step: str, first: Candidate, second: Candidate | None, tools: Tools, prefix: str = ""
) -> Predicted:
    """The output of the step's prediction by the first model, or by the second one when that is down.

    `prefix` comes before the names of the fields under which it is noted. Raises what `obtain_prediction` raises.
    """
    other_step = f"{step}_fallback"
    # once the second has been asked for, the first is not asked again, whatever has become of it
    if second is None or tools.predictions.find(operation_id(turn.ref, other_step, 1)) is None:
        try:
            return obtain_prediction(turn, step, first.order, tools)
        except DOWN as error:
            if second is None or not _is_down(turn, step, error, tools):
                raise
            _end(turn, step, error, tools)
            _note(turn, first, second, str(error), prefix)
    return obtain_prediction(turn, other_step, second.order, tools, is_estimated=False)


def _is_down(turn: Turn, step: str, error: JobError, tools: Tools) -> bool:
    """Whether it is the model that failed, and for good: not what has to be done before it is asked."""
    was_asked = tools.predictions.find(operation_id(turn.ref, step, 1)) is not None
    return was_asked and (not error.retryable or turn.step_attempt(step) + 1 >= MAX_ATTEMPTS)


def _end(turn: Turn, step: str, error: JobError, tools: Tools) -> None:
    """Nothing more is sent to the first model."""
    for number in range(1, MAX_ATTEMPTS + 1):
        record = tools.predictions.find(operation_id(turn.ref, step, number))
        if record is not None and record.state is PredictionState.INTENT:
            record_failure(record, PredictionFailed(str(error)), tools, charged=False)


def _note(turn: Turn, first: Candidate, second: Candidate, reason: str, prefix: str) -> None:
    """On the job, in place of what was noted about the first model."""
    turn.withdraw(f"{prefix}{noted.field}" for noted in first.adjustments)
    changed = Adjustment("model", first.model, second.model, reason)
    turn.adjust(replace(noted, field=f"{prefix}{noted.field}") for noted in (changed, *second.adjustments))
