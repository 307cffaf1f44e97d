from pipeline.domain.prompts import prompt_sha256, scene_title


def test_a_title_is_cut_at_a_word():
    assert scene_title("short") == "short"
    title = scene_title("one two three four five six seven eight nine ten eleven twelve thirteen")
    assert title.endswith("…")
    assert len(title) <= 61
    assert scene_title("x" * 200).startswith("xxx")


def test_the_hash_is_that_of_the_text_in_utf_8():
    assert prompt_sha256("灯台") == "f2df7bb7d9c5ca86963b1fb47efbc6162fe71f6ce69f3fccc9de1b8ee3e431a4"
    assert prompt_sha256("A lighthouse") != prompt_sha256("a lighthouse")
