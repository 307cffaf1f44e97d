"""Use again what was made of the same inputs before, by the same user: the file is copied, and nothing is paid.

    order ── content key ── found, and its file is the same as then ──> AlreadyMade ──> copied, not predicted
                └── not found, or `force` ──> predicted, stored, remembered for REUSE_DAYS

Each job has files of its own, so whoever deletes one of them takes nothing from the other.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.adapters import logger
from pipeline.adapters.object_storage import StoredObject
from pipeline.domain.errors import NotFound
from pipeline.handlers.predictions import Predicted
from pipeline.handlers.tools import Tools
from pipeline.handlers.turns import Turn
from pipeline.repositories.results import StoredResult

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Output = TypeVar("Output", bound="DataclassInstance")

STORED_AT = "stored_at"
"""When the file was stored: another job may have replaced it since."""


class AlreadyMade(Exception):
    """Raised in place of an order: the result is there."""

    def __init__(self, result: StoredResult) -> None:
        super().__init__(result.job_id)
        self.result = result

    def as_prediction(self, prompt_source: str, seed: int | None) -> Predicted:
        """As if it had been predicted now: of the same inputs, and the client's `seed` where it chose one."""
        return Predicted(
            url="",
            model=self.result.model,
            seed=self.result.seed,
            prompt_source=prompt_source,
            seed_is_clients=seed is not None,
            reused_from=self.result.job_id,
            stored=self.result.output,
        )


def recall(turn: Turn, content_key: str, record: type[Output], key_name: str, tools: Tools) -> None:
    """Raises AlreadyMade when the user has a result of these inputs, which the store step records as `record`.
    `key_name` is where it names its file."""
    if not tools.settings.reuse_days or turn.fields.get("force") is True:
        return
    result = tools.results.find(turn.user_id, content_key, tools.clock())
    if result is None:
        return
    if _read(record, result.output) is None or not _is_unchanged(result, key_name, tools):
        tools.results.forget(turn.user_id, content_key)
        return
    logger.info(f"[{turn.ref.kind.label}] Job {turn.ref.job_id} uses what job {result.job_id} made")
    raise AlreadyMade(result)


def remember(
    turn: Turn, predicted: Predicted, output: "DataclassInstance", key_name: str, size_bytes: int, tools: Tools
) -> None:
    """What was stored can be used again, if nobody has replaced it already."""
    if not tools.settings.reuse_days or not predicted.content_key:
        return
    fields = asdict(output)
    stored = tools.storage.stat(str(fields[key_name]))
    if stored is None or stored.size_bytes != size_bytes:
        return
    result = StoredResult(
        job_id=turn.ref.job_id,
        model=predicted.model,
        seed=predicted.seed,
        output={**fields, STORED_AT: stored.stored_at},
    )
    until = tools.clock() + timedelta(days=tools.settings.reuse_days)
    tools.results.keep(turn.user_id, predicted.content_key, result, until)


def recalled(record: type[Output], predicted: Predicted) -> Output:
    """What the earlier job's step had recorded. Raises NotFound when another version of this code recorded it."""
    read = _read(record, predicted.stored)
    if read is None:
        raise NotFound("The earlier result cannot be read any more. Create the job again.")
    return read


def copied(source_key: str, key: str, tools: Tools, size_bytes: int | None = None) -> StoredObject:
    """A file of the recalled result under another key.

    Raises NotFound when it was deleted since, or has another size: a job may have made it anew in this very moment.
    """
    try:
        copy = tools.storage.copy_object(source_key, key)
    except NotFound as error:
        raise NotFound("The earlier result was deleted meanwhile. Create the job again.") from error
    if size_bytes is not None and copy.size_bytes != size_bytes:
        raise NotFound("The earlier result was replaced meanwhile. Create the job again.")
    return copy


def _read(record: type[Output], output: Mapping[str, Any]) -> Output | None:
    """None: another version of this code recorded it."""
    try:
        return record(**{name: value for name, value in output.items() if name != STORED_AT})
    except TypeError:
        return None


def _is_unchanged(result: StoredResult, key_name: str, tools: Tools) -> bool:
    """Whether its file is still the one that the job has stored: not gone, and not overwritten."""
    stored = tools.storage.stat(str(result.output.get(key_name) or ""))
    if stored is None:
        return False
    return (stored.size_bytes, stored.stored_at) == (result.output.get("size_bytes"), result.output.get(STORED_AT))
