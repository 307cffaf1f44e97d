"""What OpenAI refuses with 400, so that a request which passes here is one that it would take.

Source: https://platform.openai.com/docs/guides/structured-outputs, .../api-reference/responses, .../moderations
"""

import base64
import binascii
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

from PIL import Image

RESPONSE_PARAMETERS = frozenset(
    (
        "background",
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "metadata",
        "model",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt_cache_key",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_p",
        "truncation",
        "user",
    )
)
MODERATION_MODELS = frozenset({"omni-moderation-latest", "omni-moderation-2024-09-26"})
DATA_URI = re.compile(r"data:image/(png|jpeg|webp|gif);base64,(.+)", re.DOTALL)
FORMAT_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
LEAST_OUTPUT_TOKENS = 16


class Refused(Exception):
    """A request that is wrong; `parameter` is the part of it, `code` what OpenAI calls the fault."""

    def __init__(self, parameter: str, message: str, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.parameter = parameter
        self.code = code


def check_response(request: Mapping[str, Any]) -> None:
    """Raises Refused where the Responses API would."""
    for name in ("model", "input"):
        if not request.get(name):
            raise Refused(name, f"Missing required parameter: '{name}'.", "missing_required_parameter")
    for name in request.keys() - RESPONSE_PARAMETERS:
        raise Refused(name, f"Unknown parameter: '{name}'.", "unknown_parameter")
    if "reasoning" in request and str(request["model"]).startswith("gpt-4"):
        message = "Unsupported parameter: 'reasoning.effort' is not supported with this model."
        raise Refused("reasoning.effort", message, "unsupported_parameter")
    if request.get("max_output_tokens", LEAST_OUTPUT_TOKENS) < LEAST_OUTPUT_TOKENS:
        raise Refused("max_output_tokens", "Expected a value >= 16.", "integer_below_min_value")
    form = request.get("text", {}).get("format", {"type": "text"})
    if form.get("type") == "json_schema":
        _check_format(form)
    elif form.get("type") not in ("text", "json_object"):
        raise Refused("text.format.type", f"Invalid value: '{form.get('type')}'.")


def check_moderation(request: Mapping[str, Any]) -> None:
    """Raises Refused where the moderations API would."""
    if request.get("model", "omni-moderation-latest") not in MODERATION_MODELS:
        raise Refused("model", f"The model '{request.get('model')}' does not exist.", "model_not_found")
    if not request.get("input"):
        raise Refused("input", "Missing required parameter: 'input'.", "missing_required_parameter")
    for name in request.keys() - {"model", "input"}:
        raise Refused(name, f"Unknown parameter: '{name}'.", "unknown_parameter")
    parts = request["input"] if isinstance(request["input"], list) else [request["input"]]
    if len({isinstance(part, str) for part in parts}) > 1:
        raise Refused("input", "Invalid type for 'input': all elements must be of one type.", "invalid_type")
    for number, part in enumerate(parts):
        _check_part(part, f"input[{number}]")
    if sum(isinstance(part, dict) and part["type"] == "image_url" for part in parts) > 1:
        raise Refused("input", "Too many images: at most 1 image is supported.", "too_many_images")


def pictures_of(parts: Iterable[Any]) -> list[Image.Image]:
    """The pictures that came along; those behind an address are not fetched."""
    urls = [part["image_url"]["url"] for part in parts if isinstance(part, dict) and part["type"] == "image_url"]
    return [_decoded(url) for url in urls if url.startswith("data:")]


def _check_part(part: Any, where: str) -> None:
    match part:
        case str(text) | {"type": "text", "text": str(text)} if text:
            return
        case {"type": "image_url", "image_url": {"url": str(url)}} if url.startswith("https://"):
            return
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            _decoded(url)
            return
    raise Refused(where, f"Invalid value for '{where}'.")


def _decoded(url: str) -> Image.Image:
    found = DATA_URI.fullmatch(url)
    if not found:
        raise Refused("input", "Invalid image_url: expected an https URL or a base64 data URI.", "invalid_image_url")
    try:
        picture = Image.open(io.BytesIO(base64.b64decode(found.group(2), validate=True)))
        picture.load()
    except (binascii.Error, OSError) as error:
        raise Refused("input", "The image could not be read.", "invalid_image") from error
    if (picture.format or "").lower() != found.group(1):
        raise Refused("input", "The image is not of the type that its URL says.", "invalid_image_format")
    return picture


def _check_format(form: Mapping[str, Any]) -> None:
    name = form.get("name")
    if not isinstance(name, str) or not FORMAT_NAME.fullmatch(name):
        raise Refused("text.format.name", "Missing required parameter: 'text.format.name'.")
    if form.get("strict") is not True:
        raise Refused("text.format.strict", "This stand-in takes strict schemas only.")
    if form.get("schema", {}).get("type") != "object":
        raise Refused("text.format.schema", f"Invalid schema for '{name}': must be of type 'object'.", _SCHEMA)
    _check_schema(form["schema"], name, ())


def _check_schema(schema: Any, name: str, where: tuple[str, ...]) -> None:
    """Each object closed, each of its fields required."""
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties", {})
    if schema.get("type") == "object":
        start = f"Invalid schema for response_format '{name}': In context={where}, "
        if schema.get("additionalProperties") is not False:
            message = "'additionalProperties' is required to be supplied and to be false."
            raise Refused("text.format.schema", start + message, _SCHEMA)
        if set(schema.get("required", ())) != set(properties):
            message = "'required' is required to be an array including every key in properties."
            raise Refused("text.format.schema", start + message, _SCHEMA)
    for key, value in properties.items():
        _check_schema(value, name, (*where, "properties", key))
    for key, value in schema.get("$defs", {}).items():
        _check_schema(value, name, (*where, "$defs", key))
    if "items" in schema:
        _check_schema(schema["items"], name, (*where, "items"))


_SCHEMA = "invalid_json_schema"
