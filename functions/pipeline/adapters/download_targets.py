"""Reads a hostile URL once, strictly, into the parts that a connection is made of.

What was checked is what is connected to: the request is built from these parts, and no second parser, which
might read the text differently, ever sees the URL.
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import quote, urljoin, urlsplit

import idna

from pipeline.domain.errors import UnsafeUrl

_MAX_URL_CHARACTERS = 8192
_DEFAULT_PORTS = {"https": 443, "http": 80}
_NOT_IN_URLS = re.compile(r"[\s\\\x00-\x1f\x7f]")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?")
_KEPT_IN_TARGET = "/%:@!$&'()*+,;=~-._?[]"


@dataclass(frozen=True)
class DownloadTarget:
    """Where one request goes."""

    scheme: str
    host: str
    """ASCII, lower case; an IPv6 address without brackets."""
    port: int
    path: str
    """Path and query, percent-encoded, beginning with a slash."""

    @property
    def authority(self) -> str:
        """As in a Host header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def redirected(self, location: str, allowed_http_hosts: frozenset[str]) -> "DownloadTarget":
        """The target of a Location header that answered this one. Raises UnsafeUrl."""
        return parse_target(urljoin(f"{self.scheme}://{self.authority}{self.path}", location), allowed_http_hosts)


def parse_target(url: str, allowed_http_hosts: frozenset[str]) -> DownloadTarget:
    """Read an absolute URL: https, or http where "host:port" is allowed; no credentials. Raises UnsafeUrl."""
    if len(url) > _MAX_URL_CHARACTERS or _NOT_IN_URLS.search(url):
        raise UnsafeUrl("The URL is too long or holds characters that no URL may hold.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise UnsafeUrl("The URL cannot be read.") from exc
    scheme = parts.scheme
    if scheme not in _DEFAULT_PORTS:
        raise UnsafeUrl("Only https URLs can be fetched.")
    if "@" in parts.netloc:
        raise UnsafeUrl("A URL must not hold a user name or password.")
    if "[" in parts.netloc and ":" not in (parts.hostname or ""):
        raise UnsafeUrl("Only an IPv6 address may be in brackets.")
    host = _host(parts.hostname or "")
    port = _DEFAULT_PORTS[scheme] if port is None else port
    if not port:
        raise UnsafeUrl("The URL names port 0.")
    if scheme == "http" and f"{host}:{port}" not in allowed_http_hosts:
        raise UnsafeUrl("Only https URLs can be fetched.")
    try:
        path = quote(parts.path or "/", safe=_KEPT_IN_TARGET.replace("?", ""))
        query = f"?{quote(parts.query, safe=_KEPT_IN_TARGET)}" if parts.query else ""
    except UnicodeEncodeError as exc:
        raise UnsafeUrl("The URL holds half a character.") from exc
    return DownloadTarget(scheme, host, port, path + query)


def _host(host: str) -> str:
    if ":" in host:
        return _ipv6(host)
    try:
        # Also maps full-width digits and ideographic dots to ASCII, as browsers do, before anything is
        # resolved.
        ascii_host = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as exc:
        raise UnsafeUrl("The host in the URL cannot be read.") from exc
    if len(ascii_host) > 253 or not _HOST.fullmatch(ascii_host):
        raise UnsafeUrl("The host in the URL cannot be read.")
    return ascii_host


def _ipv6(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError as exc:
        raise UnsafeUrl("The host in the URL cannot be read.") from exc
    if "%" in host:
        raise UnsafeUrl("The URL names a network interface of this machine.")
    return str(address)
