"""A mouse that drags what is on a page."""

from playwright.sync_api import Locator


def drag(thing: Locator, right: float) -> None:
    """Drag the middle of a thing by so many pixels to the right."""
    thing.scroll_into_view_if_needed()
    box = thing.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse = thing.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + right, y, steps=8)
    mouse.up()
