from dataclasses import fields

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.domain.scene_words import (
    MAX_OTHER_SCENES,
    MAX_OTHER_TEXT,
    Scene,
    SceneWords,
    Story,
    shortened,
    template_words,
)

WRITTEN = SceneWords(
    image_prompt="A white lighthouse on black rocks, low sun",
    motion="Waves break; gulls turn.",
    camera="The camera climbs slowly",
    title="Dusk",
    description="The day ends.",
    source="openai",
)
SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？")  # noqa: RUF001

anything = st.text(max_size=200) | st.text(" .,;:!?…\n\t-", max_size=20)


class TestTemplate:
    def test_the_words_are_those_of_the_user(self):
        words = template_words(Scene("A lighthouse at dusk.", "watercolour"))
        assert words == SceneWords(
            image_prompt="A lighthouse at dusk. watercolour. One clear subject, cinematic light.",
            motion="A lighthouse at dusk. Natural motion.",
            camera="Slow, smooth camera movement",
            title="A lighthouse at dusk.",
            description="A lighthouse at dusk.",
            source="template",
        )

    @given(anything, anything)
    @example("...", "...")
    @example("", "")
    @example("\x1f", " ")
    def test_nothing_is_empty_whatever_the_text(self, text: str, style: str):
        words = template_words(Scene(text, style))
        for field in fields(words):
            assert getattr(words, field.name).strip(), field.name

    @given(anything, anything, st.floats(0.1, 10), st.booleans())
    def test_prompts_are_sentences_whatever_the_text(self, text: str, style: str, shape: float, camera_fixed: bool):
        words = template_words(Scene(text, style))
        for prompt in (words.for_picture(shape), words.for_clip(camera_fixed=camera_fixed)):
            assert prompt.endswith(SENTENCE_ENDS)
            assert prompt == " ".join(prompt.split())

    @given(
        st.text(min_size=1, max_size=100).filter(lambda text: text.strip(" .,;:") and text == " ".join(text.split()))
    )
    def test_the_users_words_come_first_and_whole(self, text: str):
        words = template_words(Scene(text, "noir"))
        assert words.image_prompt.startswith(text.rstrip(" .,;:"))
        assert words.motion.startswith(text.rstrip(" .,;:"))
        assert words.description == text

    def test_a_text_of_dots_leaves_no_empty_sentence(self):
        words = template_words(Scene("...", " . "))
        assert words.image_prompt == "One clear subject, cinematic light."
        assert words.motion == "Natural motion."
        assert (words.title, words.description) == ("...", "...")

    def test_a_text_without_a_letter_has_a_title(self):
        words = template_words(Scene(" \n", ""))
        assert words.title == words.description == "Untitled scene"

    def test_the_look_of_a_story_is_for_writers(self):
        assert template_words(Scene("A dog", "noir", "Teal shadows.")) == template_words(Scene("A dog", "noir"))


class TestSentences:
    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("A dog", "A dog."),
            ("A dog. ", "A dog."),
            ("A dog...", "A dog."),
            ("A dog.\n\nA cat.\n", "A dog. A cat."),
            ("A dog,", "A dog."),
            ("Look:", "Look."),
            ("Run!", "Run!"),
            ("Run!.", "Run!"),
            ("Where to?", "Where to?"),
            ("And then…", "And then…"),
            ("灯台が光る。", "灯台が光る。"),
            ("走れ！", "走れ！"),  # noqa: RUF001
        ],
    )
    def test_each_part_ends_once(self, text: str, sentence: str):
        assert template_words(Scene(text)).motion == f"{sentence} Natural motion."


class TestPicture:
    @pytest.mark.parametrize(
        ("shape", "word"),
        [
            (9 / 16, "Vertical"),
            (0.95, "Vertical"),
            (0.96, "Square"),
            (1.0, "Square"),
            (1.04, "Square"),
            (1.05, "Horizontal"),
            (16 / 9, "Horizontal"),
        ],
    )
    def test_the_prompt_names_the_shape(self, shape: float, word: str):
        assert WRITTEN.for_picture(shape) == (
            f"A white lighthouse on black rocks, low sun. {word} composition, no text, no watermark."
        )

    def test_an_empty_style_leaves_no_gap(self):
        assert "  " not in template_words(Scene("A lighthouse")).for_picture(1.0)


class TestClip:
    def test_the_camera_moves_as_it_is_written(self):
        assert WRITTEN.for_clip(camera_fixed=False) == (
            "Waves break; gulls turn. The camera climbs slowly. Nothing appears or disappears."
        )

    def test_a_camera_that_is_fixed_is_not_told_to_move(self):
        assert WRITTEN.for_clip(camera_fixed=True) == (
            "Waves break; gulls turn. The camera stands still. Nothing appears or disappears."
        )
        assert "camera movement" not in template_words(Scene("A dog")).for_clip(camera_fixed=True)


class TestFingerprints:
    SCENE = Scene("A lighthouse", "watercolour", "Teal shadows.")

    @pytest.mark.parametrize(
        "other",
        [
            Scene("A lighthouse.", "watercolour", "Teal shadows."),
            Scene("A lighthouse", "oil", "Teal shadows."),
            Scene("A lighthouse", "watercolour", ""),
            Scene("watercolour", "A lighthouse", "Teal shadows."),
        ],
    )
    def test_every_part_of_a_scene_counts(self, other: Scene):
        assert other.fingerprint("template") != self.SCENE.fingerprint("template")

    def test_who_writes_counts(self):
        assert self.SCENE.fingerprint("gpt-5") != self.SCENE.fingerprint("gpt-5-mini")

    def test_a_look_is_for_a_title_and_a_style_whatever_the_scenes(self):
        story = Story("Harbour", "watercolour", ("one",))
        assert story.fingerprint == Story("Harbour", "watercolour", ("one", "two")).fingerprint
        assert story.fingerprint != Story("Harbor", "watercolour", ("one",)).fingerprint
        assert story.fingerprint != Story("Harbour", "oil", ("one",)).fingerprint
        assert story.fingerprint != Story("watercolour", "Harbour", ("one",)).fingerprint

    @pytest.mark.parametrize("separator", ["\x1f", "\x00", "|", '", "', "\n", "\\"])
    def test_where_one_part_ends_and_the_next_begins_counts(self, separator: str):
        one, other = Scene(f"a{separator}b", "c"), Scene("a", f"b{separator}c")
        assert one.fingerprint("template") != other.fingerprint("template")
        assert Story(f"a{separator}b", "c").fingerprint != Story("a", f"b{separator}c").fingerprint

    pieces = st.text('ab\x1f\x00"\\,', max_size=4)

    @given(st.tuples(pieces, pieces, pieces, pieces), st.tuples(pieces, pieces, pieces, pieces))
    def test_only_the_same_scene_has_the_same_fingerprint(self, one: tuple, other: tuple):
        same = Scene(*one[:3]).fingerprint(one[3]) == Scene(*other[:3]).fingerprint(other[3])
        assert same == (one == other)

    def test_letters_that_no_encoding_has_are_no_failure(self):
        assert Scene("\ud800").fingerprint("template") != Scene("\ud801").fingerprint("template")


class TestShortened:
    @given(st.lists(st.text(max_size=400), max_size=60))
    def test_there_are_not_more_and_not_longer_ones_than_are_needed(self, texts: list[str]):
        told = shortened(texts)
        assert len(told) <= MAX_OTHER_SCENES
        assert all(0 < len(text) <= MAX_OTHER_TEXT and text == text.strip() for text in told)

    def test_short_ones_stay_as_they_are_and_in_their_order(self):
        assert shortened([" one ", "", "two\n", "  ", "three"]) == ("one", "two", "three")

    def test_long_ones_keep_their_beginning(self):
        assert shortened(["x" * 299 + " yes"]) == ("x" * 299,)
        assert shortened(["é" * 1000]) == ("é" * MAX_OTHER_TEXT,)

    def test_empty_ones_take_no_place(self):
        assert shortened(["", " "] * 50 + ["last"]) == ("last",)
        assert shortened([str(number) for number in range(60)]) == tuple(str(number) for number in range(50))

    def test_of_no_scenes_nothing_is_told(self):
        assert shortened([]) == ()
