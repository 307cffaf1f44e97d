"""The local stack: the emulators, the relay, the object stores and the stub providers, started and ended as one.

    with LocalStack() as stack:
        db = firestore.Client(project=PROJECT_ID)     # after os.environ |= stack.environment()

Everything but the emulators runs in threads of this process; the emulators run under a guard (guard.py) that ends
them however this process ends. Start-up, in parallel where parts do not need each other:

    read functions/ ──┐
    servers, stubs ───┴─> firebase-tools (firestore, auth, tasks, functions) ──> every function loaded
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from localdev.stack.delivery import DeliveryPolicy
from localdev.stack.emulators import HOSTING, PORT_NAMES, PROJECT_ID, EmulatorRun, Emulators, local_config
from localdev.stack.endpoints import Endpoints
from localdev.stack.errors import StackError
from localdev.stack.event_relay import EventRelay
from localdev.stack.firestore_jar import BINARY_PATH, HOW_TO_GET_ONE, find_firestore_jar
from localdev.stack.functions_source import Declarations, parameter_values, read_declarations, write_dotenv
from localdev.stack.hosting import local_hosting
from localdev.stack.java import find_java, write_java_shim
from localdev.stack.object_stores import R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, LocalFirebaseStorage, LocalR2
from localdev.stack.ports import LOOPBACK, choose_ports
from localdev.stack.providers import Providers
from localdev.stack.secret_manager import SecretManager
from localdev.stack.startable import Startable

if TYPE_CHECKING:
    from localdev.stub_replicate import StubReplicate

DEFAULT_REGION = "us-central1"
STORAGE_BACKEND = "r2"
R2_BUCKET = "words-to-video"
STORAGE_BUCKET = f"{PROJECT_ID}.appspot.com"
SERVER_NAMES = ("relay", "r2", "storage", "storage_download", "replicate", "openai")
PROJECT_ROOT = Path(__file__).resolve().parents[2]


class Part(Protocol):
    """A server that runs in threads of this process."""

    def start(self) -> object: ...

    def stop(self) -> None: ...


class LocalStack(Startable):
    """A whole local deployment of one project. A context manager; start() and stop() do the same."""

    def __init__(
        self,
        project_root: Path = PROJECT_ROOT,
        *,
        environ: Mapping[str, str] | None = None,
        site: Path | None = None,
        policy: DeliveryPolicy | None = None,
        preferred_ports: Mapping[str, int] | None = None,
        image_seconds: float = 1.0,
        video_seconds: float = 3.0,
        spread: float = 0.2,
        functions_environment: Mapping[str, str] | None = None,
        name: str = "local",
        say: Callable[[str], None] = print,
    ) -> None:
        """Nothing is started yet.

        environ: the developer's environment (by default this process'). REPLICATE_API_TOKEN and OPENAI_API_KEY
            in it mean the real services, which cost money; tests pass an environment without them.
        site: the folder with the built page, to be served at `urls.studio_url`; None: no page.
        policy: how events are delivered; `stack.relay.policy` changes it later.
        preferred_ports: by name (see PORT_NAMES, SERVER_NAMES), used where free.
        image_seconds, video_seconds: how long the stub's predictions take, up to `spread` of it more or less.
        functions_environment: settings for the functions over those of the stack.
        name: stacks that run beside each other need different ones; what this one writes is in build/<name>.
        """
        self.project_root = project_root.resolve()
        self._environ = dict(os.environ if environ is None else environ)
        self._site = site.resolve() if site else None
        self._policy = policy
        self._preferred_ports = preferred_ports
        self._providers = Providers(
            self._environ, image_seconds=image_seconds, video_seconds=video_seconds, spread=spread
        )
        self._functions_environment = dict(functions_environment or {})
        self._say = say
        self._parts = ExitStack()
        self._build = self.project_root / "build" / name
        self.cold_start_seconds = 0.0

    def start(self, timeout_seconds: float = 120.0) -> Self:
        """Start everything; returns when every part answers and every function is loaded.

        Raises StackError with a sentence and the end of the log; nothing is left running then.
        """
        began = time.monotonic()
        try:
            self._start(timeout_seconds)
        except BaseException:
            self.stop()
            raise
        self.cold_start_seconds = time.monotonic() - began
        self._say(f"ready after {self.cold_start_seconds:.1f} s")
        return self

    def stop(self) -> None:
        """End every part, last started first. Safe to repeat."""
        self._parts.close()

    def environment(self) -> dict[str, str]:
        """What clients in this or another process need to reach the stack."""
        return self.urls.client_environment()

    @property
    def functions_guard_pid(self) -> int:
        """The process below which the functions' processes are."""
        return self._emulators.functions_guard_pid

    def publish(self, path: Path, key: str | None = None) -> str:
        """Put a local file into the object store; returns a URL that jobs may name."""
        return self.r2.publish(path, key or f"own-media/{path.name}")

    @property
    def functions_log(self) -> Path:
        """What firebase-tools and the functions print."""
        return self._build / "emulators.log"

    @property
    def replicate(self) -> "StubReplicate":
        """The stand-in for Replicate. Raises StackError where the real one is used."""
        if self._providers.replicate is None:
            raise StackError("REPLICATE_API_TOKEN is set: this stack uses the real Replicate.")
        return self._providers.replicate

    def functions_settings(self) -> dict[str, str]:
        """The environment of the functions: where their services are, and the keys for them."""
        return {
            **self.urls.client_environment(),
            **self._providers.functions_environment(),
            "REPLICATE_WEBHOOK_URL": self._webhook_url(),
            "NO_GCE_CHECK": "true",  # an SDK that looks for credentials fails at once, not after seconds
            "STORAGE_BACKEND": STORAGE_BACKEND,
            "R2_ENDPOINT_URL": self.urls.r2_url,
            "R2_BUCKET": self.urls.r2_bucket,
            "R2_ACCESS_KEY_ID": R2_ACCESS_KEY_ID,
            "R2_SECRET_ACCESS_KEY": R2_SECRET_ACCESS_KEY,
            "R2_PUBLIC_BASE_URL": self.urls.r2_public_base_url,
            "STORAGE_BUCKET": self.urls.storage_bucket,
            "STORAGE_DOWNLOAD_BASE_URL": self.urls.storage_download_url,
            "ALLOWED_HTTP_HOSTS": ",".join(self.urls.allowed_http_hosts()),
            **self._functions_environment,
        }

    @property
    def _region(self) -> str:
        return self._environ.get("FUNCTIONS_REGION") or DEFAULT_REGION

    def _webhook_url(self) -> str:
        """The stand-in reaches the functions emulator; the real Replicate does not."""
        return f"{self.urls.functions_url}/handle_replicate_webhook" if self._providers.replicate else "off"

    def _start(self, timeout_seconds: float) -> None:
        functions_dir = self.project_root / "functions"
        page = [HOSTING] if self._site else []
        ports = choose_ports((*PORT_NAMES, *SERVER_NAMES, *page), self._preferred_ports)
        with ThreadPoolExecutor(2) as pool:
            self._say(f"reading {functions_dir / 'main.py'}")
            storage = {"STORAGE_BACKEND": STORAGE_BACKEND, **self._functions_environment}  # it decides what is declared
            reading = pool.submit(read_declarations, functions_dir, {**self._environ, **storage})
            finding_java = pool.submit(find_java)
            self._start_servers(ports)
            declarations, java = reading.result(), finding_java.result()
        self._say(f"starting the emulators of {PROJECT_ID} with {len(declarations.functions)} functions")
        self._emulators = Emulators(self._emulator_run(ports, declarations, java))
        self._parts.callback(self._emulators.stop)
        self._emulators.start()
        self._emulators.wait_until_ready(timeout_seconds)
        self._write_settings()

    def _write_settings(self) -> None:
        """Where commands that work on a deployment find this one: ALIAS=local. Keys of real providers stay out."""
        settings = self.functions_settings()
        for name in ("REPLICATE_API_TOKEN", "OPENAI_API_KEY"):
            settings.pop(name, None)
        path = self._build / "stack.env"
        write_dotenv(path, {**settings, "FUNCTIONS_URL": self.urls.functions_url, "RELAY_URL": self.relay.base_url})
        self._parts.callback(path.unlink, missing_ok=True)

    def _start_servers(self, ports: Mapping[str, int]) -> None:
        self.r2 = LocalR2(ports["r2"], R2_BUCKET)
        rules = self.project_root / "storage.rules"
        self.storage = LocalFirebaseStorage(ports["storage"], ports["storage_download"], STORAGE_BUCKET, rules)
        self.relay = EventRelay(f"{LOOPBACK}:{ports['functions']}", port=ports["relay"], policy=self._policy)
        parts: dict[str, Part] = {
            "The object store (R2)": self.r2,
            "Firebase Storage": self.storage,
            "The event relay": self.relay,
            "A stub provider": self._providers.on_ports(ports["replicate"], ports["openai"]),
        }
        for name, part in parts.items():
            try:
                part.start()
            except OSError as error:
                raise StackError(f"{name} could not start, its port is taken: start again ({error}).") from error
            self._parts.callback(part.stop)
        self.urls = self._endpoints(ports)
        secrets = SecretManager(self.functions_settings()).start()
        self._parts.callback(secrets.stop)
        self._secrets_url = secrets.base_url

    def _endpoints(self, ports: Mapping[str, int]) -> Endpoints:
        return Endpoints(
            firestore=f"{LOOPBACK}:{ports['firestore']}",
            auth=f"{LOOPBACK}:{ports['auth']}",
            functions_url=f"http://{LOOPBACK}:{ports['functions']}/{PROJECT_ID}/{self._region}",
            tasks=f"{LOOPBACK}:{ports['tasks']}",
            hub_url=f"http://{LOOPBACK}:{ports['hub']}",
            relay_url=self.relay.base_url,
            r2_url=self.r2.endpoint_url,
            r2_bucket=self.r2.bucket,
            r2_public_base_url=self.r2.public_base_url,
            storage_url=self.storage.base_url,
            storage_bucket=self.storage.bucket,
            storage_download_url=self.storage.download_base_url,
            replicate_url=self._providers.replicate_url,
            openai_url=self._providers.openai_url,
            studio_url=f"http://{LOOPBACK}:{ports[HOSTING]}" if HOSTING in ports else "",
        )

    def _emulator_run(self, ports: Mapping[str, int], declarations: Declarations, java: Path) -> EmulatorRun:
        settings = self.functions_settings()
        dotenv_dir = self._build / "functions-settings"
        values = parameter_values(declarations, self.project_root / "functions", self._environ, settings)
        write_dotenv(dotenv_dir / ".env.local", values)
        shim = write_java_shim(self._build / "bin", java, self.relay.address)
        environment = {**self._environ, **settings, "CLOUD_SECRET_MANAGER_URL": self._secrets_url}
        environment["PATH"] = os.pathsep.join([str(shim.parent), self._environ.get("PATH", os.defpath)])
        if jar := find_firestore_jar(self._environ, self._build / "firestore-launcher.jar"):
            environment[BINARY_PATH] = str(jar)
        else:
            self._say(f"firebase-tools uses its own Firestore emulator, or downloads it. {HOW_TO_GET_ONE}")
        config_path = self.project_root / "firebase.json"
        if not config_path.exists():
            raise StackError(f"{config_path} is missing.")
        config = json.loads(config_path.read_text(encoding="utf-8"))
        hosting = None
        if self._site:
            hosting = local_hosting(config, self.project_root, self._site, self.urls, self._region)
        config_dir = str(dotenv_dir.relative_to(self.project_root))
        return EmulatorRun(
            project_root=self.project_root,
            config=local_config(config, ports, declarations.runtime, config_dir, hosting),
            ports=ports,
            environment=environment,
            declarations=declarations,
            log=self.functions_log,
        )
