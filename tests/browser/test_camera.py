"""The camera on Compare: a photo is a picture like any other, and without a camera there is another way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsing import SOON, nothing_broke, picture, settled

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

DEVICE = "--use-fake-device-for-media-stream"  # a camera that shows a disc and a clock on green
ALLOWED = "--use-fake-ui-for-media-stream"  # whoever is asked for the camera says yes
ASKED = "navigator.mediaDevices.getUserMedia({video: true}).then(() => 'given', e => e.name)"
COLOUR = """image => {
  const canvas = document.createElement('canvas'), paper = canvas.getContext('2d');
  [canvas.width, canvas.height] = [1, 1];
  paper.drawImage(image, 0, 0, 1, 1);
  return [...paper.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""
OUTSIDE = """box => {
  const frame = box.getBoundingClientRect(), seen = [...box.children].filter(e => e.checkVisibility());
  return seen.filter(e => e.getBoundingClientRect().top < frame.top || e.getBoundingClientRect().bottom > frame.bottom)
    .map(e => e.tagName);
}"""
MOVING = "() => document.querySelector('video')?.videoWidth > 0"
FRAME = "[data-testid=stCameraInputWebcamComponent] > div"
SEEN = "Picture A as the network sees it"


@pytest.fixture
def camera(launch: Callable[..., Any], request: Any) -> Iterator[Any]:
    """A tab of a browser with these flags."""
    chrome = launch(*request.param)
    tab = chrome.new_context(viewport={"width": 1280, "height": 800}).new_page()
    tab.set_default_timeout(SOON)
    yield tab
    chrome.close()


def open_camera(page: Any, address: str) -> None:
    """Compare, with the camera for picture A."""
    page.goto(f"{address}/compare?run=starter")
    page.get_by_role("radio", name="Your own").click()
    settled(page)
    page.get_by_role("radio", name="Camera").first.click()
    settled(page)
    page.locator(f"{FRAME}:not([width='-1'])").first.wait_for(state="attached")  # it has measured its place


def upload(page: Any, side: int) -> None:
    page.locator(f".st-key-compare_own_{side}_upload_0 input[type=file]").set_input_files(picture(1))


@pytest.mark.parametrize("camera", [(DEVICE, ALLOWED)], indirect=True)
def test_a_photo_is_compared_and_taken_away_again(camera: Any, address: str) -> None:
    open_camera(camera, address)
    camera.wait_for_function(MOVING)  # before, there is nothing to take a photo of
    camera.get_by_role("button", name="Take Photo").click()
    camera.get_by_alt_text(SEEN).wait_for()
    red, green, blue = camera.get_by_alt_text("Picture A, Camera picture").evaluate(COLOUR)
    assert green > 2 * max(red, blue)  # it is what the camera showed
    settled(camera)
    assert camera.get_by_text("use Upload or Draw").count() == 0
    upload(camera, 1)
    camera.get_by_role("heading", name="Different classes").wait_for()
    camera.locator(".st-key-compare_scale .js-plotly-plot").wait_for()
    camera.get_by_role("button", name="Clear photo").click()
    camera.get_by_alt_text(SEEN).wait_for(state="detached")
    camera.get_by_text("Give two pictures").wait_for()
    nothing_broke(camera)


@pytest.mark.parametrize(
    ("camera", "why"),
    [((DEVICE,), "NotAllowedError"), ((ALLOWED,), "NotFoundError")],
    indirect=["camera"],
    ids=["refused", "none"],
)
def test_without_a_camera_the_page_says_what_to_do_and_another_way_is_open(camera: Any, why: str, address: str) -> None:
    open_camera(camera, address)
    assert camera.evaluate(ASKED) == why
    camera.get_by_text("Allow the camera beside the page's address and reload, or use Upload or Draw.").wait_for()
    assert camera.get_by_role("button", name="Take Photo").is_disabled()
    assert camera.locator(FRAME).first.evaluate(OUTSIDE) == []
    camera.get_by_role("radio", name="Upload", exact=True).first.click()
    upload(camera, 0)
    camera.get_by_alt_text(SEEN).wait_for()
    upload(camera, 1)
    camera.get_by_role("heading", name="Same class").wait_for()
    nothing_broke(camera)
