import pytest

from pipeline.domain.errors import ConfigurationError
from pipeline.domain.models import IMAGE_MODELS, EdgeRange, blend_model, image_model, video_model


def test_prices_follow_seconds_and_resolution():
    model = video_model("bytedance/seedance-1-lite")
    assert model.cost_usd(5, "480p") == 0.09
    assert model.cost_usd(5, "1080p") == 0.36


def test_an_unknown_model_is_named_with_the_known_ones():
    with pytest.raises(ConfigurationError, match=r"IMAGE_MODEL is 'x'.*flux-schnell"):
        image_model("x")
    with pytest.raises(ConfigurationError, match=r"VIDEO_MODEL is 'x'.*seedance-1-lite"):
        video_model("x")
    with pytest.raises(ConfigurationError, match=r"KONTEXT_MODEL is 'x'.*flux-kontext-pro"):
        blend_model("x")


def test_the_limits_of_edges_are_multiples_of_their_step():
    ranges = [model.shapes for model in IMAGE_MODELS.values() if isinstance(model.shapes, EdgeRange)]
    assert ranges == [EdgeRange(256, 1440, 32)]
    assert [(one.smallest % one.step, one.largest % one.step) for one in ranges] == [(0, 0)]
