import pytest

from pipeline.domain.blend_prompts import blend_prompt


@pytest.mark.parametrize("pictures", [1, 2])
def test_the_product_stays_as_it_is_and_so_does_the_scene(pictures: int):
    prompt = blend_prompt("A beach at dusk.", "Acme Cola", pictures)
    assert 'Keep the product "Acme Cola" exactly as it is' in prompt
    for kept in ("shape", "label", "colours", "perspective", "contact shadow", "Change nothing else"):
        assert kept in prompt
    assert prompt.endswith("The scene: A beach at dusk.")


def test_a_composite_keeps_the_products_place_and_two_pictures_are_told_apart():
    one, two = (blend_prompt("A beach", "Acme Cola", pictures) for pictures in (1, 2))
    assert "same place and at the same size" in one
    assert "second picture" not in one
    assert "The first picture is a scene, the second picture shows the product" in two
    assert "Leave out the background of the second picture" in two


def test_no_other_number_of_pictures_is_known():
    with pytest.raises(ValueError, match="3 pictures"):
        blend_prompt("A beach", "Acme Cola", 3)


def test_a_product_without_a_name_is_the_product():
    prompt = blend_prompt("", "  ", 1)
    assert prompt.startswith("The product has been pasted into this picture.")
    assert '"' not in prompt
    assert "The scene:" not in prompt


def test_long_words_do_not_push_the_instruction_out():
    prompt = blend_prompt("word " * 4000, "name " * 400, 2)
    assert len(prompt) < 2000
    assert prompt.endswith(" word")
    assert "Change nothing else" in prompt


def test_braces_and_quotation_marks_of_users_are_only_letters():
    prompt = blend_prompt("A {scene}\nin {0}", 'The "{product}"', 1)
    assert prompt.startswith("The product \"The '{product}'\" has been pasted")
    assert prompt.endswith("The scene: A {scene} in {0}")


def test_the_words_of_the_scene_reach_the_model_as_they_are():
    assert blend_prompt("A beach [stub:kontext-fail]", "Mug", 1).endswith("A beach [stub:kontext-fail]")
