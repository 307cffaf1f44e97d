"""The door of Replicate's webhooks: what is not signed is refused before it costs anything.

    method ──> length ──> headers ──> body ──> signature ──> a prediction ──> records and tasks
    405        413        401         413      401, 503      400              204

Before the signature fits, nothing is asked of Firestore, and of Replicate only its secret (`adapters.signing_secrets`
says how often). No refusal is logged: whoever floods us must not fill the log too.
"""

from collections.abc import Callable, Mapping

from flask import Request, Response

from pipeline.adapters import logger
from pipeline.adapters.replicate_webhooks import MAX_BODY_BYTES, ForgedWebhook, read_stamp
from pipeline.adapters.signing_secrets import REST_SECONDS, SecretUnavailable
from pipeline.handlers.receive_webhook import UnreadableWebhook

Receive = Callable[[str, Mapping[str, str], bytes], None]
"""Takes `op`, headers and body. Raises ForgedWebhook, UnreadableWebhook and SecretUnavailable, and whatever else
keeps a genuine webhook from being taken: the provider sends that again.
"""


def answer_webhook(request: Request, receive: Receive) -> Response:
    """The response to whatever came."""
    if request.method != "POST":
        return Response("POST only", status=405, headers={"Allow": "POST"})
    if (request.content_length or 0) > MAX_BODY_BYTES:
        return _too_large()
    try:
        headers = dict(request.headers)
        read_stamp(headers)  # most of what is not Replicate's is not even read
        body = _body(request)
        if len(body) > MAX_BODY_BYTES:
            return _too_large()
        receive(request.args.get("op", ""), headers, body)
    except ForgedWebhook:
        return Response("not signed by Replicate, or too old", status=401)
    except UnreadableWebhook:
        return Response("not a prediction", status=400)
    except SecretUnavailable as error:
        if error.has_asked:  # of all that come in the meantime, one line
            logger.error(f"A webhook could not be checked: {error} {error.__cause__}")
        return Response("not now", status=503, headers={"Retry-After": str(int(REST_SECONDS))})
    return Response(status=204)


def _body(request: Request) -> bytes:
    """As it was sent, never unpacked, and no more of it than shows that it is too large."""
    try:
        return request.stream.read(MAX_BODY_BYTES + 1)
    except Exception as error:  # each server has errors of its own for broken chunks and for senders who have gone
        raise UnreadableWebhook(type(error).__name__) from error


def _too_large() -> Response:
    return Response("too large", status=413)
