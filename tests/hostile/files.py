"""Files that refer to what they must not reach, or are not what they are said to be: each with what becomes of it.

`media` is the code when it is probed as a clip or as music, `picture` when it is taken for a picture; "read" for the
few that are harmless as what they are. Whatever the code, nothing that the file refers to may be reached, by no reader.
"""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from tests.hostile.bait import Bait
from tests.hostile.containers import (
    box,
    boxes,
    chunk,
    deflated_zeros,
    element,
    matroska,
    matroska_cluster,
    matroska_tracks,
    png,
    riff,
    riff_chunk,
    table,
    wave,
    with_more_in_moov,
)

NO, LARGE, READ = "unsupported_media", "source_too_large", "read"


@dataclass(frozen=True)
class Source:
    """What files are made of: what they refer to, and an ordinary clip."""

    bait: Bait
    movie: bytes

    @property
    def url(self) -> str:
        return self.bait.url

    @property
    def path(self) -> str:
        return self.bait.path

    @property
    def file_url(self) -> str:
        return self.bait.file_url


@dataclass(frozen=True)
class FileAttack:
    """One file."""

    name: str
    build: Callable[[Source], bytes]
    media: str = NO
    picture: str = NO


def text(words: str) -> Callable[[Source], bytes]:
    """Lines in which {url}, {file_url} and {path} are those of the bait."""
    return lambda s: words.format(url=s.url, file_url=s.file_url, path=s.path).encode()


HLS = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:1\n"
XXE = '<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY e SYSTEM "{file_url}">]>\n'
SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9">'
MPD = '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S"><Period>'
ADAPTATION = '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">'
MPD_END = "</Representation></AdaptationSet></Period></MPD>"

TEXTS = {
    "HLS of a URL": HLS + "#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
    "HLS of a file": HLS + "#EXTINF:1,\n{file_url}\n#EXT-X-ENDLIST\n",
    "HLS of a path": HLS + "#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n",
    "HLS joined": HLS + "#EXTINF:1,\nconcat:{url}|{path}\n#EXT-X-ENDLIST\n",
    "HLS of a part of a file": HLS + "#EXTINF:1,\nsubfile,,start,0,end,9,,:{path}\n",
    "HLS of a secret key": HLS + '#EXT-X-KEY:METHOD=AES-128,URI="{file_url}"\n#EXTINF:1,\n{url}\n',
    "HLS of a map": HLS + '#EXT-X-MAP:URI="{url}"\n#EXTINF:1,\n{file_url}\n',
    "HLS of lists": HLS + "#EXT-X-STREAM-INF:BANDWIDTH=1\n{url}\n#EXT-X-STREAM-INF:BANDWIDTH=2\n{file_url}\n",
    "HLS with a byte order mark": "\ufeff" + HLS + "#EXTINF:1,\n{url}\n",
    "HLS after blanks": "\n\n \n" + HLS + "#EXTINF:1,\n{url}\n",
    "plain list": "{url}\n{path}\n",
    "ffconcat of a URL": "ffconcat version 1.0\nfile '{url}'\n",
    "ffconcat of a file": "ffconcat version 1.0\nfile '{path}'\n",
    "ffconcat with options": "ffconcat version 1.0\nfile '{path}'\noption protocol_whitelist file,http\n",
    "concat list": "file '{path}'\nfile '{url}'\n",
    "DASH of a URL": f"<?xml version='1.0'?>{MPD}{ADAPTATION}<BaseURL>{{url}}</BaseURL>{MPD_END}",
    "DASH of a file": f"<?xml version='1.0'?>{MPD}{ADAPTATION}<BaseURL>{{file_url}}</BaseURL>{MPD_END}",
    "DASH of an entity": f"{XXE}{MPD}{ADAPTATION}<BaseURL>&e;</BaseURL>{MPD_END}",
    "DASH elsewhere": f"<?xml version='1.0'?>{MPD.replace('<Period>', '<Location>{url}</Location><Period>')}{MPD_END}",
    "SVG of a URL": SVG + '<image href="{url}" width="9" height="9"/></svg>',
    "SVG of a file": SVG + '<image xlink:href="{file_url}" width="9" height="9"/></svg>',
    "SVG of an entity": XXE + SVG + "<text>&e;</text></svg>",
    "SVG with a style": SVG + "<style>@import url({url});</style></svg>",
    "SVG with a script": SVG + "<script>fetch('{url}')</script></svg>",
    "SVG that uses": SVG + '<use xlink:href="{file_url}#a"/></svg>',
    "subtitles": "1\n00:00:00,000 --> 00:00:01,000\n<img src='{url}'>{path}\n",
    "subtitles in a style": "[Script Info]\nScriptType: v4.00+\n[Fonts]\nfontname: {path}\n[Events]\n",
    "subtitles of the web": "WEBVTT\n\nSTYLE\n@import '{url}';\n\n00:00.000 --> 00:01.000\n{path}\n",
    "subtitles of frames": "{{1}}{{1}}25\n{{1}}{{25}}{path}\n",
    "index of subtitles": "# VobSub index file, v7\ntimestamp: 00:00:00:000, filepos: 000000000\n",
    "PLS": "[playlist]\nFile1={url}\nFile2={path}\nNumberOfEntries=2\n",
    "ASX": '<asx version="3.0"><entry><ref href="{url}"/></entry><entry><ref href="{file_url}"/></entry></asx>',
    "XSPF": '<?xml version="1.0"?><playlist xmlns="http://xspf.org/ns/0/"><trackList><track><location>{url}</location>',
    "WPL": '<?wpl version="1.0"?><smil><body><seq><media src="{url}"/></seq></body></smil>',
    "SMIL": '<smil><body><video src="{url}"/></body></smil>',
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    "RTSP in text": "RTSPtext\nrtsp://127.0.0.1/\n",
    "RealMedia's": "{url}\n",
    "Windows Media's": "[Reference]\nRef1={url}\nRef2={file_url}\n",
    "cue sheet": 'FILE "{path}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
    "package of IMF": '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"><Id>',
    "metadata": ";FFMETADATA1\ntitle={path}\n",
    "filter graph": "movie={path}[out0]",
    "AviSynth": 'FFmpegSource2("{path}")\n',
    "VapourSynth": "import vapoursynth\nprint(open('{path}').read())\n",
    "shortcut": "[InternetShortcut]\nURL={file_url}\n",
    "page": '<!doctype html><meta http-equiv="refresh" content="0; url={url}"><img src="{file_url}">',
    "entity alone": XXE + "<x>&e;</x>",
    "PostScript": "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n({path}) (r) file 99 string readstring pop show\n",
    "PDF": "%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/URI/URI({url})>>>>endobj\ntrailer<</Root 1 0 R>>\n",
    "XPM": '/* XPM */\nstatic char *x[] = {{"1 1 1 1", "a c {path}", "a"}};\n',
    "pixmap": "P3\n# {path}\n1 1 255\n0 0 0\n",
    "MVG": "push graphic-context\nimage over 0,0 0,0 '{url}'\npop graphic-context\n",
    "MSL": '<?xml version="1.0"?><image><read filename="{path}"/></image>',
}


def in_tracks_box(s: Source, name: bytes, contents: bytes) -> bytes:
    """The clip, all of whose `name` boxes, wherever they are, are replaced by one of these contents."""

    def rebuilt(content: bytes) -> bytes:
        parts = []
        for found, whole in boxes(content):
            if found == name:
                parts.append(box(name, contents))
            elif found in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
                parts.append(box(found, rebuilt(whole[8:])))
            else:
                parts.append(whole)
        return b"".join(parts)

    return rebuilt(s.movie)


def data_reference(kind: bytes, entry: Callable[[Source], bytes]) -> Callable[[Source], bytes]:
    """The clip, whose samples are said to be elsewhere (flag 1, which says "here", is not set)."""
    return lambda s: in_tracks_box(s, b"dref", struct.pack(">II", 0, 1) + box(kind, bytes(4), entry(s)))


def alias(s: Source) -> bytes:
    """A record of the Macintosh's alias manager, with the path of a file."""
    folder, _, name = s.path.rpartition("/")
    record = bytes(4) + struct.pack(">HHH", 0, 2, 0) + bytes([4]) + b"disk".ljust(27, b"\0") + bytes(8)
    record += (
        bytes([len(name)]) + name.encode()[:63].ljust(63, b"\0") + bytes(16) + struct.pack(">hh", 1, 2) + bytes(16)
    )
    for tag, value in ((2, name), (18, s.path), (19, "/"), (0, folder)):
        content = value.encode()
        record += struct.pack(">HH", tag, len(content)) + content + bytes(len(content) % 2)
    return record + struct.pack(">HH", 0xFFFF, 0)


def reference_movie(kind: bytes, target: Callable[[Source], str]) -> Callable[[Source], bytes]:
    """QuickTime: a movie that is nothing but where to find it."""

    def build(s: Source) -> bytes:
        content = target(s).encode() + b"\0"
        reference = box(b"rdrf", bytes(4), kind, struct.pack(">I", len(content)), content)
        return box(b"ftyp", b"qt  ", bytes(4), b"qt  ") + box(b"moov", box(b"rmra", box(b"rmda", reference)))

    return build


def linked_segments(s: Source) -> bytes:
    """Matroska that goes on in another file, and brings a font."""
    info = element("1549A966", element("3E83BB", s.path.encode()), element("3EB923", bytes(16)))
    font = element("61A7", element("466E", s.path.encode()), element("4660", b"font/ttf"), element("465C", b"\0\1\0\0"))
    return matroska(info, matroska_tracks(), element("1941A469", font), matroska_cluster(jpeg()))


def jpeg(size: tuple[int, int] = (160, 160), image_format: str = "JPEG", **options: object) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, "red").save(written, image_format, **options)
    return written.getvalue()


def saved(image_format: str, **options: object) -> Callable[[Source], bytes]:
    return lambda _: jpeg((16, 16), image_format, **options)


def jpeg_that_claims(width: int, height: int) -> bytes:
    content = bytearray(jpeg())
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def webp_that_claims(width: int, height: int) -> bytes:
    """Lossless: 14 bits for each edge."""
    size = (width - 1) | (height - 1) << 14
    return riff(b"WEBP", riff_chunk(b"VP8L", b"\x2f" + struct.pack("<I", size) + bytes(64)))


def webp_canvas(width: int, height: int) -> bytes:
    """Animated, on a canvas of 24 bits for each edge."""
    edges = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    frame = bytes(6) + (15).to_bytes(3, "little") * 2 + bytes(4) + webp_that_claims(16, 16)[12:]
    return riff(
        b"WEBP", riff_chunk(b"VP8X", b"\x02\0\0\0" + edges), riff_chunk(b"ANIM", bytes(6)), riff_chunk(b"ANMF", frame)
    )


def boxes_of_nothing(count: int) -> Callable[[Source], bytes]:
    return lambda s: s.movie + box(b"free") * count


CUE_POINTS = element("1C53BB6B", b"\xbb\x80" * 9_000_000)

MOVIES = [
    FileAttack("movie elsewhere, a URL", data_reference(b"url ", lambda s: s.url.encode() + b"\0"), READ),
    FileAttack("movie elsewhere, a file", data_reference(b"url ", lambda s: s.file_url.encode() + b"\0"), READ),
    FileAttack("movie elsewhere, an alias", data_reference(b"alis", alias)),
    FileAttack("movie elsewhere, a name", data_reference(b"urn ", lambda s: f"x\0{s.url}\0".encode()), READ),
    FileAttack("movie elsewhere, a resource", data_reference(b"rsrc", alias), READ),
    FileAttack("movie of a URL", reference_movie(b"url ", lambda s: s.url)),
    FileAttack("movie of a file", reference_movie(b"url ", lambda s: s.file_url)),
    FileAttack("movie of an alias", reference_movie(b"alis", lambda s: s.path)),
    FileAttack("linked Matroska", linked_segments, READ),
    FileAttack(
        "billions of samples",
        lambda s: in_tracks_box(
            s, b"minf", box(b"stbl", table(b"stsz", 1, 2**32 - 1), table(b"stts", 1, 2**32 - 1, 1))
        ),
        LARGE,
    ),
    FileAttack("a quarter of a million parts", boxes_of_nothing(250_000), LARGE),
    FileAttack("a thousand tracks", lambda s: with_more_in_moov(s.movie, box(b"trak") * 1000), LARGE),
    FileAttack("empty cue points", lambda _: matroska(matroska_tracks(), CUE_POINTS), LARGE),
    FileAttack("a wave of one sample a second", lambda _: wave(1, 1, 5), READ),
    FileAttack("a wave of billions a second", lambda _: wave(2**31 - 1, 1, 900), READ),
    FileAttack("a wave of thousands of channels", lambda _: wave(8000, 30_000, 9), READ),
    FileAttack("AVI", lambda _: riff(b"AVI ", riff_chunk(b"LIST", b"hdrl" + riff_chunk(b"avih", bytes(56))))),
    FileAttack(
        "MXF", lambda s: bytes.fromhex("060e2b34020501010d01020101020400") + b"\x10" + s.path.encode().ljust(99, b"\0")
    ),
    FileAttack("FLV", lambda _: b"FLV\1\5\0\0\0\t" + bytes(64)),
    FileAttack("transport stream", lambda _: (b"\x47\x40\0\x10" + bytes(184)) * 20),
    FileAttack("program stream", lambda _: b"\0\0\1\xba\x44" + bytes(2000)),
    FileAttack("ASF", lambda _: bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(400)),
    FileAttack("RealMedia", lambda _: b".RMF\0\0\0\x12" + bytes(100)),
    FileAttack("raw pictures", lambda _: b"YUV4MPEG2 W64 H64 F24:1\nFRAME\n" + bytes(64 * 96)),
    FileAttack("bare H.264", lambda _: b"\0\0\0\1\x67\x42\0\x0a" + bytes(64)),
    FileAttack("MIDI", lambda _: b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk" + bytes(64)),
    FileAttack("tracker", lambda _: b"IMPM" + bytes(400)),
    FileAttack("Flash", lambda _: b"CWS\x0a" + bytes(64)),
    FileAttack("game video", lambda _: b"BIKi" + bytes(64)),
    FileAttack("archive", lambda s: b"PK\x03\x04" + bytes(26) + s.path.encode()),
    FileAttack("gzip", lambda _: b"\x1f\x8b\x08\0" + deflated_zeros(1_000_000)),
    FileAttack("MP3 tag before a playlist", lambda s: b"ID3\4\0\0\0\0\0\0#EXTM3U\n#EXTINF:1,\n" + s.url.encode()),
    FileAttack("JPEG before a playlist", lambda s: b"\xff\xd8\xff\xe0#EXTM3U\n#EXTINF:1,\n" + s.url.encode()),
    FileAttack("RIFF before a playlist", lambda s: b"RIFF\0\0\0\0WAVE#EXTM3U\n" + s.file_url.encode()),
    FileAttack("ftyp before a playlist", lambda s: box(b"ftyp", b"isom", bytes(4)) + b"#EXTM3U\n" + s.url.encode()),
    FileAttack("playlist in free", lambda s: box(b"free", f"\n#EXTM3U\n#EXTINF:1,\n{s.url}\n".encode())),
    FileAttack("noise", lambda _: bytes(range(1, 256)) * 64),
    FileAttack("zeros", lambda _: bytes(100_000)),
    FileAttack("nothing", lambda _: b""),
]

MUCH = 60_000_000
EXIF = b"MM\0*\0\0\0\x08"
CIRCLE = b"\0\1\x87\x69\0\4\0\0\0\1\0\0\0\x08\0\0\0\x08"  # a directory that is its own subdirectory
PROFILE = b"\xff\xe2\xff\xffICC_PROFILE\0\1\1" + bytes(65519)
PICTURES = [
    FileAttack("GIF", saved("GIF"), NO, NO),
    FileAttack("TIFF", saved("TIFF")),
    FileAttack("BMP", saved("BMP")),
    FileAttack("ICO", saved("ICO")),
    FileAttack("ICNS", saved("ICNS")),
    FileAttack("TGA", saved("TGA")),
    FileAttack("PCX", saved("PCX")),
    FileAttack("JPEG 2000", saved("JPEG2000")),
    FileAttack("AVIF", saved("AVIF"), READ),
    FileAttack("PDF of a picture", saved("PDF")),
    FileAttack("EPS of a picture", saved("EPS")),
    FileAttack("PSD", lambda _: b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 9, 9, 8, 3) + bytes(400)),
    FileAttack("WMF", lambda _: b"\xd7\xcd\xc6\x9a" + bytes(64)),
    FileAttack("FITS", lambda _: b"SIMPLE  =                    T" + b" " * 2850),
    FileAttack("DDS", lambda _: b"DDS |\0\0\0" + bytes(120)),
    FileAttack("HEIC", lambda _: box(b"ftyp", b"heic", bytes(4), b"mif1") + box(b"meta", bytes(40))),
    FileAttack("animated PNG", saved("PNG", save_all=True, append_images=[Image.new("RGB", (16, 16))]), NO, READ),
    FileAttack(
        "animated PNG of billions",
        lambda _: png(16, 16, chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))),
        NO,
        READ,
    ),
    FileAttack("animated WebP", saved("WEBP", save_all=True, append_images=[Image.new("RGB", (16, 16))]), NO, READ),
    FileAttack("WebP of a huge canvas", lambda _: webp_canvas(2**24, 2**24), NO, LARGE),
    FileAttack("WebP, much animated", lambda _: webp_canvas(16_000, 16_000), NO, LARGE),
    FileAttack("huge WebP", lambda _: webp_that_claims(16_383, 16_383), NO, LARGE),
    FileAttack("huge PNG", lambda _: png(100_000, 100_000, pixels=zlib.compress(b"")), NO, LARGE),
    FileAttack("wide PNG", lambda _: png(2**31 - 1, 1, pixels=zlib.compress(b"")), NO, LARGE),
    FileAttack("PNG of no width", lambda _: png(0, 9, pixels=zlib.compress(b""))),
    FileAttack("huge PNG that is all there", lambda _: png(9000, 9000, pixels=deflated_zeros(27001 * 9000)), NO, LARGE),
    FileAttack("huge JPEG", lambda _: jpeg_that_claims(65_500, 65_500), NO, LARGE),
    FileAttack("JPEG larger than its pixels", lambda _: jpeg_that_claims(6000, 6000), NO, READ),
    FileAttack("pixels that do not end", lambda _: png(9, 9, pixels=deflated_zeros(MUCH)), NO, READ),
    FileAttack("text that does not end", lambda _: png(9, 9, chunk(b"zTXt", b"a\0\0" + deflated_zeros(MUCH)))),
    FileAttack(
        "text of the world that does not end",
        lambda _: png(9, 9, chunk(b"iTXt", b"a\0\1\0\0\0" + deflated_zeros(MUCH))),
    ),
    FileAttack(
        "much text",
        lambda _: png(9, 9, *[chunk(b"zTXt", b"a%d\0\0" % n + deflated_zeros(1_000_000)) for n in range(70)]),
    ),
    FileAttack("profile that does not end", lambda _: png(9, 9, chunk(b"iCCP", b"a\0\0" + deflated_zeros(MUCH)))),
    FileAttack("a chunk of gigabytes", lambda _: png(9, 9)[:33] + struct.pack(">I", 2**31 - 1) + b"IDAT" + bytes(99)),
    FileAttack("EXIF that claims much", lambda _: png(9, 9, chunk(b"eXIf", EXIF + b"\xff\xff" + bytes(99))), NO, READ),
    FileAttack(
        "JPEG with EXIF in circles",
        lambda _: jpeg(exif=b"Exif\0\0" + EXIF + CIRCLE),
        NO,
        READ,
    ),
    FileAttack(
        "JPEG of many profiles",
        lambda _: jpeg()[:2] + PROFILE * 200 + jpeg()[2:],
        NO,
        READ,
    ),
    FileAttack("picture and archive", lambda _: png(9, 9) + b"PK\x03\x04" + bytes(99), NO, READ),
    FileAttack("picture and playlist", lambda s: png(9, 9) + f"\n#EXTM3U\n#EXTINF:1,\n{s.url}\n".encode(), NO, READ),
    FileAttack("picture with a URL", lambda s: png(9, 9, chunk(b"tEXt", b"Source\0" + s.file_url.encode())), NO, READ),
]

FILE_ATTACKS = [*(FileAttack(name, text(words)) for name, words in TEXTS.items()), *MOVIES, *PICTURES]
