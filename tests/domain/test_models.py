import pytest

from pipeline.domain.errors import ConfigurationError
from pipeline.domain.models import IMAGE_MODELS, VIDEO_MODELS, image_model, video_model


@pytest.mark.parametrize(
    ("wanted", "allowed"), [(0.5, 2), (2.0, 2), (4.4, 4), (5.0, 5), (7.6, 8), (12.0, 12), (60.0, 12)]
)
def test_a_duration_becomes_the_nearest_allowed_one(wanted, allowed):
    assert video_model("bytedance/seedance-1-lite").duration_seconds(wanted) == allowed


def test_prices_follow_seconds_and_resolution():
    model = video_model("bytedance/seedance-1-lite")
    assert model.cost_usd(5, "480p") == 0.09
    assert model.cost_usd(5, "1080p") == 0.36


def test_an_unknown_model_is_named_with_the_known_ones():
    with pytest.raises(ConfigurationError, match=r"IMAGE_MODEL is 'x'.*flux-schnell"):
        image_model("x")
    with pytest.raises(ConfigurationError, match=r"VIDEO_MODEL is 'x'.*seedance-1-lite"):
        video_model("x")


def test_an_unknown_resolution_is_refused():
    with pytest.raises(ConfigurationError, match="VIDEO_RESOLUTION is '4k'"):
        video_model("bytedance/seedance-1-pro").build_input("x", "https://example.com/a.png", 5, "4k")


@pytest.mark.parametrize("name", IMAGE_MODELS)
def test_every_image_model_is_asked_for_an_upright_picture(name):
    model_input = image_model(name).build_input("a lighthouse")
    upright = model_input["aspect_ratio"] == "9:16" or model_input["height"] > model_input["width"]
    assert upright
    assert model_input["prompt"] == "a lighthouse"


@pytest.mark.parametrize("name", VIDEO_MODELS)
def test_every_video_model_starts_from_the_picture(name):
    model_input = video_model(name).build_input("zoom in", "https://example.com/a.png", 5, "720p")
    assert model_input["image"] == "https://example.com/a.png"
    assert model_input["duration"] == 5
