"""The rules for buckets: stores take them, and they mean what is left behind by an upload that was broken off."""

import json
from pathlib import Path

from google.cloud.storage import Bucket, Client

from localdev.stack.object_stores import LocalR2
from pipeline.adapters import composed_uploads

FOLDER = Path(__file__).parents[2] / "operations/storage_lifecycle"


def test_s3_takes_the_rules_for_r2(r2_server: LocalR2):
    rules = json.loads((FOLDER / "r2.json").read_text())
    r2_server.client.put_bucket_lifecycle_configuration(Bucket=r2_server.bucket, LifecycleConfiguration=rules)
    (rule,) = r2_server.client.get_bucket_lifecycle_configuration(Bucket=r2_server.bucket)["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert rule["Status"] == "Enabled"
    assert "Expiration" not in rule
    r2_server.client.delete_bucket_lifecycle(Bucket=r2_server.bucket)


def test_the_rules_for_firebase_storage_mean_the_two_parts_of_an_upload():
    described = json.loads((FOLDER / "firebase_storage.json").read_text())["lifecycle"]
    bucket = Bucket(Client.create_anonymous_client(), "media")
    bucket._properties["lifecycle"] = described  # as the service answers
    (rule,) = bucket.lifecycle_rules
    assert rule["action"] == {"type": "Delete"}
    assert rule["condition"]["age"] == 1
    source = Path(composed_uploads.__file__).read_text()
    for suffix in rule["condition"].pop("matchesSuffix"):
        assert suffix.startswith(".mp4.")
        assert f'self._part("{suffix.removeprefix(".mp4.")}")' in source
    assert rule["condition"] == {"age": 1}
