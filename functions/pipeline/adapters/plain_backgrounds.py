"""What of a product's photo is plain background: white, or any nearly uniform colour (Pillow).

corner colours ──> background ──> flood from the frame ──> + soft shadow ──> + JPEG ringing ──> + holes ──> mask

The tolerance comes from the background's own noise, so that clean white is told from a white product by a few
levels. Whatever is doubtful counts as product: a rest of background is seen less than a product with a hole in it.
"""

from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter, ImageStat

from pipeline.adapters.mask_regions import Region, mask_of, regions_of

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of a picture."""
Rgb = tuple[int, int, int]

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
_SMALLEST_EDGE = 16
"""In pixels; there is nothing to tell apart in less."""
_CORNER = 0.05
"""The share of each edge that a corner's colour is taken from."""
_LARGEST_CORNER_NOISE = 14
_LARGEST_SLOPE = 40
"""How far a corner may be from the middle of the four: a vignette, not two rooms."""
_LEAST_FRAME_SHARE = 0.6
"""Of the picture's frame, this much must be background: a product may be cut by the picture's edge."""
_SMALLEST_TOLERANCE, _LARGEST_TOLERANCE = 4, 24
_SMALLEST_STEP, _LARGEST_STEP = 3, 12
_RINGING = 18
"""How far JPEG strays from the background beside an edge; it does so within a block of eight pixels."""
_SHADOW_HUE, _SHADOW_DEPTH, _SHADOW_STEP = 14, 0.45, 6
"""A shadow has the background's colour, is not much darker, and gets so step by step."""
_STEEP = 3
"""So many times steeper is the rim of a shadow under a lamp that is near."""
_SHADOW_PART = 0.25
"""Of the product's height, from below, where such a shadow lies."""
_LEAST_SHADOW_EDGE = 0.7
"""The share of the line between product and shadow that must be an edge."""
_SMALLEST_PART = 0.004
"""Of the largest part's area; what is smaller is dust."""
_CLEAR = 40
"""From this distance on, what is seen is no background."""
_SHORTEST_LINE = 40
"""In pixels, where something faint is looked for."""
_SMALLEST_HOLE = 0.002
"""Of the product's area."""
_HOLE_RIM = 36
_HOLE_WALL = 0.14
"""Of the product's shorter side: how thick the handle around a hole may be."""


@dataclass(frozen=True)
class PlainBackground:
    """A background whose colour changes evenly between the picture's corners."""

    corners: tuple[Rgb, Rgb, Rgb, Rgb]
    """Top left, top right, bottom left, bottom right."""
    tolerance: int
    """The largest distance that is still background, 0 to 255."""
    step: int
    """The largest change of colour from pixel to pixel that is still noise."""

    def picture(self, size: tuple[int, int], part: Box = WHOLE) -> Image.Image:
        """The background alone, as it looks in a part of the photo, in mode RGB."""
        seed = Image.new("RGB", (2, 2))
        for number, colour in enumerate(self.corners):
            seed.putpixel((number % 2, number // 2), colour)
        left, top, right, bottom = part
        box = (0.5 + left, 0.5 + top, 0.5 + right, 0.5 + bottom)
        return seed.resize(size, Image.Resampling.BILINEAR, box=box)


def plain_background(photo: Image.Image) -> PlainBackground | None:
    """The plain background of a photo in mode RGB; none if its frame shows anything else."""
    colours = _corner_colours(photo) if min(photo.size) >= _SMALLEST_EDGE else None
    if colours is None:
        return None
    background = PlainBackground(colours, _LARGEST_TOLERANCE, _LARGEST_STEP)
    away = distance(photo, background.picture(photo.size))
    frame = _frame(photo.size)
    plain = ImageChops.darker(frame, at_most(away, _LARGEST_TOLERANCE))
    if plain.histogram()[255] < _LEAST_FRAME_SHARE * frame.histogram()[255]:
        return None
    noise, steps = _usual_most(away, plain), _usual_most(_steps(photo), plain)
    return PlainBackground(
        colours,
        tolerance=max(_SMALLEST_TOLERANCE, min(round(noise * 1.4) + 3, _LARGEST_TOLERANCE)),
        step=max(_SMALLEST_STEP, min(steps + 2, _LARGEST_STEP)),
    )


def distance(photo: Image.Image, other: Image.Image) -> Image.Image:
    """How far two pictures are apart at each pixel: the largest difference of their channels, in mode L."""
    red, green, blue = ImageChops.difference(photo, other).split()
    return ImageChops.lighter(red, ImageChops.lighter(green, blue))


def background_mask(photo: Image.Image, background: PlainBackground, part: Box, block_pixels: int) -> Image.Image:
    """White where a photo, or a part of one, shows the background; in mode L, of the photo's size.

    `block_pixels` is how many pixels of this picture a JPEG block of the original takes.
    """
    plain = background.picture(photo.size, part)
    away = distance(photo, plain)
    steps = _steps(photo)
    near = at_most(away, background.tolerance)
    outside = _reached(ImageChops.darker(near, at_most(steps, background.step)))
    ringing = at_most(away, max(_RINGING, background.tolerance))
    outside = _with_shadow(photo, plain, outside, steps)
    outside = _without_dust(_grown(outside, ringing, block_pixels + 1))
    holes = _grown(_holes(near, away, outside, background.tolerance), ringing, block_pixels + 1)
    return _without_dust(ImageChops.lighter(outside, holes))


def shows_a_faint_product(
    photo: Image.Image, background: PlainBackground, part: Box, product: Image.Image, block_pixels: int
) -> bool:
    """Whether lines are drawn in what was taken for background: the outline of something white on white, which is
    then no background. `product` is white where the product was found, in the photo's size."""
    away = distance(photo, background.picture(photo.size, part))
    lines = ImageChops.invert(at_most(_steps(photo), background.step + 2))
    lines = ImageChops.subtract(lines, _opened(lines, 7))
    solid = widened(_opened(product, 7), 4)
    clear = widened(ImageChops.invert(at_most(away, _CLEAR)), block_pixels + 4)
    faint = ImageChops.subtract(lines, ImageChops.lighter(solid, clear))
    found = regions_of(faint)
    return bool(found) and found[0].area >= _SHORTEST_LINE


def _opened(mask: Image.Image, pixels: int) -> Image.Image:
    """The mask without what is thinner than so many pixels."""
    return mask.filter(ImageFilter.MinFilter(pixels)).filter(ImageFilter.MaxFilter(pixels))


def at_most(values: Image.Image, limit: int) -> Image.Image:
    """White where a picture in mode L is not above the limit."""
    return values.point([255 if value <= limit else 0 for value in range(256)])


def _corner_colours(photo: Image.Image) -> tuple[Rgb, Rgb, Rgb, Rgb] | None:
    """The colours of the corners; one that is not plain (the product covers it) gets that of the others."""
    width, height = photo.size
    wide, high = max(1, round(width * _CORNER)), max(1, round(height * _CORNER))
    stats = [
        ImageStat.Stat(photo.crop((left, top, left + wide, top + high)))
        for top in (0, height - high)
        for left in (0, width - wide)
    ]
    medians = [[stat.median[channel] for channel in range(3)] for stat in stats]
    middle = [sorted(values)[1:3] for values in zip(*medians, strict=True)]
    usual = (sum(middle[0]) // 2, sum(middle[1]) // 2, sum(middle[2]) // 2)
    colours: list[Rgb] = []
    covered = 0
    for stat, median in zip(stats, medians, strict=True):
        slope = max(abs(own - other) for own, other in zip(median, usual, strict=True))
        if slope > _LARGEST_SLOPE or max(stat.stddev) > _LARGEST_CORNER_NOISE:
            covered += 1
            colours.append(usual)
        else:
            colours.append((int(median[0]), int(median[1]), int(median[2])))
    return (colours[0], colours[1], colours[2], colours[3]) if covered <= 1 else None


def _frame(size: tuple[int, int]) -> Image.Image:
    mask = Image.new("L", size, 255)
    mask.paste(0, (3, 3, size[0] - 3, size[1] - 3))
    return mask


def _usual_most(values: Image.Image, mask: Image.Image) -> int:
    """The value that nearly all pixels under the mask keep below."""
    counts = values.histogram(mask)
    wanted, counted = 0.97 * sum(counts), 0
    for value, count in enumerate(counts):
        counted += count
        if counted >= wanted:
            return value
    return len(counts) - 1


def _steps(photo: Image.Image) -> Image.Image:
    """How much the colour changes around each pixel, without the finest noise."""
    soft = photo.filter(ImageFilter.GaussianBlur(1))
    return distance(soft.filter(ImageFilter.MaxFilter(3)), soft.filter(ImageFilter.MinFilter(3)))


def _reached(near: Image.Image) -> Image.Image:
    """What can be reached from the frame through gaps of three pixels and more: a line that JPEG has worn thin
    still keeps a white product closed."""
    wide = near.filter(ImageFilter.MinFilter(3))
    flooded = mask_of((region for region in regions_of(wide) if region.at_edge), near.size)
    return ImageChops.darker(flooded.filter(ImageFilter.MaxFilter(3)), near)


def _grown(mask: Image.Image, allowed: Image.Image, steps: int) -> Image.Image:
    for _ in range(steps):
        mask = ImageChops.lighter(mask, ImageChops.darker(mask.filter(ImageFilter.MaxFilter(3)), allowed))
    return mask


def _with_shadow(photo: Image.Image, plain: Image.Image, outside: Image.Image, steps: Image.Image) -> Image.Image:
    """The outside with the soft shadow that the product throws on it. The composite makes a shadow of its own.

    A shadow ends at an edge of the product. What fades into the product instead is a grey product's own shade, and
    is left alone. Of a lamp that is near, a shadow has a steep rim of its own: it is looked for at the foot only.
    """
    luma, plain_luma = photo.convert("L"), plain.convert("L")
    usual = max(1.0, ImageStat.Stat(plain_luma).mean[0])
    # A shadow is the background times something: in white it is grey, in green a darker green.
    share = luma.point([min(255, round(255 * value / usual)) for value in range(256)])
    hue = distance(photo, ImageChops.multiply(plain, Image.merge("RGB", (share, share, share))))
    darker, lighter = ImageChops.subtract(plain_luma, luma), ImageChops.subtract(luma, plain_luma)
    shade = ImageChops.darker(
        at_most(hue, _SHADOW_HUE),
        ImageChops.darker(at_most(darker, round(_SHADOW_DEPTH * usual)), at_most(lighter, _SMALLEST_TOLERANCE)),
    )
    luma_steps = _steps(Image.merge("RGB", (luma, luma, luma)))
    step = round(_SHADOW_STEP * max(1.0, 600 / max(photo.size)))
    soft = ImageChops.darker(shade, at_most(luma_steps, step))
    steep = ImageChops.darker(_lowest(shade, outside), at_most(luma_steps, _STEEP * step))
    for shadow, steepest in ((steep, _STEEP * step), (soft, step)):
        with_shadow = ImageChops.lighter(outside, _reached(ImageChops.lighter(outside, shadow)))
        taken = ImageChops.subtract(with_shadow, outside)
        end = ImageChops.darker(widened(taken, 2), ImageChops.invert(with_shadow))
        edges = ImageChops.darker(end, widened(ImageChops.invert(at_most(steps, 2 * steepest)), 2))
        if _white_pixels(edges) >= _LEAST_SHADOW_EDGE * _white_pixels(end):
            outside = with_shadow
    return outside


def _lowest(mask: Image.Image, outside: Image.Image) -> Image.Image:
    """Of a mask, what is at the foot of all that is not outside."""
    left, top, right, bottom = ImageChops.invert(outside).getbbox() or (0, 0, *mask.size)
    box = (left, round(bottom - _SHADOW_PART * (bottom - top)), right, bottom)
    lowest = Image.new("L", mask.size)
    lowest.paste(mask.crop(box), box[:2])
    return lowest


def _without_dust(outside: Image.Image) -> Image.Image:
    parts = regions_of(ImageChops.invert(outside))
    if not parts:
        return outside
    kept = [part for part in parts if part.area >= _SMALLEST_PART * parts[0].area]
    return ImageChops.invert(mask_of(kept, outside.size))


def _holes(near: Image.Image, away: Image.Image, outside: Image.Image, tolerance: int) -> Image.Image:
    """Where the background is seen through the product, as in the handle of a mug."""
    product = ImageChops.invert(outside)
    box = product.getbbox()
    if box is None:
        return Image.new("L", near.size)
    wall = round(_HOLE_WALL * min(box[2] - box[0], box[3] - box[1]))
    near_outside = widened(outside, wall)
    least = max(40.0, _SMALLEST_HOLE * product.histogram()[255])
    holes = [
        region
        for region in regions_of(ImageChops.darker(near, product))
        if region.area >= least and _is_hole(region, away, near_outside, tolerance)
    ]
    return mask_of(holes, near.size)


def _is_hole(region: Region, away: Image.Image, near_outside: Image.Image, tolerance: int) -> bool:
    """A hole shows the very background, ends sharply, and has a handle around it and nothing in it. A white label has
    a tone of its own or print on it; the highlight of a white mug ends softly."""
    mask = mask_of([region], away.size)
    rim = ImageChops.subtract(widened(mask, 5), widened(mask, 2))
    around = regions_of(ImageChops.invert(mask))
    return (
        ImageStat.Stat(away, mask).mean[0] <= max(3.0, tolerance / 2)
        and ImageStat.Stat(away, rim).mean[0] >= _HOLE_RIM
        and all(part.area < region.area * 0.01 for part in around[1:])
        and ImageChops.darker(mask, near_outside).getbbox() is not None
    )


def widened(mask: Image.Image, pixels: int) -> Image.Image:
    """The mask with its white part grown on all sides."""
    if pixels < 1:
        return mask
    # An average costs the same for any radius, unlike Pillow's rank filters; any trace of white counts.
    return mask.filter(ImageFilter.BoxBlur(pixels)).point([0, *[255] * 255])


def _white_pixels(mask: Image.Image) -> int:
    return mask.histogram()[255]
