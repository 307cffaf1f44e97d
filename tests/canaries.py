"""Recognisable values in place of every secret, and where to look for them afterwards."""

import base64
import json
import re
import subprocess
import traceback
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from google.cloud import firestore

SECRETS = {
    "REPLICATE_API_TOKEN": "r8_Canary0000replicate0000token00",
    "OPENAI_API_KEY": "sk-proj-Canary1111openai1111key11111",
    "R2_ACCESS_KEY_ID": "ca2222aaaa2222aaaa2222aaaa2222aa",
    "R2_SECRET_ACCESS_KEY": "ca3333bbbb3333bbbb3333bbbb3333bbca3333bbbb3333bbbb3333bbbb3333bb",
    "webhook secret": "whsec_" + base64.b64encode(b"canary-4444-webhook-4444").decode(),
}
"""Of the deployment: never to be seen by anybody."""

SOURCE_QUERY = "canary5555source5555query"
"""In the queries of URLs that users put into their jobs. It stands where they wrote it, and nowhere else."""

ID_TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJjYW5hcnkiOiI2NjY2In0.Y2FuYXJ5NzY2NjYtc2lnbmF0dXJl"

SIGNED = re.compile(r"x-amz-signature=|x-goog-signature=|[?&]token=[0-9a-f]{8}-", re.IGNORECASE)
"""In URLs that give access to whoever has them."""


def spellings(value: str) -> set[str]:
    """A value, and the ways in which it may be written elsewhere."""
    return {value, quote(value, safe=""), base64.b64encode(value.encode()).decode().rstrip("=")}


FORBIDDEN = {name: spellings(value) for name, value in {**SECRETS, "ID token": ID_TOKEN}.items()}


def found_in(text: str, *, with_sources: bool = True) -> list[str]:
    """The names of what is given away by a text."""
    found = [name for name, values in FORBIDDEN.items() if any(value in text for value in values)]
    if SIGNED.search(text):
        found.append("a signed URL")
    if with_sources and SOURCE_QUERY in text:
        found.append("the query of a source")
    return found


def whole_database(client: firestore.Client) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every document: path and fields."""
    waiting = list(client.collections())
    while waiting:
        for document in waiting.pop().list_documents():
            yield document.path, document.get().to_dict() or {}
            waiting += document.collections()


def texts(fields: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every value of a document as (name of the field, text), the names of its maps too."""
    match fields:
        case Mapping():
            for key, value in fields.items():
                yield from texts(value, f"{name}.{key}" if name else str(key))
        case list() | tuple():
            for value in fields:
                yield from texts(value, f"{name}[]")
        case bytes():
            yield name, fields.decode("latin-1")
        case datetime() | None:
            yield name, name
        case _:
            yield name, f"{name} {fields}"


class Processes:
    """What the pipeline starts, while it is installed in place of subprocess.Popen: arguments and environments."""

    def __init__(self) -> None:
        self.started: list[tuple[Sequence[str], Mapping[str, str] | None]] = []
        self._popen = subprocess.Popen

    def __call__(self, command: Sequence[str], *arguments: Any, **named: Any) -> subprocess.Popen[Any]:
        if any("/pipeline/adapters/" in frame.filename for frame in traceback.extract_stack(limit=8)):
            self.started.append((command, named.get("env")))
        return self._popen(command, *arguments, **named)

    def __getitem__(self, item: Any) -> Any:
        """For annotations like Popen[bytes]."""
        return self._popen

    def as_text(self) -> str:
        return json.dumps(
            [[list(map(str, command)), None if env is None else dict(env)] for command, env in self.started]
        )
