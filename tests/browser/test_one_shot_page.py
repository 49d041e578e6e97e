"""A support set in a real browser: built from uploads and a drawing, taken along, opened again, and it says "none of
these" to a foreign picture."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import VEE, nothing_broke, picture, settled, stroke, wait_for
from PIL import Image

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def noise() -> dict[str, Any]:
    """A picture of nothing, to hand over."""
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60)).astype(np.uint8)).save(out, "PNG")
    return {"name": "noise.png", "mimeType": "image/png", "buffer": out.getvalue()}


def hand_over(page: Any, key: str, *files: Any) -> None:
    page.locator(f"[class*=st-key-{key}] input[type=file]").first.set_input_files(list(files))
    settled(page)


def test_a_support_set_is_built_kept_and_refuses_what_is_foreign(page: Any, address: str, tmp_path: Path) -> None:
    page.goto(f"{address}/one_shot?run=starter")
    page.get_by_role("radio", name="Your own").click()
    settled(page)
    page.get_by_role("textbox", name="Class name").nth(0).fill("sun")
    page.get_by_role("textbox", name="Class name").nth(0).press("Enter")
    hand_over(page, "one_shot_class_0_upload", picture(1))

    card = page.locator("[class*=st-key-one_shot_class_1_way]")
    card.get_by_role("radio", name="Draw").click()
    settled(page)
    stroke(page, 0, VEE)
    settled(page)
    page.locator(".episode .tile.class").nth(1).wait_for()
    hand_over(page, "one_shot_queries_upload", picture(1), noise())
    page.get_by_role("button", name=re.compile("^Query 1: sun")).wait_for()
    page.get_by_role("button", name=re.compile("^Query 2: none of these")).wait_for()
    assert page.locator(".episode .arrow path.line").count() == 1  # none leads from what is none of these

    with page.expect_download() as taken:
        page.get_by_role("button", name="Download the support set").click()
    path = tmp_path / taken.value.suggested_filename
    taken.value.save_as(path)
    page.goto(f"{address}/one_shot?run=starter")
    page.get_by_role("radio", name="Saved or zip").click()
    settled(page)
    hand_over(page, "one_shot_zip", path)
    wait_for(lambda: page.locator(".episode .tile.class").count() == 2, 30)
    page.get_by_role("button", name="Edit this support set").click()
    settled(page)
    page.get_by_role("textbox", name="Class name").first.wait_for()
    wait_for(lambda: page.get_by_role("textbox", name="Class name").first.input_value() == "sun", 30)
    assert page.get_by_role("textbox", name="Class name").nth(1).input_value() == "class 2"
    nothing_broke(page)
