"""What the commands work with: the real storage and database, and how patient, how fast and how wide they are."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console

from migration.gated_firestore import GatedClient
from operations.rate_limits import TokenBucket
from operations.waiting import Patience, Stop
from pipeline.config import StorageSettings, read_storage
from pipeline.handlers.tools import Library
from pipeline.wiring import open_library


@dataclass(frozen=True)
class Tools:
    """What every command works with. `bucket` names the storage, for people."""

    library: Library
    client: GatedClient
    bucket: str
    stop: Stop
    patience: Patience
    threads: int
    console: Console

    @property
    def origin(self) -> Mapping[str, str]:
        """From where to where."""
        return {"project": str(self.client.project), "bucket": self.bucket}


def open_tools(
    environment: Mapping[str, str], project: str | None, *, threads: int, writes_per_second: float, dry: bool
) -> Tools:
    """Everything, by the settings of the functions. Raises ConfigurationError with the name of what is missing."""
    stop = Stop()
    limit = TokenBucket(writes_per_second, writes_per_second, pause=stop.pause)
    client = GatedClient(project, admit=limit.take, dry=dry)
    return Tools(
        library=open_library(environment, client),
        client=client,
        bucket=_bucket_name(read_storage(environment)),
        stop=stop,
        patience=Patience(stop.pause),
        threads=threads,
        console=Console(highlight=False, file=sys.stdout),
    )


def _bucket_name(storage: StorageSettings) -> str:
    if storage.backend == "firebase":
        return f"gs://{storage.firebase_bucket}"
    return f"{storage.r2_endpoint_url}/{storage.r2_bucket}"
