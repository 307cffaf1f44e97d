"""Where everything of a running stack answers, and the environment that makes SDKs use it."""

from dataclasses import dataclass

from localdev.stack.emulators import PROJECT_ID


@dataclass(frozen=True)
class Endpoints:
    """Addresses are host:port, URLs begin with http://. The URL of a real service is "": its SDK knows it."""

    firestore: str
    auth: str
    functions_url: str
    """https functions are at <functions_url>/<name>."""
    tasks: str
    hub_url: str
    relay_url: str
    r2_url: str
    r2_bucket: str
    r2_public_base_url: str
    storage_url: str
    storage_bucket: str
    storage_download_url: str
    replicate_url: str
    openai_url: str
    studio_url: str = ""
    """The page; "" where none is served."""

    def client_environment(self) -> dict[str, str]:
        """What a client's SDKs (Firestore, Auth, Cloud Tasks, Cloud Storage) read to find the emulators."""
        return {
            "GOOGLE_CLOUD_PROJECT": PROJECT_ID,
            "GCLOUD_PROJECT": PROJECT_ID,
            "FIRESTORE_EMULATOR_HOST": self.firestore,
            "FIREBASE_AUTH_EMULATOR_HOST": self.auth,
            "CLOUD_TASKS_EMULATOR_HOST": self.tasks,
            "STORAGE_EMULATOR_HOST": self.storage_url,
        }

    def allowed_http_hosts(self) -> tuple[str, ...]:
        """host:port of the local servers that job documents may name."""
        local = (self.r2_url, self.storage_download_url, self.replicate_url, self.openai_url)
        return tuple(url.removeprefix("http://") for url in local if url.startswith("http://127.0.0.1:"))
