"""Films: animated PNGs, which play where no script runs."""

import io

from PIL import Image

SECONDS = 2.5
"""How long each picture is shown."""

COLOUR_COUNT = 32
"""Colours of a film: as few as look well."""


def animate(pictures: list[bytes]) -> bytes:
    """Return PNGs of one size as an animated one, each shown for SECONDS."""
    frames = few_colours(pictures)
    buffer = io.BytesIO()
    frames[0].save(
        buffer,
        format="png",
        save_all=True,
        append_images=frames[1:],
        duration=int(1000 * SECONDS),
        loop=0,
        optimize=True,
    )
    return buffer.getvalue()


def few_colours(pictures: list[bytes]) -> list[Image.Image]:
    """Return PNGs as images of COLOUR_COUNT colours, those of the last."""
    images = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
    # By this method the background stays white.
    palette = images[-1].quantize(COLOUR_COUNT, Image.Quantize.MAXCOVERAGE)
    return [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
