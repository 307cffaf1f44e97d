"""Faults to order, for one prediction only, by a marker in its prompt: `A lighthouse [stub:nsfw]`.

The words of a scene reach more than one model, so a marker can be aimed at some of them:

    [stub:fail]           every model that reads it
    [stub:kontext-fail]   Kontext models only; so with every marker: kontext-429, kontext-nsfw, kontext-hang
    [stub:model-down]     the models that a deployment asks first only: model-down, model-500, model-aborted
"""

import re
import threading
from collections.abc import Collection

from localdev.stub_replicate.models import MODELS

MARKER = re.compile(r"\[stub:([a-z0-9-]+)\]")
FIRST_MODELS = ("black-forest-labs/flux-schnell", "bytedance/seedance-1-lite")
"""Those that are used where a deployment names none."""

FAILURES = {
    "nsfw": "The input or output was flagged as sensitive. Please try again with different inputs. (E005)",
    "fail": "RuntimeError: the model could not handle this input",
    "down": "Service is temporarily unavailable due to high demand. Please try again later. (E003)",
    "interrupt": "Prediction interrupted; please retry (code: PA)",
    "interrupt-once": "Prediction interrupted; please retry (code: PA)",
}
"""How a prediction fails after it was accepted, and is paid."""

REFUSALS = {
    "401": (401, "You did not pass a valid authentication token"),
    "402": (402, "You have insufficient credit to run this model."),
    "404": (404, "The requested resource could not be found."),
    "422": (422, "- input.prompt: the value is not allowed"),
    "429": (429, "Request was throttled. Your rate limit resets in ~1s."),
    "500": (500, "Internal server error"),
    "429-once": (429, "Request was throttled. Your rate limit resets in ~1s."),
}
"""How a create is refused: nothing is started."""

LOST_ANSWERS = ("reset-once", "reset-after-create-once")

STUCK, ABORTED, HANG, SLOW = "stuck", "aborted", "hang", "slow"
"""It never starts; it is aborted before it starts; it never ends; it takes many times as long. The first and the third
until they are canceled, or their Cancel-After has passed."""

HTML, GONE, EMPTY = "html", "gone", "empty"
"""It succeeds, but its output is a page and no picture, is not there any more, or is none."""


def markers_for(model: str, prompt: str) -> list[str]:
    """The markers of a prompt that a model obeys, without what they are aimed by."""
    obeyed = []
    for name in MARKER.findall(prompt):
        aim, _, aimed = name.partition("-")
        if aim == "kontext":
            obeyed += [aimed] if MODELS[model] == "kontext" else []
        elif aim == "model":
            obeyed += [aimed] if model in FIRST_MODELS else []
        else:
            obeyed.append(name)
    return obeyed


class Markers:
    """Reads markers; those that end in -once hold for the first prediction of their prompt only."""

    def __init__(self) -> None:
        self._spent: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def take(self, model: str, prompt: str, names: Collection[str]) -> str | None:
        """The first of the markers for this model that is one of `names` and not spent."""
        for name in markers_for(model, prompt):
            if name not in names:
                continue
            if name.endswith("-once"):
                with self._lock:
                    if (name, prompt) in self._spent:
                        continue
                    self._spent.add((name, prompt))
            return name
        return None
