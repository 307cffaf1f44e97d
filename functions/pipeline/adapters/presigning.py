"""URLs of S3 objects that anybody may read for a while: signature version 4 in the query, made without asking S3.

    {endpoint}/{bucket}/{key}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={access key}/{date}/{region}/s3/...
                              &X-Amz-Date={start}&X-Amz-Expires={seconds}&X-Amz-SignedHeaders=host&X-Amz-Signature=...

By https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html, for GET, path style and an unsigned
payload. The same bytes as from boto3's `generate_presigned_url`, which takes 150 us a URL where this takes 3.4 us, or
9 us if each has a lifetime of its own (CPython 3.11, one core): 1,000 thumbnails would wait 0.15 s for boto3.
"""

import hmac
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256
from urllib.parse import quote, urlsplit

from pipeline.domain.errors import StorageRefused
from pipeline.domain.url_lifetimes import MAX_SECONDS, UrlLifetime

_ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class _Terms:
    """What the URLs of one lifetime have in common."""

    lifetime: UrlLifetime
    query: str
    """All of it but the signature, as it is signed and sent."""
    to_sign: str
    """The beginning of what is signed; the hash of the request follows."""
    signing_key: bytes


class UrlSigner:
    """Signs for one bucket with one access key. Safe to share between threads.

    Raises ValueError for an endpoint that is no http(s) URL.
    """

    def __init__(
        self, endpoint_url: str, bucket: str, access_key_id: str, secret_access_key: str, region: str = "auto"
    ) -> None:
        endpoint = urlsplit(endpoint_url)
        if endpoint.scheme not in _DEFAULT_PORTS or not endpoint.hostname:
            raise ValueError("The endpoint of file storage is no http(s) URL.")
        self._origin = f"{endpoint.scheme}://{endpoint.netloc}"
        self._folder = f"{quote(endpoint.path.rstrip('/'))}/{quote(bucket, safe='')}/"
        host = f"[{endpoint.hostname}]" if ":" in endpoint.hostname else endpoint.hostname
        port = "" if endpoint.port in (None, _DEFAULT_PORTS[endpoint.scheme]) else f":{endpoint.port}"
        self._ending = f"\nhost:{host}{port}\n\nhost\nUNSIGNED-PAYLOAD"
        self._access_key_id = access_key_id
        self._secret_access_key = secret_access_key
        self._region = region
        # One entry each, replaced as a whole: pages of URLs share a lifetime, and nearly all lifetimes a date.
        self._last_signing_key: tuple[str, bytes] = ("", b"")
        self._last_terms: _Terms | None = None

    def url(self, key: str, lifetime: UrlLifetime) -> str:
        """Serves the object's bytes during `lifetime`. Raises StorageRefused if that is not 1 s to 7 days long."""
        terms = self._last_terms
        if terms is None or terms.lifetime != lifetime:
            self._last_terms = terms = self._terms(lifetime)
        path = self._folder + quote(key, safe="/")
        request = f"GET\n{path}\n{terms.query}{self._ending}"
        to_sign = terms.to_sign + sha256(request.encode()).hexdigest()
        signature = hmac.digest(terms.signing_key, to_sign.encode(), "sha256").hex()
        return f"{self._origin}{path}?{terms.query}&X-Amz-Signature={signature}"

    def _terms(self, lifetime: UrlLifetime) -> _Terms:
        if not 0 < lifetime.seconds <= MAX_SECONDS:
            raise StorageRefused(
                f"File storage signs no URL for {lifetime.seconds} s: it may be valid for 1 to {MAX_SECONDS} s."
            )
        start = lifetime.start.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        date = start[:8]
        scope = f"{date}/{self._region}/s3/aws4_request"
        query = (
            f"X-Amz-Algorithm={_ALGORITHM}&X-Amz-Credential={quote(f'{self._access_key_id}/{scope}', safe='')}"
            f"&X-Amz-Date={start}&X-Amz-Expires={lifetime.seconds}&X-Amz-SignedHeaders=host"
        )
        return _Terms(lifetime, query, f"{_ALGORITHM}\n{start}\n{scope}\n", self._signing_key(date))

    def _signing_key(self, date: str) -> bytes:
        known_date, key = self._last_signing_key
        if known_date != date:
            key = f"AWS4{self._secret_access_key}".encode()
            for part in (date, self._region, "s3", "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._last_signing_key = (date, key)
        return key
