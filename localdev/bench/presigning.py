"""What one presigned URL costs: by boto3's client, and by the signer that keeps its key. No server is asked.

Both sign the same keys in turns, each for a lifetime of an hour; the URLs' signatures are equal when their times are,
which the tests of the signer prove.
"""

from datetime import UTC, datetime

from localdev.bench.figures import Figure, medians_of
from localdev.bench.listing_design import URL_SECONDS
from localdev.bench.stocked_storage import BUCKET, s3_client
from localdev.bench.video_material import MaterialVideo
from localdev.stack.object_stores import R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY
from pipeline.adapters.r2_storage import R2Storage
from pipeline.domain.url_lifetimes import from_now

URLS = 1000
ROUNDS = 7
UNUSED_PORT = 9


def measure() -> list[Figure]:
    client = s3_client(UNUSED_PORT)
    endpoint = client.meta.endpoint_url
    storage = R2Storage(endpoint, BUCKET, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, f"{endpoint}/{BUCKET}")
    keys = [clip["r2_key"] for clip in MaterialVideo("bench-user", "video", URLS).clips()]

    def ours() -> None:
        lifetime = from_now(datetime.now(UTC), URL_SECONDS)
        for key in keys:
            storage.readable_url(key, None, lifetime)

    def theirs() -> None:
        for key in keys:
            client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=URL_SECONDS)

    ours_seconds, theirs_seconds = medians_of(ours, theirs, rounds=ROUNDS)
    ours_us, theirs_us = (seconds / URLS * 1e6 for seconds in (ours_seconds, theirs_seconds))
    return [
        Figure("presign_us", ours_us, "us for one URL", "<= 20"),
        Figure("presign_speedup", theirs_us / ours_us, f"x of boto3's client ({theirs_us:.0f} us)", ">= 10"),
    ]
