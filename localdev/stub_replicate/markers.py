"""Faults to order, for one prediction only, by a marker in its prompt: `A lighthouse [stub:nsfw]`."""

import re
import threading
from collections.abc import Collection

MARKER = re.compile(r"\[stub:([a-z0-9-]+)\]")

FAILURES = {
    "nsfw": "The input or output was flagged as sensitive. Please try again with different inputs. (E005)",
    "fail": "RuntimeError: the model could not handle this input",
    "interrupt": "Prediction interrupted; please retry (code: PA)",
    "interrupt-once": "Prediction interrupted; please retry (code: PA)",
}
"""How a prediction fails after it was accepted, and is paid."""

REFUSALS = {
    "401": (401, "You did not pass a valid authentication token"),
    "402": (402, "You have insufficient credit to run this model."),
    "422": (422, "- input.prompt: the value is not allowed"),
    "500": (500, "Internal server error"),
    "429-once": (429, "Request was throttled. Your rate limit resets in ~1s."),
}
"""How a create is refused: nothing is started."""

LOST_ANSWERS = ("reset-once", "reset-after-create-once")


class Markers:
    """Reads markers; those that end in -once hold for the first prediction of their prompt only."""

    def __init__(self) -> None:
        self._spent: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def take(self, prompt: str, names: Collection[str]) -> str | None:
        """The first of the prompt's markers that is one of `names` and not spent."""
        for name in MARKER.findall(prompt):
            if name not in names:
                continue
            if name.endswith("-once"):
                with self._lock:
                    if (name, prompt) in self._spent:
                        continue
                    self._spent.add((name, prompt))
            return str(name)
        return None
