import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import zipfile
from functools import partial
from pathlib import Path

import pytest

from localdev.stack.delivery import DeliveryPolicy, Event
from localdev.stack.emulators import PORT_NAMES, auth_config, find_firebase, local_config
from localdev.stack.errors import StackError
from localdev.stack.event_relay import EventRelay
from localdev.stack.firebase_storage import byte_range
from localdev.stack.firestore_jar import find_firestore_jar, manifest_line, write_launcher_jar
from localdev.stack.functions_source import (
    Declarations,
    Parameter,
    parameter_values,
    read_declarations,
    read_dotenv,
    write_dotenv,
)
from localdev.stack.guard import descendants, is_running
from localdev.stack.java import write_java_shim
from localdev.stack.java_shim import redirected
from localdev.stack.loopback import Exchange, LoopbackServer
from localdev.stack.object_stores import LocalFirebaseStorage, LocalR2
from localdev.stack.ports import choose_ports, is_listening
from localdev.stack.processes import GuardedCommand
from localdev.stack.secret_manager import SecretManager

ROOT = Path(__file__).resolve().parents[2]


class Functions(LoopbackServer):
    """Stands for the functions emulator: keeps what it gets, answers `statuses` in turn, 200 when they are used up."""

    def __init__(self, statuses=(), meet=1):
        self.received = []
        self.statuses = list(statuses)
        self.together = threading.Barrier(meet)
        super().__init__(partial(_FunctionsExchange, self))


class _FunctionsExchange(Exchange):
    def __init__(self, functions, *args):
        self.functions = functions
        super().__init__(*args)

    def do_POST(self):
        self.functions.received.append((self.path, dict(self.headers), self.body()))
        self.functions.together.wait(timeout=10)
        self.answer(self.functions.statuses.pop(0) if self.functions.statuses else 200)


def event(number=1, function="us-central1-handle-0"):
    headers = {"ce-id": f"event-{number}", "ce-document": f"jobs/{number}", "content-type": "application/protobuf"}
    return Event(f"/functions/projects/demo/triggers/{function}", headers, b"payload")


def ask(method, url, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=10) as answer:
        content = answer.read()
        return json.loads(content) if content else None


def refusal(method, url, body=None):
    """The HTTP status with which a request is refused."""
    try:
        ask(method, url, body)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    pytest.fail(f"{url} was not refused")


def post(relay, sent):
    request = urllib.request.Request(relay.base_url + sent.path, sent.body, dict(sent.headers), method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status


class TestRelay:
    def test_events_are_forwarded_unchanged(self):
        with Functions() as functions:
            relay = EventRelay(functions.address).start()
            assert post(relay, event()) == 200
            assert relay.wait_until_idle(10)
            relay.stop()
        (path, headers, body) = functions.received[0]
        assert path == event().path
        assert body == b"payload"
        assert {name.lower(): value for name, value in headers.items()}.items() >= event().headers.items()

    def test_events_are_handled_at_the_same_time(self):
        with Functions(meet=4) as functions:  # no request is answered before four have come
            relay = EventRelay(functions.address).start()
            for number in range(4):
                post(relay, event(number))
            assert relay.wait_until_idle(10)
            relay.stop()
        assert [delivery.status for delivery in relay.deliveries()] == [200] * 4

    def test_no_more_than_max_in_flight_go_to_one_function(self):
        with Functions(meet=2) as functions:
            relay = EventRelay(functions.address, policy=DeliveryPolicy(max_in_flight=2)).start()
            for number in range(6):
                relay.accept(event(number))
            assert relay.wait_until_idle(10)
            relay.stop()
        spans = [(d.started_at, d.started_at + d.seconds) for d in relay.deliveries()]
        assert all(sum(a <= start < b for a, b in spans) <= 2 for start, _ in spans)

    def test_a_failure_is_repeated_with_the_same_id(self):
        with Functions(statuses=[500, 503]) as functions:
            relay = EventRelay(functions.address, policy=DeliveryPolicy(backoff_seconds=0.01)).start()
            relay.accept(event())
            assert relay.wait_until_idle(10)
            relay.stop()
        assert [(d.id, d.attempt, d.status) for d in relay.deliveries()] == [
            ("event-1", 1, 500),
            ("event-1", 2, 503),
            ("event-1", 3, 200),
        ]

    def test_an_unreachable_target_is_given_up_after_max_attempts(self):
        (port,) = choose_ports(["nobody"]).values()
        relay = EventRelay(f"127.0.0.1:{port}", policy=DeliveryPolicy(max_attempts=2, backoff_seconds=0.01)).start()
        relay.accept(event())
        assert relay.wait_until_idle(10)
        relay.stop()
        assert [d.attempt for d in relay.deliveries()] == [1, 2]
        assert "ConnectionRefusedError" in str(relay.deliveries()[0].status)

    def test_duplicates_drops_and_redelivery_come_on_order_over_http(self):
        with Functions() as functions:
            relay = EventRelay(functions.address).start()
            ask("PUT", f"{relay.base_url}/_relay/policy", {"duplicate_rate": 1.0})
            post(relay, event(1))
            ask("PUT", f"{relay.base_url}/_relay/policy", {"duplicate_rate": 0.0, "drop_rate": 1})
            post(relay, event(2))
            assert relay.wait_until_idle(10)
            ask("POST", f"{relay.base_url}/_relay/redeliver/event-2")
            assert relay.wait_until_idle(10)
            log = ask("GET", f"{relay.base_url}/_relay/deliveries")
            relay.stop()
        assert sorted((entry["id"], str(entry["status"])) for entry in log) == [
            ("event-1", "200"),
            ("event-1", "200"),
            ("event-2", "200"),
            ("event-2", "dropped"),
        ]

    def test_a_wrong_setting_is_refused_by_name(self):
        relay = EventRelay("127.0.0.1:1").start()
        for settings in ({"drop": 1}, {"drop_rate": 2}, {"max_attempts": "many"}, {"max_attempts": 1.5}):
            assert refusal("PUT", f"{relay.base_url}/_relay/policy", settings) == 400
        relay.stop()
        assert relay.policy == DeliveryPolicy()


class TestDeliveryPolicy:
    def test_the_same_seed_gives_every_document_the_same_fate(self):
        policy = DeliveryPolicy(drop_rate=0.3, duplicate_rate=0.5, max_delay_seconds=2, seed=7)
        fates = [policy.fate(f"jobs/{number}", "handle") for number in range(200)]
        assert fates == [policy.fate(f"jobs/{number}", "handle") for number in range(200)]
        assert {len(fate) for fate in fates} == {0, 1, 2}
        assert all(0 <= delay <= 2 for fate in fates for delay in fate)

    def test_backoff_doubles_up_to_its_limit(self):
        policy = DeliveryPolicy(backoff_seconds=1, max_backoff_seconds=3)
        assert [policy.backoff_before(attempt) for attempt in (2, 3, 4)] == [1, 2, 3]


class TestJava:
    def test_only_the_address_of_the_functions_emulator_is_replaced(self):
        given = ["-jar", "x.jar", "--functions_emulator", "127.0.0.1:5001", "--port", "8080"]
        assert redirected(given, "127.0.0.1:9") == [*given[:3], "127.0.0.1:9", *given[4:]]

    def test_the_shim_becomes_java_with_every_argument_kept(self, tmp_path):
        java = tmp_path / "real java"
        java.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
        java.chmod(0o755)
        shim = write_java_shim(tmp_path / "bin with space", java, "127.0.0.1:9")
        said = subprocess.run(
            [shim, "-Da=b c", "--functions_emulator", "x:1", ""], capture_output=True, text=True, check=True
        )
        assert said.stdout == "-Da=b c\n--functions_emulator\n127.0.0.1:9\n\n"


class TestFirestoreJar:
    def test_manifest_lines_hold_at_most_72_bytes(self):
        rows = manifest_line("Class-Path: file:/" + "x" * 200).split("\r\n")
        assert max(map(len, rows)) == 72
        assert all(row.startswith(" ") for row in rows[1:-1])
        assert "".join([rows[0], *(row[1:] for row in rows[1:])]).endswith("x" * 200)

    def test_the_launcher_names_main_class_and_jar(self, tmp_path):
        write_launcher_jar(tmp_path / "emulator.jar", tmp_path / "out" / "launcher.jar")
        with zipfile.ZipFile(tmp_path / "out" / "launcher.jar") as jar:
            manifest = jar.read("META-INF/MANIFEST.MF").decode().replace("\r\n ", "")
        assert "Main-Class: com.google.cloud.datastore.emulator.firestore.CloudFirestore\r\n" in manifest
        assert f"Class-Path: {(tmp_path / 'emulator.jar').as_uri()}\r\n" in manifest

    def test_a_jar_named_by_the_environment_wins(self, tmp_path):
        named = tmp_path / "mine.jar"
        named.touch()
        environ = {"FIRESTORE_EMULATOR_BINARY_PATH": str(named)}
        assert find_firestore_jar(environ, tmp_path / "launcher.jar") == named

    def test_a_named_jar_that_is_missing_is_said(self, tmp_path):
        with pytest.raises(StackError, match="does not exist"):
            find_firestore_jar({"FIRESTORE_EMULATOR_BINARY_PATH": "/nowhere.jar"}, tmp_path / "launcher.jar")

    def test_what_firebase_tools_downloaded_is_left_to_it(self, tmp_path):
        (tmp_path / "cloud-firestore-emulator-v1.19.8.jar").touch()
        launcher = tmp_path / "launcher.jar"
        assert find_firestore_jar({"FIREBASE_EMULATORS_PATH": str(tmp_path)}, launcher) is None
        assert not launcher.exists()


class TestPorts:
    def test_every_name_gets_a_port_of_its_own(self):
        ports = choose_ports(PORT_NAMES)
        assert len(set(ports.values())) == len(PORT_NAMES)

    def test_a_taken_preferred_port_is_passed_over(self):
        with LoopbackServer(Exchange) as taken:
            assert choose_ports(["a"], {"a": taken.port})["a"] != taken.port

    def test_a_free_preferred_port_is_used(self):
        (free,) = choose_ports(["any"]).values()
        assert choose_ports(["a"], {"a": free})["a"] == free


PORTS = {name: 20_000 + number for number, name in enumerate(PORT_NAMES)}


class TestConfig:
    def test_ports_runtime_and_dotenv_directory_are_filled_in(self):
        given = {"functions": [{"source": "functions"}], "firestore": {"rules": "r"}, "storage": {}, "hosting": {}}
        config = local_config(given, PORTS, "python312", "build/local/settings")
        assert config["functions"] == [
            {"source": "functions", "runtime": "python312", "configDir": "build/local/settings"}
        ]
        assert config["firestore"] == {"rules": "r"}
        assert config.keys() == {"functions", "firestore", "emulators"}
        assert config["emulators"]["firestore"] == {
            "host": "127.0.0.1",
            "port": PORTS["firestore"],
            "websocketPort": PORTS["firestore_websocket"],
        }
        assert config["emulators"]["ui"] == {"enabled": False}

    def test_no_port_is_used_twice(self):
        configs = [local_config({}, PORTS, "python311", "d"), auth_config(PORTS)]
        parts = [part for config in configs for part in config["emulators"].values() if isinstance(part, dict)]
        used = [part["port"] for part in parts if "port" in part]
        assert len(used) == len(set(used)) == len(PORT_NAMES) - 1  # the websocket's is inside firestore's

    def test_hosting_is_kept_where_a_page_is_served(self):
        ports = PORTS | {"hosting": 20_100}
        config = local_config({"hosting": {"public": "web/dist"}}, ports, "python311", "d", {"public": "../page"})
        assert config["hosting"] == {"public": "../page"}
        assert config["emulators"]["hosting"] == {"host": "127.0.0.1", "port": 20_100}

    def test_missing_firebase_tools_says_how_to_install_them(self, tmp_path):
        with pytest.raises(StackError, match="npm install"):
            find_firebase(tmp_path, {"PATH": str(tmp_path)})


class TestFunctionsSource:
    declarations = Declarations(
        runtime="python311",
        functions=("handle",),
        scheduled=(),
        parameters=(
            Parameter("SCENES", is_secret=False, default="4"),
            Parameter("BUCKET", is_secret=False, default=None),
            Parameter("TOKEN", is_secret=True, default=None),
        ),
    )

    def test_stack_then_shell_then_dotenv_then_default(self, tmp_path):
        (tmp_path / ".env").write_text("BUCKET=mine\nSCENES=5\nOTHER='kept # here'\n")
        values = parameter_values(self.declarations, tmp_path, {"SCENES": "6", "HOME": "x"}, {"BUCKET": "local"})
        assert values == {"SCENES": "6", "BUCKET": "local", "OTHER": "kept # here"}

    def test_a_parameter_without_any_value_is_named(self, tmp_path):
        with pytest.raises(StackError, match="BUCKET"):
            parameter_values(self.declarations, tmp_path, {}, {})

    def test_dotenv_values_survive_writing_and_reading(self, tmp_path):
        values = {"A": 'two "words"', "B": "", "C": "line\nbreak", "D": "back\\slash # no comment"}
        write_dotenv(tmp_path / "d" / ".env.local", values)
        assert read_dotenv(tmp_path / "d" / ".env.local") == values

    def test_a_missing_venv_says_how_to_make_one(self, tmp_path):
        with pytest.raises(StackError, match="make install"):
            read_declarations(tmp_path, os.environ)

    def test_a_broken_main_is_told_with_its_traceback(self, tmp_path):
        (tmp_path / "venv").symlink_to(sys.prefix)
        (tmp_path / "main.py").write_text("import firebase_functions\nraise RuntimeError('no such luck')\n")
        with pytest.raises(StackError, match="no such luck") as told:
            read_declarations(tmp_path, os.environ)
        assert "Traceback" in str(told.value)


class TestObjectStores:
    def test_a_published_file_can_be_read_without_credentials_and_in_part(self, tmp_path):
        clip = tmp_path / "a clip.mp4"
        clip.write_bytes(b"0123456789")
        (port,) = choose_ports(["r2"]).values()
        store = LocalR2(port, "bucket")
        store.start()
        try:
            url = store.publish(clip, "own/a clip.mp4")
            assert url == f"{store.public_base_url}/own/a%20clip.mp4"
            with urllib.request.urlopen(url, timeout=10) as answer:
                assert (answer.read(), answer.headers["Content-Type"]) == (b"0123456789", "video/mp4")
            request = urllib.request.Request(url, headers={"Range": "bytes=2-4"})
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert (answer.status, answer.read()) == (206, b"234")
        finally:
            store.stop()
        assert not is_listening(port)

    def test_a_page_of_another_origin_may_fetch_what_r2_holds(self, tmp_path, r2_server):
        clip = tmp_path / "clip.mp4"
        clip.write_bytes(b"0123456789")
        url = r2_server.publish(clip, "pages/clip.mp4")
        page = {"Origin": "http://127.0.0.1:5000"}
        before = {**page, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range"}
        for method, headers in (("OPTIONS", before), ("GET", page | {"Range": "bytes=0-1"}), ("HEAD", page)):
            request = urllib.request.Request(url, headers=headers, method=method)
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert answer.headers["Access-Control-Allow-Origin"] in ("*", page["Origin"]), method
                assert answer.read() == (b"01" if method == "GET" else b"")
                if method == "GET":
                    assert "Content-Range" in answer.headers["Access-Control-Expose-Headers"]

    def test_a_store_that_stops_takes_its_own_files_along_and_no_others(self, tmp_path):
        clip = tmp_path / "clip.mp4"
        clip.write_bytes(b"0123456789")
        ports = choose_ports(["staying", "leaving"])
        staying, leaving = LocalR2(ports["staying"], "staying"), LocalR2(ports["leaving"], "leaving")
        staying.start()
        try:
            url = staying.publish(clip, "clip.mp4")
            for _ in range(2):
                leaving.start()
                assert "Contents" not in leaving.client.list_objects_v2(Bucket="leaving")
                leaving.publish(clip, "clip.mp4")
                leaving.stop()
                del leaving.client  # the next start connects anew
            with urllib.request.urlopen(url, timeout=10) as answer:
                assert answer.read() == b"0123456789"
        finally:
            staying.stop()

    def test_download_urls_want_the_right_token(self):
        ports = choose_ports(["storage", "front"])
        store = LocalFirebaseStorage(ports["storage"], ports["front"], "bucket")
        store.start()
        try:
            boundary = (
                b"--x\r\nContent-Type: application/json\r\n\r\n%s\r\n--x\r\nContent-Type: image/png\r\n\r\nPNG\r\n--x--"
            )
            about = json.dumps({"name": "u/a b.png", "metadata": {"firebaseStorageDownloadTokens": "t1,t2"}}).encode()
            upload = urllib.request.Request(
                f"{store.base_url}/upload/storage/v1/b/bucket/o?uploadType=multipart",
                boundary % about,
                {"Content-Type": "multipart/related; boundary=x"},
            )
            with urllib.request.urlopen(upload, timeout=10):
                pass
            url = f"{store.download_base_url}/v0/b/bucket/o/u%2Fa%20b.png?alt=media&token="
            with urllib.request.urlopen(url + "t2", timeout=10) as answer:
                assert (answer.read(), answer.headers["Content-Type"]) == (b"PNG", "image/png")
            for wrong in ("", "t", "t1,t2"):
                assert refusal("GET", url + wrong) == 403
        finally:
            store.stop()

    @pytest.mark.parametrize(
        ("header", "asked"),
        [
            (None, None),
            ("bytes=0-3", range(4)),
            ("bytes=4-", range(4, 10)),
            ("bytes=-3", range(7, 10)),
            ("bytes=8-99", range(8, 10)),
            ("bytes=0-1,3-4", None),
        ],
    )
    def test_a_range_header_names_bytes(self, header, asked):
        assert byte_range(header, 10) == asked

    def test_a_range_beyond_the_end_is_refused(self):
        with pytest.raises(ValueError, match="no such bytes"):
            byte_range("bytes=10-", 10)


class TestSecretManager:
    def test_a_secret_is_answered_only_under_the_unguessable_address(self):
        path = "/v1/projects/demo/secrets/TOKEN/versions/latest:access"
        with SecretManager({"TOKEN": "value"}) as secrets:
            assert ask("GET", secrets.base_url + path) == {"payload": {"data": "dmFsdWU="}}
            for wrong in (f"http://{secrets.address}{path}", secrets.base_url + path.replace("TOKEN", "OTHER")):
                assert refusal("GET", wrong) == 404


# A child in a session of its own, an orphan, and one that ignores SIGTERM: what firebase-tools leaves, and worse.
STUBBORN_TREE = """
import signal, subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
subprocess.Popen(sleep, start_new_session=True)
subprocess.run([sys.executable, "-c", f"import subprocess; subprocess.Popen({sleep!r}, start_new_session=True)"])
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""
PARENT = """
import signal, sys, time
from pathlib import Path
from localdev.stack.processes import GuardedCommand
import os
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background begins with it ignored
log = Path(sys.argv[1])
command = GuardedCommand([sys.executable, "-c", sys.argv[2]], env=os.environ, cwd=log.parent, log=log)
print(command.pid, flush=True)
time.sleep(600)
"""


def wait_for(condition, seconds=10.0):
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.02)


def running(pids):
    return {pid for pid in pids if is_running(pid)}


def is_ready(log):
    return log.exists() and "ready" in log.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are found through Linux's child subreaper")
class TestGuardedCommand:
    def test_stop_ends_sessions_orphans_and_the_stubborn(self, tmp_path):
        log = tmp_path / "log"
        command = GuardedCommand([sys.executable, "-c", STUBBORN_TREE], env=os.environ, cwd=tmp_path, log=log)
        wait_for(lambda: is_ready(log))
        tree = descendants(command.pid)
        assert len(tree) == 3
        command.stop()
        assert not running(tree | {command.pid})
        command.stop()  # safe to repeat

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    def test_everything_ends_with_its_parent_however_that_ends(self, tmp_path, number):
        log = tmp_path / "log"
        argv = [sys.executable, "-c", PARENT, str(log), STUBBORN_TREE]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT) as parent:
            guard = int(parent.stdout.readline())
            wait_for(lambda: is_ready(log))
            tree = descendants(guard) | {guard}
            assert len(tree) == 4
            parent.send_signal(number)
        wait_for(lambda: not running(tree))

    def test_a_command_that_ends_by_itself_tells_its_status(self, tmp_path):
        command = GuardedCommand(["sh", "-c", "exit 7"], env=os.environ, cwd=tmp_path, log=tmp_path / "log")
        wait_for(lambda: command.exit_status() is not None)
        assert command.exit_status() == 7
        command.stop()
