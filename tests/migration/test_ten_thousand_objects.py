"""Ten thousand objects, faults on both sides: afterwards nothing is different, and nothing was dropped silently."""

import pytest

from localdev.chaos.storage_front import StorageFront
from migration.running import RunOptions, run, totals
from migration.verification import verify
from tests.migration.conftest import Place
from tests.migration.faulty_firestore import make_faulty
from tests.migration.old_bucket import fill

SEED = 5


@pytest.mark.slow
def test_nothing_is_different_after_a_migration_with_faults_and_every_clip_is_accounted_for(place: Place):
    bucket = fill(place.put, users=3, videos=35, clips_of=50, odd_share=0.03, seed=SEED)
    assert len(bucket.keys) >= 10_000
    with StorageFront(SEED, rate=0.0, read_rate=0.12) as front:
        front.target = place.environment["R2_ENDPOINT_URL"]
        tools = place.tools(endpoint_url=front.base_url, threads=6)
        firestore = make_faulty(tools.client, SEED, rate=0.1)
        with place.state(tools) as state:
            figures = run(RunOptions(), state, tools)
            figures_of_all, remarks = totals(state)
        assert sum(front.read_faults.values()) >= 15
        assert len(front.read_faults) == 4
    assert firestore.faults.total() >= 20
    assert len(firestore.faults) == 4
    assert figures.failed == []
    assert figures.is_whole

    calm = place.tools()
    findings = verify([], calm)
    assert findings.differences == []
    assert findings.failed == []
    assert findings.clips == figures_of_all["clips"] == len(bucket.clips) - len(bucket.impossible)

    documents = {clip.get("r2_key") for clip in calm.client.collection_group("clips").select(["r2_key"]).stream()}
    remarked = {remark["key"] for remark in remarks}
    assert documents == bucket.clips - bucket.impossible
    assert bucket.impossible <= remarked
    assert bucket.odd <= remarked
    expected = {*(f"video-{number:03d}" for number in range(35)), "composed", "astray"}
    for user in range(3):
        videos = calm.client.collection("users", f"user-{user}", "videos").select([]).stream()
        assert {video.id for video in videos} == expected

    repeated = place.tools()
    with place.state(repeated, "repeated.jsonl") as state:
        figures = run(RunOptions(), state, repeated)
    assert figures.clips == findings.clips
    assert repeated.client.written.commits == 0
