"""The emulator enforces no composite indexes: so every query that repositories and studio send is recorded, and the
indexes that it needs by Firestore's rules are compared with those that are deployed. One too many is a write too many.
"""

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore
from google.cloud.firestore_v1.types import StructuredQuery

from localdev.stack import PROJECT_ID
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.deletions import DeletionRepository
from pipeline.repositories.predictions import PredictionRepository
from pipeline.repositories.videos import VideoRepository
from tests.page.page_queries import page_queries
from tests.repositories.clip_samples import create_sample

ROOT = Path(__file__).parents[2]
Index = tuple[str, ...]


class RecordingApi:
    """The generated API client, with a list of the queries that pass."""

    def __init__(self, api: Any) -> None:
        self._api = api
        self.plain: list[StructuredQuery] = []
        self.aggregations: list[tuple[StructuredQuery, list[str]]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def run_query(self, request: dict[str, Any], **options: Any) -> Any:
        self.plain.append(request["structured_query"])
        return self._api.run_query(request=request, **options)

    def run_aggregation_query(self, request: dict[str, Any], **options: Any) -> Any:
        query = request["structured_aggregation_query"]
        fields = [one.sum.field.field_path for one in query.aggregations if "sum" in one]
        self.aggregations.append((query.structured_query, fields))
        return self._api.run_aggregation_query(request=request, **options)


@pytest.fixture
def recorder(firestore_client: firestore.Client) -> Iterator[tuple[firestore.Client, RecordingApi]]:
    client = firestore.Client(project=PROJECT_ID)
    api = RecordingApi(client._firestore_api)
    client._firestore_api_internal = api  # the one seam that the SDK leaves
    yield client, api
    client.close()


def needed(query: StructuredQuery, summed: list[str]) -> set[Index]:
    """The composite indexes of a query: one for each equality, ending in what is sorted or summed.

    Firestore joins those that end alike (index merging), and needs none where one field or equalities alone decide.
    """
    where = query.where
    filters = [one.field_filter for one in where.composite_filter.filters] or [where.field_filter]
    operators = StructuredQuery.FieldFilter.Operator
    equal = [one.field.field_path for one in filters if one.op in (operators.EQUAL, operators.IN)]
    orders = [
        "-" * (order.direction == StructuredQuery.Direction.DESCENDING) + order.field.field_path
        for order in query.order_by
        if order.field.field_path != "__name__"
    ]
    ending = [*orders, *summed]
    if not ending or (not equal and len(ending) == 1):
        return set()
    source = query.from_[0]
    place = (_scope(query), source.collection_id)
    return {(*place, name, *ending) for name in equal} if equal else {(*place, *ending)}


def needed_of_groups(query: StructuredQuery) -> set[Index]:
    """The indexes of single fields that queries over all collections of a name need: Firestore makes none by itself."""
    if _scope(query) == "COLLECTION":
        return set()
    orders = [order for order in query.order_by if order.field.field_path != "__name__"]
    (order,) = orders  # of filters and several orders there is no query yet
    (sorted_by,) = {order.field.field_path, query.where.field_filter.field.field_path}
    return {(query.from_[0].collection_id, sorted_by, order.direction.name)}


def _scope(query: StructuredQuery) -> str:
    return "COLLECTION_GROUP" if query.from_[0].all_descendants else "COLLECTION"


def send_every_query(client: firestore.Client, user_id: str) -> None:
    """Everything that the repositories of clips, videos, deletions and predictions can ask for."""
    videos = VideoRepository(user_id, client=client)
    videos.create_or_update_video("run-1", status="completed")
    clips = ClipRepository(user_id, "run-1", client=client)
    create_sample(clips, 1, status="completed")
    create_sample(clips, 2, status="completed")
    for status, style, scene_id in itertools.product((None, "completed"), (None, "split"), (None, 1)):
        page = clips.list_clips(status, style, scene_id, page_size=1)
        clips.list_clips(status, style, scene_id, page_size=1, page_token=page.next_page_token)
        clips.count(status, style, scene_id)
    for status in (None, "processing"):
        videos.list_videos(status)
    videos.update_clip_statistics("run-1")  # of a style that is new
    videos.update_clip_statistics("run-1")
    clips.import_clips(clips.list_clips())
    deletions = DeletionRepository(client)
    deletions.begin(user_id, "run-1", None, None, datetime(2025, 1, 1, tzinfo=UTC))
    list(deletions.left_over(datetime.now(UTC)))
    predictions = PredictionRepository(client, timedelta(days=30))
    predictions.with_seed(7, datetime.now(UTC))
    predictions.count_since(["some/model", "another/model"], datetime.now(UTC))
    predictions.of_job("image_generation_jobs/no-such")
    list(predictions.to_check(datetime(2025, 1, 1, tzinfo=UTC)))
    videos.delete_video("run-1")


def test_the_deployed_indexes_are_exactly_those_that_the_queries_need(recorder: Any, user_id: str):
    client, api = recorder
    send_every_query(client, user_id)
    sent = [*api.plain, *page_queries().values()]
    recorded = [(query, []) for query in sent] + api.aggregations
    wanted = set().union(*(needed(query, summed) for query, summed in recorded))
    assert wanted == deployed()


def test_the_indexes_of_single_fields_are_exactly_those_that_queries_over_groups_need(recorder: Any, user_id: str):
    client, api = recorder
    send_every_query(client, user_id)
    wanted = set().union(*(needed_of_groups(query) for query in [*api.plain, *(one for one, _ in api.aggregations)]))
    overrides = json.loads((ROOT / "firestore.indexes.json").read_text())["fieldOverrides"]
    assert wanted == {
        (field["collectionGroup"], field["fieldPath"], index["order"])
        for field in overrides
        for index in field["indexes"]
        if index["queryScope"] == "COLLECTION_GROUP"
    }
    assert wanted


def test_a_page_is_one_query(recorder: Any, user_id: str):
    client, api = recorder
    clips = ClipRepository(user_id, "run-1", client=client)
    for number in range(1, 4):
        create_sample(clips, number)
    token = clips.list_clips(page_size=1).next_page_token
    api.plain.clear()
    clips.list_clips(page_size=1, page_token=token)
    assert len(api.plain) == 1


def deployed() -> set[Index]:
    indexes = json.loads((ROOT / "firestore.indexes.json").read_text())["indexes"]
    return {
        (
            index["queryScope"],
            index["collectionGroup"],
            *("-" * (field["order"] == "DESCENDING") + field["fieldPath"] for field in index["fields"]),
        )
        for index in indexes
    }
