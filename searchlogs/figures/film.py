"""Films: animated PNGs, which play where no script runs."""

import io
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

Array: TypeAlias = npt.NDArray[Any]

SECONDS = 2.5
"""How long each picture is shown."""

COLOUR_COUNT = 64
"""Colours of a picture: as few as look well."""


def animate(pictures: list[bytes], seconds: float = SECONDS) -> bytes:
    """Return PNGs of one size as an animated one, each shown for some seconds, the last longer."""
    frames = few_colours(pictures)
    buffer = io.BytesIO()
    frames[0].save(
        buffer,
        format="png",
        save_all=True,
        append_images=frames[1:],
        duration=[int(1000 * seconds)] * (len(frames) - 1) + [int(1000 * SECONDS)],
        loop=0,
        optimize=True,
    )
    return buffer.getvalue()


def few_colours(pictures: list[bytes]) -> list[Image.Image]:
    """Return PNGs as images of COLOUR_COUNT colours, the most frequent ones of the last."""
    images = [Image.open(io.BytesIO(picture)).convert("RGBA") for picture in pictures]
    pixels = [np.asarray(image).view("u4")[..., 0] for image in images]  # a number per pixel
    colours, counts = np.unique(pixels[-1], return_counts=True)
    frequent = np.sort(colours[np.argsort(-counts, kind="stable")[:COLOUR_COUNT]])
    return [_nearest(image, frequent) for image in pixels]


def _nearest(pixels: Array, palette: Array) -> Image.Image:
    """Return an image with the nearest colour of a palette for each pixel; Pillow's is near it."""
    colours = np.unique(pixels)
    ours, theirs = (one.view("u1").reshape(-1, 4)[:, :3].astype(int) for one in (palette, colours))
    far = ((theirs[:, None] - ours) ** 2).sum(axis=2)
    places = far.argmin(axis=1).astype("u1")[np.searchsorted(colours, pixels)]
    found = Image.fromarray(places)
    found.putpalette(ours.astype("u1").tobytes())
    return found
