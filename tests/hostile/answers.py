"""What a hostile server says to a request that was allowed, each with the code of the error."""

import gzip
import socket
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat

from tests.hostile.containers import png

UNSAFE, REFUSED, UNREACHABLE = "unsafe_url", "source_unavailable", "source_unreachable"
TOO_LARGE, NO_PICTURE = "source_too_large", "unsupported_media"

PNG = png(8, 8)
TWICE = gzip.compress(gzip.compress(PNG))
MEGABYTE = bytes(1_000_000)
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LARGE_CHUNK = b"10000\r\n" + PNG + bytes(0x10000 - len(PNG)) + b"\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\n\r\n"


@dataclass(frozen=True)
class AnswerAttack:
    """What is sent, piece by piece, until the other side has enough; then the connection is closed."""

    name: str
    pieces: Callable[[], Iterator[bytes]]
    code: str


def said(*lines: str, body: bytes = b"") -> Callable[[], Iterator[bytes]]:
    """An answer in one piece, its status line first."""
    return lambda: iter(["\r\n".join([*lines, "", ""]).encode("latin-1") + body])


def picture(*headers: str, body: bytes = PNG) -> Callable[[], Iterator[bytes]]:
    return said("HTTP/1.1 200 OK", *headers, body=body)


def endlessly(start: bytes, piece: bytes = MEGABYTE) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        yield start
        yield from repeat(piece)

    return pieces


def moved(location: str, status: str = "302 Found", *headers: str, body: bytes = b"") -> Callable[[], Iterator[bytes]]:
    return said(f"HTTP/1.1 {status}", f"Location: {location}", *headers, f"Content-Length: {len(body)}", body=body)


REDIRECTS = [
    AnswerAttack(f"to {location}", moved(location), code)
    for location, code in {
        "https://127.0.0.1/": UNSAFE,
        "https://169.254.169.254/computeMetadata/v1/": UNSAFE,
        "https://metadata.google.internal/": UNSAFE,
        "https://inner.example/": UNSAFE,
        "https://mixed.example/": UNSAFE,
        "https://2130706433/": UNSAFE,
        "https://[::1]/": UNSAFE,
        "https://[::ffff:10.0.0.1]/": UNSAFE,
        "//127.0.0.1/": UNSAFE,
        "///127.0.0.1/": REFUSED,
        "\\\\127.0.0.1\\": UNSAFE,
        "http://127.0.0.1/": UNSAFE,
        "http://other.example/": UNSAFE,
        "http://evil.example:8080/": UNSAFE,
        "//evil.example:22/": UNSAFE,
        "file:///etc/passwd": UNSAFE,
        "ftp://other.example/": UNSAFE,
        "gopher://127.0.0.1:25/": UNSAFE,
        "data:image/png;base64,iVBORw0KGgo=": UNSAFE,
        "javascript:alert(1)": UNSAFE,
        "https://user:password@other.example/": UNSAFE,
        "https://other.example:0/": UNSAFE,
        "https://nowhere.invalid/": UNREACHABLE,
        "/": REFUSED,
        "": REFUSED,
        "?": REFUSED,
        "/%0d%0aHost:%20127.0.0.1": REFUSED,
    }.items()
] + [
    AnswerAttack("permanently", moved("https://127.0.0.1/", "301 Moved Permanently"), UNSAFE),
    AnswerAttack("see other", moved("https://127.0.0.1/", "303 See Other"), UNSAFE),
    AnswerAttack("temporarily", moved("https://127.0.0.1/", "307 Temporary Redirect"), UNSAFE),
    AnswerAttack("for good", moved("https://127.0.0.1/", "308 Permanent Redirect"), UNSAFE),
    AnswerAttack("with a picture", moved("https://127.0.0.1/", body=PNG), UNSAFE),
    AnswerAttack("two ways", moved("/", "302 Found", "Location: https://127.0.0.1/"), REFUSED),
    AnswerAttack("choices", moved("https://127.0.0.1/", "300 Multiple Choices"), REFUSED),
    AnswerAttack("not modified", moved("https://127.0.0.1/", "304 Not Modified"), REFUSED),
    AnswerAttack("by a proxy", moved("https://127.0.0.1/", "305 Use Proxy"), REFUSED),
    AnswerAttack("refresh", picture("Refresh: 0; url=https://127.0.0.1/", body=b"<html>"), NO_PICTURE),
    AnswerAttack(
        "meta", picture(body=b'<html><meta http-equiv="refresh" content="0; url=https://127.0.0.1/">'), NO_PICTURE
    ),
    AnswerAttack("script", picture(body=b"<script>location='https://127.0.0.1/'</script>"), NO_PICTURE),
    AnswerAttack("other service", picture('Alt-Svc: h2="127.0.0.1:80"', body=b"<html>"), NO_PICTURE),
    AnswerAttack("long", moved("https://other.example/" + "a" * 9000), UNSAFE),
    AnswerAttack("bytes", moved("https://\xff\xfe.example/"), UNSAFE),
]

BODIES = [
    AnswerAttack("endless", endlessly(OK + b"\r\n" + PNG), TOO_LARGE),
    AnswerAttack("endless large chunks", endlessly(CHUNKED, LARGE_CHUNK), TOO_LARGE),
    AnswerAttack("endless small chunks", endlessly(CHUNKED, b"8\r\n\x89PNG\r\n\x1a\n\r\n" * 1000), UNREACHABLE),
    AnswerAttack("endless chunk", endlessly(CHUNKED + b"ffffffffff\r\n" + PNG), TOO_LARGE),
    AnswerAttack("endless extension of a chunk", endlessly(CHUNKED + b"5;" + b"a" * 1000), UNREACHABLE),
    AnswerAttack("endless trailers", endlessly(CHUNKED + b"0\r\n", b"A: b\r\n" * 1000), UNREACHABLE),
    AnswerAttack("a chunk that is none", picture("Transfer-Encoding: chunked", body=b"zz\r\n" + PNG), UNREACHABLE),
    AnswerAttack("a negative chunk", picture("Transfer-Encoding: chunked", body=b"-5\r\n" + PNG), UNREACHABLE),
    AnswerAttack("a chunk too few", picture("Transfer-Encoding: chunked", body=b"10000\r\n" + PNG), UNREACHABLE),
    AnswerAttack("a huge length", picture("Content-Length: 99999999999999"), TOO_LARGE),
    AnswerAttack("a length beyond numbers", picture(f"Content-Length: {'9' * 5000}"), UNREACHABLE),
    AnswerAttack("a negative length", picture("Content-Length: -1"), UNREACHABLE),
    AnswerAttack("a length in letters", picture("Content-Length: 0x10"), UNREACHABLE),
    AnswerAttack("two lengths", picture("Content-Length: 10", "Content-Length: 20"), UNREACHABLE),
    AnswerAttack("more than there is", picture("Content-Length: 900"), UNREACHABLE),
    AnswerAttack("nothing", picture("Content-Length: 0", body=b""), NO_PICTURE),
    AnswerAttack("less than a signature", picture("Content-Length: 4"), NO_PICTURE),
    AnswerAttack("gzip", picture("Content-Encoding: gzip", body=gzip.compress(PNG)), NO_PICTURE),
    AnswerAttack("a gzip bomb", picture("Content-Encoding: gzip", body=gzip.compress(MEGABYTE * 50)), NO_PICTURE),
    AnswerAttack("gzip in gzip", picture("Content-Encoding: gzip, gzip", body=TWICE), NO_PICTURE),
    AnswerAttack("deflate", picture("Content-Encoding: deflate", body=zlib.compress(PNG)), NO_PICTURE),
    AnswerAttack("br", picture("Content-Encoding: br", body=b"\x1b\xff\xff\x00" * 100), NO_PICTURE),
    AnswerAttack("zstd", picture("Content-Encoding: zstd", body=b"\x28\xb5\x2f\xfd" * 100), NO_PICTURE),
    AnswerAttack("an unknown coding", picture("Content-Encoding: \xff"), NO_PICTURE),
    AnswerAttack("coded for the transfer", picture("Transfer-Encoding: gzip", body=gzip.compress(PNG)), UNREACHABLE),
    AnswerAttack("gzip, not said", picture(body=gzip.compress(PNG)), NO_PICTURE),
    AnswerAttack("a page", picture("Content-Type: image/png", body=b"<!doctype html><html></html>"), NO_PICTURE),
    AnswerAttack("an SVG", picture("Content-Type: image/png", body=b"<svg/>"), NO_PICTURE),
    AnswerAttack("a playlist", picture("Content-Type: image/png", body=b"#EXTM3U\nfile:///etc/passwd\n"), NO_PICTURE),
    AnswerAttack("an archive", picture("Content-Type: image/png", body=b"PK\x03\x04" + MEGABYTE[:900]), NO_PICTURE),
]

STATUSES = [
    AnswerAttack(f"status {status.partition(' ')[0]}", said(f"HTTP/1.1 {status}", *headers, body=body), code)
    for status, headers, body, code in (
        ("204 No Content", (), b"", REFUSED),
        ("206 Partial Content", ("Content-Range: bytes 0-9/10",), PNG, REFUSED),
        ("304 Not Modified", (), b"", REFUSED),
        ("401 Unauthorized", ('WWW-Authenticate: Basic realm="x"',), b"", REFUSED),
        ("407 Proxy Authentication Required", ('Proxy-Authenticate: Basic realm="x"',), b"", REFUSED),
        ("416 Range Not Satisfiable", (), b"", REFUSED),
        ("421 Misdirected Request", (), b"", REFUSED),
        ("451 Unavailable For Legal Reasons", (), b"", REFUSED),
        ("200 OK\x00", (), PNG, UNREACHABLE),
        ("099 Odd", (), PNG, UNREACHABLE),
        ("999 Odd", (), PNG, UNREACHABLE),
        ("2000 Odd", (), PNG, UNREACHABLE),
        ("500 Internal Server Error", (), PNG, UNREACHABLE),
    )
]

HEADERS = [
    AnswerAttack("a header of megabytes", endlessly(OK + b"A: ", b"a" * 100_000), UNREACHABLE),
    AnswerAttack("headers without end", endlessly(OK, b"A: b\r\n" * 1000), UNREACHABLE),
    AnswerAttack("answers before the answer, without end", endlessly(b"", EARLY * 100), UNREACHABLE),
    AnswerAttack("a null in a header", said("HTTP/1.1 200 OK", "A: \x00", body=PNG), UNREACHABLE),
    AnswerAttack("a header without a name", said("HTTP/1.1 200 OK", ": b", body=PNG), UNREACHABLE),
    AnswerAttack("a header folded into another", said("HTTP/1.1 200 OK", " folded", body=PNG), UNREACHABLE),
    AnswerAttack("another protocol", lambda: iter([b"SSH-2.0-OpenSSH_9.0\r\n"]), UNREACHABLE),
    AnswerAttack("HTTP/2", lambda: iter([b"\0\0\0\4\0\0\0\0\0"]), UNREACHABLE),
    AnswerAttack("HTTP/0.9", lambda: iter([PNG]), UNREACHABLE),
    AnswerAttack("nothing at all", lambda: iter([]), UNREACHABLE),
    AnswerAttack("switched", said("HTTP/1.1 101 Switching Protocols", "Upgrade: h2c"), UNREACHABLE),
]

ANSWER_ATTACKS = [*REDIRECTS, *BODIES, *STATUSES, *HEADERS]


def serve(connection: socket.socket, attack: AnswerAttack) -> None:
    """Answer one request."""
    connection.recv(65536)
    for piece in attack.pieces():
        connection.sendall(piece)
