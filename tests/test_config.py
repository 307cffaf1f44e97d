import re
from pathlib import Path

import pytest

from pipeline.config import (
    openai_secrets,
    read_openai_key,
    read_replicate,
    read_settings,
    read_storage,
    storage_secrets,
)
from pipeline.domain.errors import ConfigurationError

R2 = {
    "R2_ENDPOINT_URL": "https://account.r2.cloudflarestorage.com",
    "R2_BUCKET": "media",
    "R2_ACCESS_KEY_ID": "key",
    "R2_SECRET_ACCESS_KEY": "secret",
    "R2_PUBLIC_BASE_URL": "https://media.example.com/",
}
ROOT = Path(__file__).parent.parent


def test_nothing_set_gives_the_defaults():
    settings = read_settings({})
    assert settings.region == "us-central1"
    assert settings.image_model == "black-forest-labs/flux-schnell"
    assert settings.allowed_http_hosts == frozenset()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("MAX_PARALLEL_SCENES", "many", "must be a number"),
        ("MAX_PARALLEL_SCENES", "0", "between 1 and 50"),
        ("MAX_PARALLEL_SCENES", "2.5", "whole number"),
        ("POLL_FIRST_SECONDS", "nan", "between"),
        ("LEASE_SECONDS", "-1", "between"),
        ("IMAGE_MODEL", "x", "must be one of"),
        ("VIDEO_RESOLUTION", "4k", "must be one of"),
    ],
)
def test_a_wrong_setting_is_named(name, value, words):
    with pytest.raises(ConfigurationError, match=f"{name} is .*{words}"):
        read_settings({name: value})


@pytest.mark.parametrize("name", R2)
def test_a_missing_storage_setting_is_named(name):
    with pytest.raises(ConfigurationError, match=f"{name} is not set"):
        read_storage({key: value for key, value in R2.items() if key != name})


def test_a_missing_secret_tells_how_to_set_it():
    with pytest.raises(ConfigurationError, match=r"REPLICATE_API_TOKEN is not set.*functions:secrets:set"):
        read_replicate({"REPLICATE_API_TOKEN": "  "})


def test_r2_urls_have_one_slash():
    assert read_storage(R2).r2_public_base_url == "https://media.example.com"


def test_firebase_storage_needs_no_r2_keys():
    environment = {"STORAGE_BACKEND": "firebase", "STORAGE_BUCKET": "demo.appspot.com"}
    assert read_storage(environment).backend == "firebase"
    assert storage_secrets(environment) == []
    assert storage_secrets({}) == ["R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"]


def test_every_setting_is_documented():
    source = (ROOT / "functions/pipeline/config.py").read_text()
    names = set(re.findall(r'"([A-Z][A-Z0-9_]{4,})"', source))
    assert len(names) > 20
    documented = (ROOT / "functions/.env.example").read_text() + (ROOT / "functions/.secret.local.example").read_text()
    readme = (ROOT / "README.md").read_text()
    assert {name for name in names if name not in documented} == set()
    assert {name for name in names if f"`{name}`" not in readme} == set()


def test_origins_are_a_list_or_all():
    assert read_settings({}).cors_origins == frozenset()
    assert read_settings({"CORS_ORIGINS": "*"}).cors_origins == {"*"}
    both = {"CORS_ORIGINS": "https://app.example.com, http://localhost:5173,http://[::1]:5173"}
    assert read_settings(both).cors_origins == {
        "https://app.example.com",
        "http://localhost:5173",
        "http://[::1]:5173",
    }


@pytest.mark.parametrize("origin", ["app.example.com", "https://app.example.com/", "https://*.example.com", "null"])
def test_what_browsers_never_send_is_no_origin(origin: str):
    with pytest.raises(ConfigurationError, match="CORS_ORIGINS"):
        read_settings({"CORS_ORIGINS": f"https://a.example,{origin}"})


@pytest.mark.parametrize(
    ("settings", "bound"),
    [
        ({}, []),
        ({"PROMPT_WRITER": "openai"}, ["OPENAI_API_KEY"]),
        ({"MODERATION": "on"}, ["OPENAI_API_KEY"]),
        ({"MODERATION": "required", "PROMPT_WRITER": "template"}, ["OPENAI_API_KEY"]),
    ],
)
def test_openais_key_is_bound_and_read_only_where_it_is_used(settings: dict[str, str], bound: list[str]):
    assert openai_secrets(settings) == bound
    assert read_openai_key({**settings, "OPENAI_API_KEY": " sk-1 "}) == ("sk-1" if bound else "")
    assert read_openai_key(settings) == ""


@pytest.mark.parametrize(("name", "field"), [("APP_CHECK", "app_check"), ("API_CHECK_REVOKED", "api_check_revoked")])
def test_the_apis_stricter_checks_are_off_until_they_are_switched_on(name: str, field: str):
    assert [getattr(read_settings(given), field) for given in ({}, {name: "off"}, {name: "on"})] == [False, False, True]
    with pytest.raises(ConfigurationError, match=name):
        read_settings({name: "true"})


@pytest.mark.parametrize(
    ("settings", "method"),
    [
        ({}, "pil"),
        ({"COMPOSITE_METHOD": "kontext"}, "kontext"),
        ({"USE_KONTEXT_COMPOSITE": "true"}, "kontext"),
        ({"USE_KONTEXT_COMPOSITE": "true", "COMPOSITE_METHOD": "pil"}, "kontext"),
        ({"USE_KONTEXT_COMPOSITE": "false", "COMPOSITE_METHOD": "pil"}, "pil"),
    ],
)
def test_either_setting_turns_kontext_on(settings: dict[str, str], method: str):
    assert read_settings(settings).composite_method == method
