"""What a Kontext model is told when it puts a product into a scene.

An editing model does what it is told to and a little more, so that most of these words say what must stay as it is: the
product is for sale. Source: https://docs.bfl.ai/guides/prompting_guide_kontext_i2i (name the thing, not "it"; say what
is kept; it reads no more than 512 tokens).
"""

_LONGEST_SCENE, _LONGEST_NAME = 500, 80
"""In letters, so that the instruction in front of the scene's words is never what is cut off."""

_KEPT = (
    "Keep {product} exactly as it is: the same shape, proportions, materials and colours, and the same label, "
    "lettering and logo, every letter unchanged."
)
_BLENDED = (
    "Match the light on {product} to the scene in direction, warmth and brightness, match perspective and sharpness, "
    "and add a soft contact shadow where {product} stands."
)
_NOTHING_ELSE = (
    "Change nothing else: the background, everybody and everything in it, the framing and the style stay the same. "
    "Add no text and no other objects."
)
_ONE_PICTURE = (
    "{Product} has been pasted into this picture. Make the picture look like one natural photograph, "
    "with {product} in the same place and at the same size."
)
_TWO_PICTURES = (
    "The first picture is a scene, the second picture shows {product}. Put {product} from the second picture into the "
    "scene of the first picture, once, in the foreground, standing on the ground or on a surface that is there, "
    "at a believable size. Leave out the background of the second picture, and keep the shape of the first."
)


def blend_prompt(scene_text: str, product_name: str, pictures: int) -> str:
    """The prompt for a model that is given so many pictures: one, a composite that was made already; or two, the scene
    and then the product. Raises ValueError for any other number."""
    if pictures not in (1, 2):
        raise ValueError(f"there is no prompt for {pictures} pictures")
    task = _ONE_PICTURE if pictures == 1 else _TWO_PICTURES
    name = _shortened(product_name, _LONGEST_NAME)
    named = {"product": f'the product "{name}"', "Product": f'The product "{name}"'} if name else {}
    named = named or {"product": "the product", "Product": "The product"}
    told = [part.format(**named) for part in (task, _KEPT, _BLENDED, _NOTHING_ELSE)]
    scene = _shortened(scene_text, _LONGEST_SCENE)
    return " ".join([*told, f"The scene: {scene}"] if scene else told)


def _shortened(text: str, limit: int) -> str:
    """On one line, whole words where it has any; quotation marks would end the product's name."""
    line = " ".join(text.replace('"', "'").split())
    if len(line) <= limit:
        return line
    cut = line[:limit]
    return cut.rpartition(" ")[0] or cut
