"""URLs that must not be fetched: each with the code of the error, and what the DNS says where names matter.

None may make anything be dialled. `NOT_FOUND` are those that no resolver knows, so that nobody is asked.
"""

from dataclasses import dataclass, field

UNSAFE, NOT_FOUND = "unsafe_url", "source_unreachable"
PUBLIC, PUBLIC_6 = "93.184.216.34", "2606:4700::1111"

FULL_WIDTH = {**{ord("0") + digit: 0xFF10 + digit for digit in range(10)}, ord("."): 0x3002}
CIRCLED = {ord("0"): 0x24EA} | {ord("0") + digit: 0x2460 + digit - 1 for digit in range(1, 10)}


@dataclass(frozen=True)
class UrlAttack:
    """One URL."""

    name: str
    url: str
    code: str = UNSAFE
    addresses: dict[str, list[str]] = field(default_factory=dict)
    """What the DNS says; numeric hosts, however they are spelled, are read as the system's resolver reads them."""


SCHEMES = [
    UrlAttack(url.partition(":")[0] or "none", url)
    for url in (
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "file://localhost/etc/passwd",
        "file:/etc/passwd",
        "/etc/passwd",
        "//public.example/a.mp4",
        "ftp://public.example/a.mp4",
        "gopher://public.example:25/_HELO",
        "data:image/png;base64,iVBORw0KGgo=",
        "javascript:fetch('https://public.example')",
        "jar:https://public.example!/a.mp4",
        "dict://public.example:11211/stats",
        "ldap://public.example/",
        "smb://public.example/share",
        "gs://bucket/a.mp4",
        "s3://bucket/a.mp4",
        "blob:https://public.example/1",
        "view-source:https://public.example/",
        "concat:https://public.example/a|file:///etc/passwd",
        "subfile,,start,0,end,9,,:/etc/passwd",
        "crypto+https://public.example/",
        "http://public.example/a.mp4",
        "HTTP://public.example/a.mp4",
        "http://public.example:443/a.mp4",
        "hTtPs+x://public.example/",
        "https:public.example/a.mp4",
        "https:/public.example/a.mp4",
        "https:///public.example/a.mp4",
        "",
    )
]

SPELLINGS = [
    UrlAttack(name, url)
    for name, url in {
        "user": "https://user@public.example/",
        "user and password": "https://user:password@public.example/",
        "host as user": "https://public.example@127.0.0.1/",
        "user after a fragment": "https://127.0.0.1#@public.example/",
        "encoded user": "https://public.example%40127.0.0.1/",
        "two users": "https://a@b@public.example/",
        "no host": "https://:443/",
        "port 0": "https://public.example:0/",
        "port too high": "https://public.example:65536/",
        "negative port": "https://public.example:-1/",
        "two ports": "https://public.example:443:80/",
        "port as a word": "https://public.example:https/",
        "backslash for slash": "https:\\\\public.example\\a.mp4",
        "backslash before user": "https://public.example\\@127.0.0.1/",
        "tab in the scheme": "ht\ttps://127.0.0.1/",
        "tab in the host": "https://127.0\t.0.1/",
        "newline in the host": "https://public.example\n.evil.example/",
        "header in the path": "https://public.example/a\r\nHost: 127.0.0.1\r\n\r\n",
        "header in the query": "https://public.example/?a\r\nX: y",
        "null": "https://public.example\x00.evil.example/",
        "space before": " https://public.example/",
        "space in the host": "https://public.example evil.example/",
        "space that is none": "https://public.example\u00a0/",
        "line separator": "https://public.example/\u2028x",
        "delete": "https://public.example/\x7f",
        "encoded dots": "https://127%2e0%2e0%2e1/",
        "encoded host": "https://%31%32%37.0.0.1/",
        "encoded null": "https://public.example%00.evil.example/",
        "encoded slash": "https://public.example%2f.evil.example/",
        "comma": "https://public.example,127.0.0.1/",
        "semicolon": "https://public.example;127.0.0.1/",
        "bracket without end": "https://[::1/",
        "brackets around a name": "https://[public.example]/",
        "brackets around IPv4": "https://[127.0.0.1]/",
        "future address": "https://[v1.fe80]/",
        "zone": "https://[fe80::1%25eth0]/",
        "zone unencoded": "https://[fe80::1%eth0]/",
        "zone of a public address": f"https://[{PUBLIC_6}%25lo]/",
        "hyphen first": "https://-public.example/",
        "much too long host": f"https://{'a.' * 200}example/",
        "much too long": f"https://public.example/{'a' * 8192}",
        "no IDNA": "https://xn--\u2603.example/",
        "snowman": "https://\u2603\ufe0f\u200d.example/",
        "right to left": "https://\u202eelpmaxe.example/",
        "full-width slash": "https://public.example\uff0f.evil.example/",
        "full-width at": "https://public.example\uff20127.0.0.1/",
        "full-width colon": "https://127.0.0.1\uff1a80/",
        "account of": "https://public.example\u2100.evil.example/",
        "lone surrogate": "https://public.example/\ud800",
        "lone surrogate in the host": "https://public\ud800.example/",
    }.items()
]

ADDRESSES = [
    UrlAttack(f"address {host}", f"https://{host}/latest/meta-data/")
    for host in (
        "127.0.0.1",
        "127.255.255.254",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0X7F.1",
        "0177.0.0.1",
        "017700000001",
        "0x7f.0.0x0.01",
        "127.0.0.1".translate(FULL_WIDTH),
        "127.0.0.1".translate(CIRCLED),
        "0",
        "0.0.0.0",  # noqa: S104 - refused, not bound to
        "00.0.0.0",
        "10.0.0.1",
        "10.255.255.255",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "3232235521",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "169.16689662",
        "169.254.170.2",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "192.88.99.1",
        "168.63.129.16",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:169.254.169.254]",
        "[::ffff:8.8.8.8]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::1]",
        "[100::1]",
        "[2001::1]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        "[2001:db8::1]",
        "[2001:10::1]",
        "[2002:7f00:1::]",
        "[2002:a9fe:a9fe::1]",
        "[3fff::1]",
        "[5f00::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[febf::1]",
        "[fec0::1]",
        "[ff02::1]",
    )
]

NAMES = [
    UrlAttack(name, url, UNSAFE, addresses)
    for name, url, addresses in (
        ("localhost", "https://localhost/", {"localhost": ["127.0.0.1", "::1"]}),
        ("localhost, shouted", "https://LOCALHOST/", {"localhost": ["127.0.0.1"]}),
        ("localhost, rooted", "https://localhost./", {"localhost.": ["127.0.0.1"]}),
        ("metadata", "https://metadata.google.internal/", {"metadata.google.internal": ["169.254.169.254"]}),
        ("metadata, rooted", "https://metadata.google.internal./", {"metadata.google.internal.": ["169.254.169.254"]}),
        ("metadata, short", "https://metadata/", {"metadata": ["169.254.169.254"]}),
        ("metadata by IPv6", "https://v6.example/", {"v6.example": ["fd20:ce::254"]}),
        ("name for loopback", "https://localtest.me/", {"localtest.me": ["127.0.0.1"]}),
        ("address in a name", "https://10.0.0.1.nip.io/", {"10.0.0.1.nip.io": ["10.0.0.1"]}),
        ("public, then inner", "https://mixed.example/", {"mixed.example": [PUBLIC, "10.0.0.1"]}),
        ("inner, then public", "https://mixed.example/", {"mixed.example": ["10.0.0.1", PUBLIC]}),
        ("inner last of many", "https://mixed.example/", {"mixed.example": [PUBLIC] * 9 + ["127.0.0.1"]}),
        ("public 4, inner 6", "https://mixed.example/", {"mixed.example": [PUBLIC, "::1"]}),
        ("public 4, mapped", "https://mixed.example/", {"mixed.example": [PUBLIC, "::ffff:127.0.0.1"]}),
        ("public 6, NAT64", "https://mixed.example/", {"mixed.example": [PUBLIC_6, "64:ff9b::7f00:1"]}),
        ("link-local with zone", "https://zone.example/", {"zone.example": ["fe80::1%eth0"]}),
        ("answer that is no address", "https://odd.example/", {"odd.example": ["public.example"]}),
        ("empty answer in it", "https://odd.example/", {"odd.example": [PUBLIC, ""]}),
        (
            "unicode for localhost",
            "https://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/",
            {"localhost": ["127.0.0.1"]},
        ),
        ("soft hyphen in it", "https://local\u00adhost/", {"localhost": ["127.0.0.1"]}),
        ("IDNA", "https://b\u00fccher.example/", {"xn--bcher-kva.example": ["192.168.1.1"]}),
        ("other port", "https://inner.example:8443/", {"inner.example": ["127.0.0.1"]}),
        ("http port of an allowed host", "https://allowed.example:8081/", {"allowed.example": ["127.0.0.1"]}),
    )
] + [
    UrlAttack("allowed host at another port", "http://allowed.example:8081/", UNSAFE),
    UrlAttack("allowed host with a dot", "http://allowed.example.:8080/", UNSAFE),
    UrlAttack("allowed host as user", "http://allowed.example:8080@evil.example/", UNSAFE),
    UrlAttack("allowed host as a part", "http://allowed.example:8080.evil.example/", UNSAFE),
    UrlAttack("no such name", "https://nowhere.invalid/", NOT_FOUND),
    UrlAttack("no address", "https://void.example/", NOT_FOUND, {"void.example": []}),
    UrlAttack("dots only", "https://../", UNSAFE),
    UrlAttack("rooted address", "https://127.0.0.1./", NOT_FOUND),
    UrlAttack("empty label", "https://a..example/", NOT_FOUND),
    UrlAttack("too large for IPv4", "https://256.256.256.256/", NOT_FOUND),
    UrlAttack("five numbers", "https://127.0.0.0.1/", NOT_FOUND),
    UrlAttack("label too long", f"https://{'a' * 64}.example/", NOT_FOUND),
]

URL_ATTACKS = [*SCHEMES, *SPELLINGS, *ADDRESSES, *NAMES]
