"""Clients of an emulator that is named here, whatever the environment says."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from google.cloud import firestore

from localdev.stack import PROJECT_ID

VARIABLE = "FIRESTORE_EMULATOR_HOST"


@contextmanager
def firestore_client(address: str, project: str = PROJECT_ID) -> Iterator[firestore.Client]:
    """A client of the emulator at host:port, or of a proxy before it."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = address  # read where the client is made
    try:
        client = firestore.Client(project=project)
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
    try:
        yield client
    finally:
        client.close()
