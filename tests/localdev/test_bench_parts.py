"""What `make bench` measures with: servers that seem far away, and the counting of calls."""

import json
import os
import socket
import threading
import time
import urllib.request
from contextlib import contextmanager

import pytest
from google.cloud import firestore

from localdev.bench.far_server import DelayLine, FarServer
from localdev.bench.firestore_clients import firestore_client
from localdev.bench.listing_design import ListingDesign
from localdev.bench.round_trips import RoundTrips, count_firestore_calls, count_s3_calls
from localdev.bench.stocked_storage import BUCKET, RememberedAnswers, StockedStorage, s3_client
from localdev.bench.video_info import (
    ALL_PAGES,
    FIRST_PAGE,
    LARGE_PAGES,
    LISTING,
    Designs,
    check_same_clips,
    fill_firestore,
)
from localdev.bench.video_material import MaterialVideo, as_order, from_order
from localdev.stack import PROJECT_ID
from localdev.stack.object_stores import LocalR2
from localdev.stack.ports import LOOPBACK, choose_ports, is_listening


@contextmanager
def echo_server():
    """The port of a server that sends back what it gets."""
    with socket.create_server((LOOPBACK, 0)) as listening:

        def serve():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=echo, args=[connection], daemon=True).start()

        def echo(connection):
            with connection:
                while piece := connection.recv(65536):
                    connection.sendall(piece)

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def connected(far):
    return socket.create_connection((LOOPBACK, far.port), timeout=20)


def is_ended(connection):
    """Whether nothing comes but the end, orderly or not."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def receive(connection, size):
    received = bytearray()
    while len(received) < size and (piece := connection.recv(65536)):
        received += piece
    return bytes(received)


class TestDelayLine:
    def test_a_piece_arrives_a_delay_after_it_was_put(self):
        line = DelayLine(0.01)
        line.put(b"ping", now=5.0)
        assert line.next_arrival() == pytest.approx(5.01)
        assert line.take(5.009) == []
        assert line.take(5.011) == [b"ping"]
        assert line.next_arrival() is None

    def test_what_comes_together_arrives_together_and_in_order(self):
        line = DelayLine(0.01)
        pieces = [bytes([number]) for number in range(200)]
        for number, piece in enumerate(pieces):
            line.put(piece, now=number * 1e-6)
        line.put(None, now=0.001)
        assert line.take(0.0105) == pieces
        assert line.take(0.0115) == [None]


class TestFarServer:
    def test_a_ping_takes_at_least_the_round_trip(self):
        with echo_server() as port, FarServer(port, 0.05) as far, connected(far) as connection:
            started = time.monotonic()
            connection.sendall(b"ping")
            assert receive(connection, 4) == b"ping"
            assert time.monotonic() - started >= 0.05

    def test_ten_megabytes_come_back_whole_and_do_not_pay_the_distance_for_each_piece(self):
        sent = os.urandom(1 << 20) * 10
        with echo_server() as port, FarServer(port, 1.0) as far, connected(far) as connection:
            started = time.monotonic()
            sending = threading.Thread(target=connection.sendall, args=[sent])
            sending.start()
            received = receive(connection, len(sent))
            seconds = time.monotonic() - started
            sending.join()
        assert received == sent
        assert 1.0 <= seconds < 10.0  # one round trip; forty and more if each piece waited for the one before

    def test_the_end_of_the_server_ends_the_connection(self):
        with socket.create_server((LOOPBACK, 0)) as listening:
            port = listening.getsockname()[1]
            with FarServer(port, 0.01) as far, connected(far) as connection:
                served, _ = listening.accept()
                served.sendall(b"last words")
                served.close()
                assert receive(connection, 100) == b"last words"

    def test_a_server_that_is_not_there_ends_the_connection(self):
        (port,) = choose_ports(["nobody"]).values()
        with FarServer(port, 0.01) as far, connected(far) as connection:
            assert is_ended(connection)

    def test_a_stopped_one_accepts_nothing_and_forgets_what_was_on_its_way(self):
        with echo_server() as port:
            far = FarServer(port, 3600.0).start()
            own_port = far.port
            with connected(far) as connection:
                connection.sendall(b"ping")
                far.stop()
                assert is_ended(connection)
            assert not is_listening(own_port)


class TestRoundTrips:
    def test_calls_beside_each_other_are_one_in_sequence(self):
        trips = RoundTrips()
        trips.add("get", 0.0, 1.0)
        trips.add("query", 0.1, 1.2)
        trips.add("query", 1.3, 2.0)
        assert (trips.count(), trips.count("query"), trips.in_sequence) == (3, 2, 2)

    def test_a_long_call_beside_two_short_ones_hides_none(self):
        trips = RoundTrips()
        trips.add("long", 0.0, 3.0)
        trips.add("first", 0.0, 1.0)
        trips.add("second", 1.5, 2.5)
        assert trips.in_sequence == 2

    def test_every_call_of_a_firestore_client_is_counted(self, firestore_client):
        client, trips = firestore.Client(project=PROJECT_ID), RoundTrips()
        count_firestore_calls(client, trips)
        things = client.collection("round-trips")
        things.document("one").set({"number": 1})
        things.document("one").get()
        assert len(list(things.limit(5).stream())) == 1
        things.count().get()
        client.close()
        counts = {name: trips.count(name) for name in ("commit", "batch_get_documents", "run_query")}
        assert counts == {"commit": 1, "batch_get_documents": 1, "run_query": 1}
        assert (trips.count(), trips.in_sequence) == (4, 4)

    def test_each_page_of_a_listing_is_a_call_and_a_presigned_url_is_none(self, bucket):
        client, trips = bucket.client, RoundTrips()
        for number in range(5):
            client.put_object(Bucket=bucket.bucket, Key=f"clip_{number}", Body=b"x")
        count_s3_calls(client, trips)
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket.bucket, PaginationConfig={"PageSize": 2})
        assert sum(page["KeyCount"] for page in pages) == 5
        client.generate_presigned_url("get_object", Params={"Bucket": bucket.bucket, "Key": "clip_0"})
        assert (trips.count("ListObjectsV2"), trips.count()) == (3, 3)


class TestVideoMaterial:
    @pytest.mark.parametrize("count", [1, 4, 10])
    def test_a_video_has_exactly_its_clips_each_with_two_files(self, count):
        video = MaterialVideo("user", "video", count)
        clips = list(video.clips())
        keys = [key for key, _, _ in video.files()]
        assert len({clip["clip_id"] for clip in clips}) == len(clips) == count
        assert {clip["scene_id"] for clip in clips} == {scene["id"] for scene in video.highlights()}
        assert len(set(keys)) == len(keys) == 2 * count + 1
        assert from_order(as_order([video])) == [video]


class TestStockedStorage:
    def test_a_get_is_answered_once_and_then_as_it_was(self):
        asked = []

        def application(environ, start_response):
            asked.append((environ["REQUEST_METHOD"], environ["QUERY_STRING"]))
            start_response("200 OK", [("X-Number", str(len(asked)))])
            return [b"answer ", str(len(asked)).encode()]

        remembered = RememberedAnswers(application)

        def ask(query, method="GET"):
            told = []
            environ = {"REQUEST_METHOD": method, "PATH_INFO": "/", "QUERY_STRING": query}
            return b"".join(remembered(environ, lambda *given: told.extend(given))), told

        first = ask("a")
        assert ask("a") == first == (b"answer 1", ["200 OK", [("X-Number", "1")]])
        assert ask("b")[0] == b"answer 2"
        assert (ask("a", "PUT")[0], ask("a", "PUT")[0]) == (b"answer 3", b"answer 4")

    def test_the_listing_design_tells_of_every_clip_by_priority_with_urls_that_can_be_read(self):
        video = MaterialVideo("user", "video", 10)
        with StockedStorage([video, MaterialVideo("user", "video-2", 1)]) as storage:
            info = json.loads(ListingDesign(s3_client(storage.port), BUCKET).video_info("user", "video"))
            with urllib.request.urlopen(info["clips"][0]["thumbnail"], timeout=10) as answer:
                assert answer.read() == b"x"
        told = [(clip["name"], clip["title"], clip["style"]) for clip in info["clips"]]
        clips = sorted(video.clips(), key=lambda clip: (clip["priority"], clip["clip_id"]))
        assert told == [(clip["filename"], clip["scene_title"], clip["style"]) for clip in clips]


class TestVideoInfo:
    def test_all_designs_tell_the_same_and_ours_asks_one_query_a_page(self, firestore_emulator):
        video = MaterialVideo("user", "video", 60)
        with StockedStorage([video]) as storage, firestore_client(firestore_emulator, "demo-bench") as client:
            designs = Designs(s3_client(storage.port), client)
            fill_firestore(client, video)
            queries, answered = {}, {}
            for name, work in designs.answers(video).items():
                designs.trips.clear()
                answered[name] = work()
                queries[name] = designs.trips.count("run_query")
        check_same_clips(video, answered)
        assert [queries[name] for name in (FIRST_PAGE, ALL_PAGES, LARGE_PAGES, LISTING)] == [1, 2, 1, 0]

    def test_designs_that_differ_are_noticed(self):
        video = MaterialVideo("user", "video", 1)
        clip = {"name": "clip", "title": "", "description": "", "size": "", "style": "", "priority": 1}
        one, other = (
            [json.dumps({"clips": [{**clip, "url": "url", "thumbnail": thumbnail}]}).encode()]
            for thumbnail in ("url", None)
        )
        check_same_clips(video, {LISTING: one, FIRST_PAGE: one, LARGE_PAGES: one})
        with pytest.raises(RuntimeError, match="differently"):
            check_same_clips(video, {LISTING: one, FIRST_PAGE: one, LARGE_PAGES: other})


@pytest.fixture
def bucket():
    r2 = LocalR2(choose_ports(["r2"])["r2"], "clips")
    r2.start()
    yield r2
    r2.stop()
