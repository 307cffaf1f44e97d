"""A version is taken back in the middle of it all, and deployed again later: no job hangs, nothing is paid twice."""

import threading
from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from pipeline.domain.schema_versions import CURRENT, SCHEMA_VERSION, Schema
from pipeline.handlers.tools import Desk, Tools
from pipeline.repositories.jobs import JobRepository
from pipeline.repositories.predictions import PredictionRepository
from tests.simulation.runner import replay
from tests.simulation.world import RETENTION, TracedPredictions, World


class RolledBack(World):
    """The next version, what it takes to read it, and the times between which the current one is back."""

    min_reader = SCHEMA_VERSION + 1

    def __post_init__(self) -> None:
        super().__post_init__()
        draw = Random(self.seed)  # noqa: S311  no secret
        self.taken_back_at = draw.uniform(20.0, 600.0)
        self.back_at = self.taken_back_at + draw.uniform(60.0, 3600.0)
        self._instance = threading.local()

    def desk(self) -> Desk:
        """Each call keeps the version that it began with, as an instance does."""
        is_old = self.taken_back_at <= self.schedule.now < self.back_at
        schema = CURRENT if is_old else Schema(SCHEMA_VERSION + 1, self.min_reader)
        self._instance.schema = schema
        jobs = JobRepository(self.client, RETENTION, self.settings.limits, schema)
        return replace(super().desk(), jobs=jobs, predictions=PredictionRepository(self.client, RETENTION, schema))

    def tools(self) -> Tools:
        predictions = TracedPredictions(self.client, RETENTION, self._instance.schema)
        return replace(super().tools(), predictions=predictions)


class RolledBackToOneThatReads(RolledBack):
    """The version before can go on with what the next one began."""

    min_reader = SCHEMA_VERSION


@pytest.mark.parametrize(("world_type", "schedules"), [(RolledBack, 20), (RolledBackToOneThatReads, 8)])
def test_a_version_that_is_taken_back_and_deployed_again_loses_nothing(world_type: type[World], schedules: int):
    statuses = Counter[str]()
    for seed in range(schedules):
        verdict = replay(seed, world_type=world_type)
        assert not verdict.faults, str(verdict)
        statuses.update(verdict.statuses)
    assert statuses["complete"] > sum(statuses.values()) / 3
