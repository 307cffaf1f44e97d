import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.content_keys import content_key

INPUT = {"prompt": "A lighthouse at dusk.", "aspect_ratio": "9:16", "seed": 7, "go_fast": True}
KEY = content_key("image", "flux-schnell", INPUT, product="ab12", composite={"x": 0.5, "scale": 0.3})

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
inputs = st.dictionaries(st.text(), values, max_size=6)


def test_the_key_is_that_of_every_deployment():
    """Another one than yesterday's would make everything anew: whoever means that changes VERSION."""
    assert KEY == "0a3cff2372923d916eeed10d92b1898269ab378969e39da75ef362390a55278e"


@pytest.mark.parametrize(
    "other",
    [
        content_key("video", "flux-schnell", INPUT, product="ab12", composite={"x": 0.5, "scale": 0.3}),
        content_key("image", "flux-dev", INPUT, product="ab12", composite={"x": 0.5, "scale": 0.3}),
        content_key("image", "flux-schnell", INPUT, product="ab13", composite={"x": 0.5, "scale": 0.3}),
        content_key("image", "flux-schnell", INPUT, product="ab12", composite={"x": 0.5, "scale": 0.31}),
        content_key("image", "flux-schnell", INPUT, product="ab12"),
        content_key("image", "flux-schnell", INPUT, product="ab12", composite={"x": 0.5, "scale": 0.3}, more=None),
        content_key("image", "flux-schnell", {**INPUT, "product": "ab12"}, composite={"x": 0.5, "scale": 0.3}),
        *(
            content_key("image", "flux-schnell", changed, product="ab12", composite={"x": 0.5, "scale": 0.3})
            for changed in (
                {**INPUT, "prompt": "A lighthouse at dusk"},
                {**INPUT, "seed": 8},
                {**INPUT, "seed": "7"},
                {**INPUT, "seed": None},
                {**INPUT, "go_fast": 1},
                {**INPUT, "num_outputs": 1},
                {name: value for name, value in INPUT.items() if name != "seed"},
            )
        ),
    ],
)
def test_every_part_changes_the_key(other: str):
    assert other != KEY


@given(inputs, inputs, st.randoms())
def test_the_order_of_fields_does_not_matter(model_input: dict, made_with: dict, random):
    def shuffled(value: Any) -> Any:
        if isinstance(value, list):
            return [shuffled(part) for part in value]
        if not isinstance(value, dict):
            return value
        fields = [(name, shuffled(part)) for name, part in value.items()]
        random.shuffle(fields)
        return dict(fields)

    before = content_key("image", "m", model_input, **made_with)
    assert content_key("image", "m", shuffled(model_input), **shuffled(made_with)) == before


def test_the_order_of_a_list_matters():
    assert content_key("image", "m", {"images": ["a", "b"]}) != content_key("image", "m", {"images": ["b", "a"]})


def test_lists_and_tuples_are_the_same():
    assert content_key("image", "m", {"images": ["a"]}) == content_key("image", "m", {"images": ("a",)})


@given(inputs, inputs)
def test_two_inputs_have_one_key_only_if_they_are_equal(one: dict, other: dict):
    keys_are_equal = content_key("image", "m", one) == content_key("image", "m", other)
    assert keys_are_equal == (written(one) == written(other))


@given(st.text(), st.text(), st.text(), st.text())
def test_kind_and_model_do_not_run_into_each_other(kind: str, model: str, other_kind: str, other_model: str):
    same = content_key(kind, model, {}) == content_key(other_kind, other_model, {})
    assert same == ((kind, model) == (other_kind, other_model))


@pytest.mark.parametrize(
    ("whole", "as_float"),
    [
        ({"duration": 5}, {"duration": 5.0}),
        ({"zero": 0}, {"zero": -0.0}),
        ({"deep": {"sizes": [1, (2,)]}}, {"deep": {"sizes": [1.0, (2.0,)]}}),
    ],
)
def test_a_whole_number_is_the_same_as_a_float(whole: dict, as_float: dict):
    assert content_key("video", "m", whole) == content_key("video", "m", as_float)
    assert content_key("video", "m", {}, **whole) == content_key("video", "m", {}, **as_float)


def test_a_number_is_neither_a_word_nor_a_truth():
    keys = {content_key("video", "m", {"value": value}) for value in (1, 1.5, "1", True, None, [1], {"1": 1})}
    assert len(keys) == 7


@pytest.mark.parametrize("name", ["version", "input", "made_with"])
def test_what_it_was_made_with_may_have_any_name(name: str):
    plain = content_key("image", "m", {"seed": 1})
    named = content_key("image", "m", {"seed": 1}, **{name: 1})
    assert named != plain
    assert content_key("image", "m", {"seed": 2}, **{name: 1}) != named


def test_words_in_all_scripts_count_letter_by_letter():
    texts = ["灯台", "灯塔", "Zoë", "Zoe\u0308", "Zoe", "🌊", "\ud83c", "\x00", ""]
    assert len({content_key("image", "m", {"prompt": text}) for text in texts}) == len(texts)


def test_what_has_no_one_way_to_be_written_is_refused():
    with pytest.raises(TypeError):
        content_key("image", "m", {"picture": object()})


@given(inputs)
def test_a_key_can_be_the_name_of_a_document(model_input: dict):
    key = content_key("image", "m", model_input)
    assert len(key) == 64
    assert set(key) <= set("0123456789abcdef")


def written(value: Any) -> str:
    """A value so that equal ones look the same, and 1, True and "1" do not."""
    match value:
        case dict():
            return json.dumps(sorted((name, written(part)) for name, part in value.items()))
        case list():
            return json.dumps([written(part) for part in value])
        case float() if value.is_integer():
            return repr(int(value))
    return repr(value)
