"""Where the first model is down, a second one takes over: within the same step, and noted on the job.

    first model    ✗ ✗ ✗  (lost, stopped, or not known: three times where another try was worth it)
    second model          ✓  `adjustments: [{field: "model", asked, used, reason}]`

Not everything that fails is a model that is down: what was flagged, cannot be paid, or whose fate is unknown is left
at that.
"""

from collections.abc import Callable

from pipeline.domain.errors import (
    NotFound,
    PredictionFailed,
    PredictionInterrupted,
    PredictionTimedOut,
    ProviderUnavailable,
)
from pipeline.domain.jobs import MAX_ATTEMPTS
from pipeline.domain.model_inputs import Adjustment
from pipeline.domain.predictions import PredictionOrder
from pipeline.handlers.predictions import Predicted, obtain_prediction
from pipeline.handlers.tools import Tools
from pipeline.handlers.turns import Turn

DOWN = (NotFound, PredictionFailed, PredictionInterrupted, PredictionTimedOut, ProviderUnavailable)

Order = Callable[[], PredictionOrder]


def obtain_from_either(
    turn: Turn, step: str, model: str, first: Order, second: Order | None, tools: Tools, prefix: str = ""
) -> Predicted:
    """The output of the step's prediction by `model`, or by the second one when that is down.

    `prefix` comes before the name of the field under which it is noted. Raises what `obtain_prediction` raises.
    """
    try:
        return obtain_prediction(turn, step, first, tools)
    except DOWN as error:
        is_last_try = not error.retryable or turn.step_attempt(step) + 1 >= MAX_ATTEMPTS
        if second is None or not is_last_try:
            raise
        predicted = obtain_prediction(turn, f"{step}_fallback", second, tools, is_estimated=False)
        turn.adjust([Adjustment(f"{prefix}model", model, predicted.model, str(error))])
        return predicted
