"""Reads that somebody waits for end before the function does."""

from collections.abc import Callable
from typing import Any

import pytest
from google.api_core.exceptions import RetryError, ServiceUnavailable
from google.cloud import firestore

from localdev.stack import PROJECT_ID
from pipeline.repositories import documents
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.metadata_phases import MetadataPhaseRepository
from pipeline.repositories.videos import VideoRepository

API_SECONDS = 60
"""The function's own, and a request may read twice, one after the other."""


class AwayApi:
    """The generated API client of a database that is away: tries as it was told to, and keeps for how long that was."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**options: Any) -> Any:
            self.told.append(options)
            raise ServiceUnavailable("away")

        return call


@pytest.fixture
def away(firestore_client: firestore.Client) -> tuple[firestore.Client, AwayApi]:
    client = firestore.Client(project=PROJECT_ID)
    api = AwayApi()
    client._firestore_api_internal = api  # the one seam that the SDK leaves
    return client, api


READS: tuple[Callable[[firestore.Client], Any], ...] = (
    lambda client: VideoRepository("u", client=client).get_video("v"),
    lambda client: VideoRepository("u", client=client).list_videos(),
    lambda client: ClipRepository("u", "v", client=client).get_clip("c"),
    lambda client: ClipRepository("u", "v", client=client).list_clips(page_size=5),
    lambda client: MetadataPhaseRepository(client).mode_of("u"),
)


@pytest.mark.parametrize("read", READS)
def test_what_the_api_reads_is_given_up_in_time(away: tuple[firestore.Client, AwayApi], read: Any):
    client, api = away
    with pytest.raises((ServiceUnavailable, RetryError)):
        read(client)
    (told,) = api.told
    assert told["timeout"] == told["retry"].timeout == documents.READ_SECONDS < API_SECONDS / 2
