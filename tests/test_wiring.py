"""The real things, built from an environment."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import firebase_admin
import pytest

from pipeline.adapters.firebase_storage import FirebaseStorage
from pipeline.adapters.r2_storage import R2Storage
from pipeline.domain.errors import ConfigurationError
from pipeline.wiring import Instance

SETTINGS = {
    "GOOGLE_CLOUD_PROJECT": "demo-words-to-video",
    "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1",
    "CLOUD_TASKS_EMULATOR_HOST": "127.0.0.1:1",
    "REPLICATE_API_TOKEN": "token",
    "R2_ENDPOINT_URL": "http://127.0.0.1:1",
    "R2_BUCKET": "media",
    "R2_ACCESS_KEY_ID": "key",
    "R2_SECRET_ACCESS_KEY": "secret",
    "R2_PUBLIC_BASE_URL": "https://media.example.com",
}


@pytest.fixture
def emulators(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where the SDKs look; nothing is sent in these tests."""
    for name in ("GOOGLE_CLOUD_PROJECT", "FIRESTORE_EMULATOR_HOST", "CLOUD_TASKS_EMULATOR_HOST"):
        monkeypatch.setenv(name, SETTINGS[name])
    yield
    if "pipeline" in firebase_admin._apps:
        firebase_admin.delete_app(firebase_admin.get_app("pipeline"))


@pytest.mark.usefixtures("emulators")
def test_threads_that_come_at_once_share_one_of_everything():
    instance = Instance(SETTINGS)
    with ThreadPoolExecutor(8) as pool:
        built = list(pool.map(lambda _: (instance.desk(), instance.tools()), range(8)))
    assert len({id(desk) for desk, _ in built}) == 1
    assert len({id(tools) for _, tools in built}) == 1


@pytest.mark.usefixtures("emulators")
@pytest.mark.parametrize("name", ["REPLICATE_API_TOKEN", "R2_BUCKET", "R2_SECRET_ACCESS_KEY", "R2_PUBLIC_BASE_URL"])
def test_what_is_missing_is_named_and_jobs_can_still_be_claimed(name: str):
    instance = Instance({key: value for key, value in SETTINGS.items() if key != name})
    assert instance.desk().settings.lease_seconds == 180
    with pytest.raises(ConfigurationError, match=name):
        instance.tools()


@pytest.mark.usefixtures("emulators")
def test_a_wrong_setting_is_named_when_the_work_begins():
    instance = Instance({**SETTINGS, "MAX_PARALLEL_SCENES": "many"})
    assert instance.desk().settings.max_parallel_scenes == 10
    with pytest.raises(ConfigurationError, match="MAX_PARALLEL_SCENES"):
        instance.tools()


@pytest.mark.usefixtures("emulators")
def test_the_storage_is_the_one_that_was_chosen():
    assert isinstance(Instance(SETTINGS).tools().storage, R2Storage)
    firebase = {**SETTINGS, "STORAGE_BACKEND": "firebase", "STORAGE_BUCKET": "demo.appspot.com"}
    assert isinstance(Instance(firebase).tools().storage, FirebaseStorage)
