import pytest

from pipeline.domain.prompts import image_prompt, motion_prompt, prompt_sha256, scene_title


def test_the_image_prompt_holds_text_and_style():
    prompt = image_prompt("A lighthouse at dusk.", "watercolour", 9 / 16)
    assert prompt.startswith("A lighthouse at dusk. watercolour")


def test_an_empty_style_leaves_no_gap():
    assert "  " not in image_prompt("A lighthouse", "", 1.0)


@pytest.mark.parametrize(("shape", "word"), [(9 / 16, "Vertical"), (1.0, "Square"), (16 / 9, "Horizontal")])
def test_the_image_prompt_names_the_shape_of_the_picture(shape: float, word: str):
    assert f"{word} composition" in image_prompt("A lighthouse", "", shape)


def test_a_camera_that_is_fixed_is_not_told_to_move():
    assert "camera movement" in motion_prompt("A lighthouse", camera_fixed=False)
    assert "camera movement" not in motion_prompt("A lighthouse", camera_fixed=True)


def test_the_motion_prompt_starts_with_the_text():
    assert motion_prompt("A lighthouse at dusk.", camera_fixed=False).startswith("A lighthouse at dusk. ")


def test_a_title_is_cut_at_a_word():
    assert scene_title("short") == "short"
    title = scene_title("one two three four five six seven eight nine ten eleven twelve thirteen")
    assert title.endswith("…")
    assert len(title) <= 61
    assert scene_title("x" * 200).startswith("xxx")


def test_the_hash_is_that_of_the_text_in_utf_8():
    assert prompt_sha256("灯台") == "f2df7bb7d9c5ca86963b1fb47efbc6162fe71f6ce69f3fccc9de1b8ee3e431a4"
    assert prompt_sha256("A lighthouse") != prompt_sha256("a lighthouse")
