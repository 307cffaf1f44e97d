"""moto's S3, in which a conditional write is one step.

moto answers requests in threads, and two of them could both find the object that their If-Match names, and both
write.
"""

from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.server import ThreadedMotoServer
from werkzeug.serving import make_server

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class S3Server(ThreadedMotoServer):
    """Serves between start() and stop(), from memory that all servers of this process share."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port, verbose=False)

    def _server_entry(self) -> None:
        application = _one_conditional_request_at_a_time(DomainDispatcherApplication(create_backend_app))
        self._server = make_server(
            self._ip_address, self._port, application, threaded=True, request_handler=MotoRequestHandler
        )
        self._server_ready_event.set()
        self._server.serve_forever()


def _one_conditional_request_at_a_time(application: Application) -> Application:
    lock = Lock()

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if "HTTP_IF_MATCH" in environ or "HTTP_IF_NONE_MATCH" in environ:
            with lock:
                return application(environ, start_response)
        return application(environ, start_response)

    return answer
