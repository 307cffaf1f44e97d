"""The object stores: moto's S3 in place of Cloudflare R2, gcp-storage-emulator in place of Firebase Storage.

Both keep objects in the memory of this process and begin empty. Objects in R2 can be read without credentials at
<public_base_url>/<key>, as through a bucket's public domain.
"""

import json
import logging
import mimetypes
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from localdev.stack.firebase_storage import FirebaseStorage
from localdev.stack.loopback import LoopbackServer
from localdev.stack.ports import LOOPBACK
from localdev.stack.storage_rules import StorageRules

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CORSRuleTypeDef

    from localdev.stack.s3_server import S3Server

STORAGE_RULES = Path(__file__).resolve().parents[2] / "storage.rules"
R2_ACCESS_KEY_ID = "local-access-key"
R2_SECRET_ACCESS_KEY = "local-secret-key"  # noqa: S105 - moto takes any
PAGES_MAY_READ: "CORSRuleTypeDef" = {
    "AllowedOrigins": ["*"],
    "AllowedMethods": ["GET", "HEAD"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["Content-Length", "Content-Range", "ETag"],
    "MaxAgeSeconds": 3600,
}
"""Without such a rule on its bucket, a page shows what R2 holds but cannot fetch it, to save a video."""


class LocalR2:
    """An S3 server with one bucket. All of a process share moto's memory: so each has a bucket of another name."""

    _serving: ClassVar[set["LocalR2"]] = set()

    def __init__(self, port: int, bucket: str) -> None:
        self._port = port
        self.bucket = bucket
        self._server: S3Server | None = None

    @property
    def endpoint_url(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def public_base_url(self) -> str:
        return f"{self.endpoint_url}/{self.bucket}"

    @cached_property
    def client(self) -> "S3Client":
        import boto3
        from botocore.config import Config

        client: S3Client = boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            region_name="us-east-1",  # any other name would have to be repeated when the bucket is made
            aws_access_key_id=R2_ACCESS_KEY_ID,
            aws_secret_access_key=R2_SECRET_ACCESS_KEY,
            config=Config(s3={"addressing_style": "path"}),
        )
        return client

    def start(self) -> None:
        """Serve, with the bucket made."""
        from localdev.stack.s3_server import S3Server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = S3Server(LOOPBACK, self._port)
        self._server.start()
        self._serving.add(self)
        self.client.create_bucket(Bucket=self.bucket)
        self.client.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(_public_reading(self.bucket)))
        self.client.put_bucket_cors(Bucket=self.bucket, CORSConfiguration={"CORSRules": [PAGES_MAY_READ]})

    def stop(self) -> None:
        """Stop serving; what was stored is forgotten."""
        if self._server is None:
            return
        import moto.backends

        self.client.close()
        self._server.stop()
        self._server = None
        self._serving.discard(self)
        for backend in moto.backends.get_backend("s3").values():
            store = backend["global" if "global" in backend else "aws"]
            if not self._serving:
                store.reset()  # which also closes the files that moto keeps
            elif self.bucket in store.buckets:
                store.buckets[self.bucket].keys.clear()
                store.delete_bucket(self.bucket)

    def publish(self, path: Path, key: str) -> str:
        """Store a file under `key`; returns the URL at which anybody can read it."""
        content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self.client.upload_file(str(path), self.bucket, key, ExtraArgs={"ContentType": content_type})
        return f"{self.public_base_url}/{quote(key)}"


def _public_reading(bucket: str) -> dict[str, object]:
    """A policy under which everybody may read objects and nobody may list or write without credentials."""
    actions = [f"s3:{method}Object" for method in ("Get", "Head", "Options")]  # moto names them by the method
    reading = {"Effect": "Allow", "Principal": "*", "Action": actions, "Resource": f"arn:aws:s3:::{bucket}/*"}
    return {"Version": "2012-10-17", "Statement": [reading]}


class LocalFirebaseStorage:
    """A Cloud Storage server with one bucket, and Firebase Storage's protocol in front of it.

    Servers write by the first, without rules; pages upload and everybody downloads by the second.
    """

    def __init__(self, port: int, download_port: int, bucket: str, rules: Path = STORAGE_RULES) -> None:
        self.bucket = bucket
        self._port = port
        self._server: LoopbackServer | None = None
        self._front = FirebaseStorage(self.base_url, StorageRules.read(rules), download_port)

    @property
    def base_url(self) -> str:
        """For STORAGE_EMULATOR_HOST, which google-cloud-storage wants as a URL."""
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def download_base_url(self) -> str:
        return self._front.base_url

    def start(self) -> None:
        from localdev.stack.cloud_storage import CloudStorage, CloudStorageRequest

        storage = CloudStorage(self.bucket)
        self._server = LoopbackServer(partial(CloudStorageRequest, storage), self._port).start()
        self._front.start()

    def stop(self) -> None:
        if self._server:
            self._front.stop()
            self._server.stop()
            self._server = None
