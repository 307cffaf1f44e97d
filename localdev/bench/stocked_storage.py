"""An S3 server that is full of videos: moto in a process of its own, `python -m localdev.bench.stocked_storage`.

moto takes a third of a second to list a thousand keys, which R2 does not. So what it has answered once it answers again
from memory, at once: after a first round a listing costs its distance and what its reader makes of it, nothing else.
That is less than any real storage takes, and so in favour of the design that lists. Nothing may be written to it.
"""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from localdev.bench.video_material import MaterialVideo, as_order, from_order
from localdev.stack.object_stores import R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY
from localdev.stack.ports import LOOPBACK, choose_ports
from localdev.stack.startable import Startable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "words-to-video"
REGION = "us-east-1"
READY = "ready\n"
ROOT = Path(__file__).resolve().parents[2]
PYTHON_PATH = {"PYTHONPATH": os.pathsep.join([str(ROOT / "functions"), str(ROOT)])}
"""Where a process of its own finds the pipeline, and us."""

StartResponse = Callable[..., Any]


class StockedStorage(Startable):
    """The server, with the files of these videos in it, between start() and stop()."""

    def __init__(self, videos: Sequence[MaterialVideo]) -> None:
        self.port = choose_ports(["s3"])["s3"]
        self._videos = videos
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        """Returns when everything is there. Raises RuntimeError when the process ends instead."""
        command = [sys.executable, "-m", __name__, json.dumps({"port": self.port, "videos": as_order(self._videos)})]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **PYTHON_PATH}
        )
        if self._process.stdout is None or self._process.stdout.readline() != READY:
            self.stop()
            raise RuntimeError("The S3 server did not start.")
        return self

    def stop(self) -> None:
        if self._process:
            self._process.communicate()  # the end of its input is the end of it
            self._process = None


def s3_client(port: int) -> "S3Client":
    """A client as R2 wants it, signature version 4 above all, for the server or a proxy on `port`."""
    import boto3
    from botocore.config import Config

    client: S3Client = boto3.client(
        "s3",
        endpoint_url=f"http://{LOOPBACK}:{port}",
        aws_access_key_id=R2_ACCESS_KEY_ID,
        aws_secret_access_key=R2_SECRET_ACCESS_KEY,
        config=Config(region_name="auto", signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    return client


class RememberedAnswers:
    """A WSGI application that answers a GET that it has answered before as it did then."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application
        self._known: dict[tuple[str, str], tuple[str, list[tuple[str, str]], bytes]] = {}

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        asked = (environ["PATH_INFO"], environ["QUERY_STRING"])
        if environ["REQUEST_METHOD"] != "GET":
            return self._application(environ, start_response)
        if asked not in self._known:
            self._known[asked] = self._first(environ)
        status, headers, content = self._known[asked]
        start_response(status, headers)
        return [content]

    def _first(self, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
        told: list[Any] = []
        content = b"".join(self._application(environ, lambda *given: told.extend(given)))
        return told[0], told[1], content


def main(port: int, videos: Sequence[MaterialVideo]) -> None:
    """Serve until the input ends."""
    import threading

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from moto.s3.models import s3_backends
    from werkzeug.serving import make_server

    class KeptConnections(MotoRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    backend = s3_backends["123456789012"]["aws"]  # moto's only account
    backend.create_bucket(BUCKET, REGION)
    for video in videos:
        for key, content, content_type in video.files():
            backend.put_object(BUCKET, key, content).set_metadata({"Content-Type": content_type})
    application = RememberedAnswers(DomainDispatcherApplication(create_backend_app))
    server = make_server(LOOPBACK, port, application, threaded=True, request_handler=KeptConnections)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(READY)
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    order = json.loads(sys.argv[1])
    main(order["port"], from_order(order["videos"]))
