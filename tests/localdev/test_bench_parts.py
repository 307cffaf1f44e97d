"""What `make bench` measures with: servers that seem far away, and the counting of calls."""

import os
import socket
import threading
import time
from contextlib import contextmanager

import pytest
from google.cloud import firestore

from localdev.bench.far_server import DelayLine, FarServer
from localdev.bench.round_trips import RoundTrips, count_firestore_calls, count_s3_calls
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


@pytest.fixture
def bucket():
    r2 = LocalR2(choose_ports(["r2"])["r2"], "clips")
    r2.start()
    yield r2
    r2.stop()
