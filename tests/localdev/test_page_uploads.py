"""The stand-in for Firebase Storage: Firebase's own SDK uploads to it, and storage.rules hold."""

import base64
import json
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localdev.stack import PROJECT_ID, StackError
from localdev.stack.object_stores import STORAGE_RULES, LocalFirebaseStorage
from localdev.stack.ports import choose_ports
from localdev.stack.storage_rules import InvalidToken, StorageRules, user_of
from localdev.stack.storage_uploads import BadUpload, ResumableUpload, split_multipart

BUCKET = f"{PROJECT_ID}.appspot.com"


@pytest.fixture(scope="module")
def store() -> Iterator[LocalFirebaseStorage]:
    ports = choose_ports(["storage", "front"])
    running = LocalFirebaseStorage(ports["storage"], ports["front"], BUCKET)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def told(store: LocalFirebaseStorage) -> dict[str, Any]:
    """What the SDK says happened."""
    host, port = store.download_base_url.removeprefix("http://").split(":")
    script = Path(__file__).with_name("uploads.mjs")
    command = ["node", str(script), host, port, PROJECT_ID, BUCKET]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


class TestTheSdk:
    def test_a_small_file_is_there_at_once_for_everybody_who_has_its_url(self, told, store):
        small = told["small"]
        assert small["url"].startswith(f"{store.download_base_url}/v0/b/{BUCKET}/o/uploads%2Fu1%2Fproducts%2Fa%20cup")
        assert small["same"]
        assert small["sameByToken"]
        assert (small["size"], small["contentType"], small["custom"]) == (5006, "image/png", {"kind": "product"})
        assert small["cors"] == "*"

    def test_a_large_file_comes_in_pieces_and_tells_how_far_it_is(self, told):
        large = told["large"]
        assert large["same"]
        assert large["size"] == 3_000_000
        assert large["progress"] == sorted(large["progress"])
        assert len(set(large["progress"])) >= 4
        assert large["progress"][-1] == 3_000_000

    def test_an_upload_that_is_cancelled_leaves_nothing(self, told):
        assert told["cancelled"] == {"ended": "storage/canceled", "left": "storage/object-not-found"}

    def test_an_upload_goes_on_after_a_pause(self, told):
        assert told["paused"] == {"ended": "done", "pauses": 1, "size": 3_000_000}

    def test_what_the_rules_refuse_is_refused_in_the_sdks_words(self, told):
        assert set(told["refused"].values()) == {"storage/unauthorized"}, told["refused"]
        assert len(told["refused"]) == 11

    def test_another_file_in_its_place_has_another_url(self, told):
        assert told["replaced"] == {"size": 10, "oldUrl": 403}

    def test_what_is_deleted_is_gone(self, told):
        gone = "storage/object-not-found"
        assert told["deleted"] == {"metadata": gone, "again": gone, "url": 404}


def ask(
    method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes, dict[str, str]]:
    """Status, body, and headers by names in small letters."""
    request = urllib.request.Request(url, body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read(), {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), {name.lower(): value for name, value in error.headers.items()}


def id_token(user: str = "u1", project: str = PROJECT_ID, expires_in: float = 3600) -> str:
    """As the Auth emulator makes them: without a signature."""
    claims = {"sub": user, "aud": project, "exp": time.time() + expires_in}
    parts = [{"alg": "none"}, claims]
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*coded, ""])


class TestTheProtocol:
    def start(self, store: LocalFirebaseStorage, size: int = 6) -> str:
        headers = {
            "Authorization": f"Firebase {id_token()}",
            "X-Goog-Upload-Protocol": "resumable",
            "X-Goog-Upload-Command": "start",
            "X-Goog-Upload-Header-Content-Length": str(size),
            "X-Goog-Upload-Header-Content-Type": "audio/mp4",
        }
        url = f"{store.download_base_url}/v0/b/{BUCKET}/o?name=uploads%2Fu1%2Fa.m4a"
        status, _, answered = ask("POST", url, b"{}", headers)
        assert (status, answered["x-goog-upload-status"]) == (200, "active")
        return answered["x-goog-upload-url"]

    def send(self, url: str, command: str, piece: bytes = b"", offset: int = 0) -> tuple[int, bytes, dict[str, str]]:
        headers = {"X-Goog-Upload-Command": command, "X-Goog-Upload-Offset": str(offset)}
        return ask("POST", url, piece, {**headers, "Content-Type": "application/octet-stream"})

    def test_an_interrupted_upload_asks_how_far_it_is_and_goes_on(self, store):
        url = self.start(store)
        self.send(url, "upload", b"abc")
        _, _, headers = self.send(url, "query")
        assert (headers["x-goog-upload-status"], headers["x-goog-upload-size-received"]) == ("active", "3")
        status, body, headers = self.send(url, "upload, finalize", b"def", 3)
        assert (status, headers["x-goog-upload-status"]) == (200, "final")
        assert json.loads(body)["size"] == "6"
        assert self.send(url, "query")[2]["x-goog-upload-status"] == "final"
        assert self.send(url, "finalize")[1] == body  # an answer that was lost comes again

    def test_a_piece_at_the_wrong_place_is_refused(self, store):
        url = self.start(store)
        assert self.send(url, "upload", b"abc", 2)[0] == 400
        assert self.send(url, "upload", b"more than six", 0)[0] == 400
        assert self.send(url, "fly")[0] == 400

    def test_an_upload_ends_by_the_command_to_cancel_it(self, store):
        url = self.start(store)
        self.send(url, "upload", b"abc")
        assert self.send(url, "cancel")[2]["x-goog-upload-status"] == "cancelled"
        assert self.send(url, "upload, finalize", b"def", 3)[0] == 400

    def test_an_upload_that_nobody_began_is_unknown(self, store):
        url = f"{store.download_base_url}/v0/b/{BUCKET}/o?name=uploads%2Fu1%2Fa.m4a&upload_id=guessed"
        assert self.send(url, "upload, finalize", b"abc")[0] == 404

    def test_a_page_of_any_origin_may_ask_and_read_what_it_needs(self, store):
        url = f"{store.download_base_url}/v0/b/{BUCKET}/o?name=uploads%2Fu1%2Fa.m4a"
        wanted = "authorization,x-goog-upload-command,x-goog-upload-protocol"
        asked = {"Origin": "http://127.0.0.1:5000", "Access-Control-Request-Method": "POST"}
        status, _, headers = ask("OPTIONS", url, headers={**asked, "Access-Control-Request-Headers": wanted})
        assert (status, headers["access-control-allow-origin"]) == (204, "*")
        assert headers["access-control-allow-headers"] == wanted
        assert "POST" in headers["access-control-allow-methods"]
        assert "X-Goog-Upload-URL" in headers["access-control-expose-headers"]
        _, _, headers = ask("GET", f"{store.download_base_url}/v0/b/{BUCKET}/o/nothing?token=t")
        assert headers["access-control-allow-origin"] == "*"  # or the page could not tell why it was refused

    @pytest.mark.parametrize(
        "token",
        ["", "abc", "a.b.c", id_token(expires_in=-1), id_token(project="another")],
        ids=["none", "no token", "not JSON", "expired", "another project"],
    )
    def test_a_token_that_is_none_is_refused(self, store, token):
        url = f"{store.download_base_url}/v0/b/{BUCKET}/o/uploads%2Fu1%2Fa.m4a"
        assert ask("GET", url, headers={"Authorization": f"Firebase {token}"})[0] == 401


class TestRules:
    rules = StorageRules.read(STORAGE_RULES)

    def test_every_type_and_size_of_the_file_is_read(self):
        text = STORAGE_RULES.read_text()
        assert [types for types, _ in self.rules.limits] == re.findall(r"contentType\.matches\('(.*)'\)", text)
        assert [size for _, size in self.rules.limits] == [30_000_000, 50_000_000, 300_000_000]
        assert text.count("request.resource.size <") == len(self.rules.limits)

    def test_the_folders_are_the_files(self):
        assert self.rules.may_read("u1", "u1/videos/final.mp4")
        assert not self.rules.may_read("u2", "u1/videos/final.mp4")
        assert not self.rules.may_read("uploads", "uploads/u1/a.png")
        assert not self.rules.may_read(None, "u1/videos/final.mp4")
        assert not self.rules.may_delete("u1", "u1/videos/final.mp4")
        assert not self.rules.may_write("u1", "uploads/u1", "image/png", 10)

    def test_a_type_is_the_whole_type_and_a_size_less_than_the_limit(self):
        assert self.rules.may_write("u1", "uploads/u1/a.png", "image/png", 29_999_999)
        assert not self.rules.may_write("u1", "uploads/u1/a.png", "image/png", 30_000_000)
        assert not self.rules.may_write("u1", "uploads/u1/a.png", "image/png; charset=utf-8", 10)
        assert not self.rules.may_write("u1", "uploads/u1/a.m3u8", "audio/mpegurl", 10)

    @pytest.mark.parametrize(
        ("ours", "changed"),
        [
            ("isOwner(uid) && isUpload();", "isUpload();"),
            ("allow read: if", "allow read, delete: if"),
            ("request.auth.uid == uid", "request.auth.token.email == uid"),
            ("request.resource.size < 30 * 1000 * 1000", "request.resource.size < limit()"),
        ],
    )
    def test_rules_that_say_something_new_are_not_taken_for_known_ones(self, tmp_path, ours, changed):
        text = STORAGE_RULES.read_text()
        assert ours in text
        (tmp_path / "storage.rules").write_text(text.replace(ours, changed))
        with pytest.raises(StackError, match="does not know"):
            StorageRules.read(tmp_path / "storage.rules")

    def test_another_limit_is_read_as_it_stands(self, tmp_path):
        text = STORAGE_RULES.read_text().replace("30 * 1000 * 1000", "5 * 1024")
        (tmp_path / "storage.rules").write_text(text)
        assert StorageRules.read(tmp_path / "storage.rules").limits[0][1] == 5120

    def test_a_user_is_who_the_token_names(self):
        assert user_of(f"Firebase {id_token('u7')}", PROJECT_ID) == "u7"
        assert user_of(None, PROJECT_ID) is None
        with pytest.raises(InvalidToken, match="another project"):
            user_of(f"Firebase {id_token()}", "elsewhere")


class TestParts:
    def test_a_file_may_hold_what_looks_like_the_end_of_a_line_or_of_a_part(self):
        content = b"\r\n--x\r\n--\r\n\r\n"
        body = b'--xyz\r\nA: b\r\n\r\n{"contentType": "image/png"}\r\n--xyz\r\nA: b\r\n\r\n' + content + b"\r\n--xyz--"
        sent = split_multipart(body, "multipart/related; boundary=xyz")
        assert (sent.content, sent.content_type) == (content, "image/png")

    @pytest.mark.parametrize(
        "body", [b"", b"--x--", b"--x\r\n\r\n{}\r\n--x--", b"--x\r\n\r\nno\r\n--x\r\n\r\na\r\n--x--"]
    )
    def test_what_is_not_two_parts_is_refused(self, body):
        with pytest.raises(BadUpload):
            split_multipart(body, "multipart/related; boundary=x")

    def test_nothing_is_added_to_an_upload_that_has_ended(self):
        upload = ResumableUpload("b", "n", "image/png", {}, None, "u1")
        upload.end("cancelled")
        with pytest.raises(BadUpload, match="cancelled"):
            upload.add(0, b"a")
