"""Object stores on loopback for whoever needs a bucket (moto's S3, gcp-storage-emulator), and scripted servers."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import sleep

import boto3
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from localdev.stack.cloud_storage import CloudStorage, CloudStorageRequest
from localdev.stack.loopback import LoopbackServer
from localdev.stack.s3_server import S3Server
from pipeline.adapters.firebase_storage import FirebaseStorage
from pipeline.adapters.object_storage import ObjectStorage
from pipeline.adapters.r2_storage import R2Storage
from tests.composition_files import Studio

BUCKET = "media-bucket"
_open_gcs_clients: list[Client] = []


@dataclass
class Answer:
    """What a scripted server says to one request."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class ScriptedServer:
    """An HTTP server that answers by a function of (method, path) and remembers what it was asked."""

    url: str
    requests: list[tuple[str, str]]
    headers: list[dict[str, str]]
    """Of each request, names in lower case."""


@pytest.fixture
def scripted_server() -> Iterator[Callable[[Callable[[str, str], Answer]], ScriptedServer]]:
    running = []

    def start(answer: Callable[[str, str], Answer]) -> ScriptedServer:
        asked: list[tuple[str, str]] = []
        headers: list[dict[str, str]] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked.append((self.command, self.path))
                headers.append({name.lower(): value for name, value in self.headers.items()})
                reply = answer(self.command, self.path)
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(reply.body)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815 - names of http.server

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        running.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return ScriptedServer(f"http://127.0.0.1:{server.server_port}", asked, headers)

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def closed_gcs_clients() -> Iterator[None]:
    """Google's clients hold their connections until they are closed."""
    yield
    while _open_gcs_clients:
        _open_gcs_clients.pop().close()


@pytest.fixture(scope="session")
def r2_url() -> Iterator[str]:
    server = S3Server("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def gcs_url() -> Iterator[str]:
    with LoopbackServer(partial(CloudStorageRequest, CloudStorage(BUCKET))) as server:
        yield server.base_url


@pytest.fixture
def r2_storage(r2_url: str) -> R2Storage:
    s3 = boto3.resource(
        "s3", endpoint_url=r2_url, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    bucket = s3.create_bucket(Bucket=BUCKET)
    bucket.objects.all().delete()
    # What connecting a domain to an R2 bucket does: anyone may read.
    anyone_reads = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
    }
    bucket.Policy().put(Policy=json.dumps({"Version": "2012-10-17", "Statement": [anyone_reads]}))
    return r2_at(r2_url)


@pytest.fixture
def firebase_storage(gcs_url: str) -> FirebaseStorage:
    client = gcs_client(gcs_url)
    for blob in client.list_blobs(BUCKET):
        blob.delete()
    return firebase_at(gcs_url)


@pytest.fixture(params=["r2", "firebase"])
def object_storage(request: pytest.FixtureRequest) -> ObjectStorage:
    """Each implementation in turn, with an empty bucket."""
    return request.getfixturevalue(f"{request.param}_storage")


@pytest.fixture(params=["r2", "firebase"])
def storage_at(request: pytest.FixtureRequest) -> Callable[..., ObjectStorage]:
    """Builds each implementation in turn against a server of the test's own, with hardly any patience."""
    return {"r2": r2_at, "firebase": partial(firebase_at, retry_seconds=0.1)}[request.param]


def r2_at(url: str, bucket: str = BUCKET, pause: Callable[[float], object] = sleep) -> R2Storage:
    return R2Storage(
        url,
        bucket,
        "key",
        "secret",
        f"{url}/{bucket}",
        connect_seconds=1,
        read_seconds=5,
        attempts=2,
        pause=pause,
    )


def firebase_at(
    url: str, bucket: str = BUCKET, pause: Callable[[float], object] = sleep, retry_seconds: float = 1.0
) -> FirebaseStorage:
    return FirebaseStorage(
        bucket,
        connect=lambda: gcs_client(url),
        connect_seconds=1,
        read_seconds=5,
        retry_seconds=retry_seconds,
        pause=pause,
    )


def gcs_client(url: str) -> Client:
    client = Client(project="demo-test", credentials=AnonymousCredentials(), client_options={"api_endpoint": url})
    _open_gcs_clients.append(client)
    return client


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """Composes in a folder of the test's own."""
    return Studio(tmp_path)
