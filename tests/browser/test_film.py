"""The film of a training in a real browser: played, dragged, stepped by keys, followed, and growing while watched."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from browsing import SOON, nothing_broke, serving, settled, wait_for
from safetensors.torch import save

from siamese_core.files import read_json, write_json
from tests.ui import worlds

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
SPENT = """() => { window.spent = []; const real = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = f => real(t => { const began = performance.now(); f(t);
    window.spent.push(performance.now() - began); }); }"""
NEXT = """async range => { const found = [];
  for (let k = 1; k <= Number(range.max); k++) {
    const began = performance.now();
    range.value = k; range.dispatchEvent(new Event('input'));
    await new Promise(requestAnimationFrame);  // after the film's own, which was asked for before
    found.push(performance.now() - began); }
  return found; }"""
PIXELS = """canvas => { const g = canvas.getContext('2d');
  const data = g.getImageData(0, 0, canvas.width, canvas.height).data;
  let sum = 0; for (let i = 0; i < data.length; i += 4) sum = (sum * 31 + data[i] * 7 + data[i + 3]) % 1000000007;
  return sum; }"""


def snapshot(run: Path, epoch: int, points: int = 120, size: int = 16) -> None:
    """Four classes, the first two of them unseen, that part as epochs pass."""
    rng = np.random.default_rng(5)
    labels = np.arange(points) * 4 // points
    x = rng.normal(size=(4, size))[labels] * epoch / 2 + rng.normal(size=(points, size))
    items = np.where(labels < 2, np.arange(points), 358 + np.arange(points))
    tensors = {"embeddings": torch.from_numpy(x).half(), "labels": torch.from_numpy(labels),
               "items": torch.from_numpy(items)}  # fmt: skip
    (run / "snapshots").mkdir(exist_ok=True)
    (run / "snapshots" / f"{epoch:05d}.safetensors").write_bytes(save(tensors))


@pytest.fixture(scope="module")
def home(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs: a finished one of four epochs, one without snapshots, one with 5,000 points, one in training."""
    found = tmp_path_factory.mktemp("films")
    runs = found / "runs"
    runs.mkdir()
    for name, points, last in (("small", 120, 4), ("large", 5000, 60), ("without", 0, -1), ("alone", 120, 0)):
        run = Path(worlds.make("finished", finished_run, runs)).rename(runs / name)
        write_json(run / "config.json", read_json(run / "config.json") | {"name": name})
        for epoch in range(last + 1):
            snapshot(run, epoch, points)
    run = Path(worlds.make("running", finished_run, runs))
    for epoch in range(2):
        snapshot(run, epoch)
    return found


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    """A dashboard with those runs."""
    with serving(home) as url:
        yield url


def opened(page: Any, address: str, run: str, last: int) -> Any:
    """The film of a run on the Map page, once all of it is there; its slider."""
    page.goto(f"{address}/map?run={run}&map_view=Epochs")
    slider = page.get_by_role("slider", name="Epoch")
    slider.wait_for()
    wait_for(lambda: slider.get_attribute("max") == str(last), 120)
    settled(page)
    return slider


def test_it_plays_and_is_dragged_and_stepped_by_keys(page: Any, address: str) -> None:
    slider = opened(page, address, "small", 4)
    epoch, canvas = page.locator(".epochs .epoch"), page.locator(".epochs canvas")
    wait_for(lambda: epoch.inner_text() == "Epoch 4", 60)  # it has begun by itself, and ends
    play = page.get_by_role("button", name="Play", exact=True)
    play.wait_for()
    at_the_end = canvas.evaluate(PIXELS)
    slider.focus()
    page.keyboard.press("Home")
    wait_for(lambda: epoch.inner_text() == "Before training", 20)
    wait_for(lambda: canvas.evaluate(PIXELS) != at_the_end, 20)
    page.keyboard.press("ArrowRight")
    wait_for(lambda: float(slider.input_value()) == 1.0, 20)
    assert epoch.inner_text() == "Epoch 1"
    assert slider.get_attribute("aria-valuetext").startswith("Epoch 1; Unseen classes: same-class neighbours ")
    assert "pairs 80%" in slider.get_attribute("aria-valuetext")
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.62, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    assert 2.0 < float(slider.input_value()) < 3.0  # between two epochs
    play.click()
    page.get_by_role("button", name="Pause", exact=True).click()
    stopped = float(slider.input_value())
    page.wait_for_timeout(300)
    assert float(slider.input_value()) == stopped
    page.keyboard.press("End")
    nothing_broke(page)


def test_points_and_classes_are_chosen_and_looked_at(page: Any, address: str) -> None:
    slider = opened(page, address, "small", 4)
    slider.focus()
    page.keyboard.press("End")
    wait_for(lambda: float(slider.input_value()) == 4.0, 20)
    canvas, tip = page.locator(".epochs canvas"), page.locator(".epochs .tip")
    box = canvas.bounding_box()
    spots = [(x / 24, y / 18) for y in range(1, 18) for x in range(1, 24)]
    for x, y in spots:
        page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        page.wait_for_timeout(30)
        if tip.is_visible():
            break
    assert tip.locator("b").inner_text() in ("6", "7", "0", "1")
    assert "Click to follow it" in tip.inner_text()
    tip.locator(".thumb").wait_for()
    page.mouse.down()
    page.mouse.up()
    clear = page.get_by_role("button", name="clear")
    clear.wait_for()
    before = canvas.evaluate(PIXELS)
    row = page.locator(".epochs .class").and_(page.get_by_title("7", exact=True))
    row.focus()
    page.keyboard.press("Enter")
    assert row.get_attribute("aria-pressed") == "true"
    wait_for(lambda: canvas.evaluate(PIXELS) != before, 20)
    clear.click()
    assert row.get_attribute("aria-pressed") == "false"
    clear.wait_for(state="hidden")
    nothing_broke(page)


def test_the_next_of_5000_points_and_60_epochs_is_there_at_once(page: Any, address: str) -> None:
    page.add_init_script(f"({SPENT})()")
    slider = opened(page, address, "large", 60)
    took = slider.evaluate(NEXT)
    drawn = [ms for ms in page.evaluate("window.spent.slice(-120)") if ms > 0.3]
    print(f"next frame of 5,000 points: median {statistics.median(took):.0f} ms, longest {max(took):.0f} ms; "
          f"drawing {statistics.median(drawn):.0f} ms")  # fmt: skip
    assert len(took) == 60
    assert page.locator(".epochs .epoch").inner_text() == "Epoch 60"
    nothing_broke(page)


def test_a_film_that_is_watched_grows_without_beginning_again(page: Any, address: str, home: Path) -> None:
    run = home / "runs" / "running"
    slider = opened(page, address, "running", 1)
    epoch = page.locator(".epochs .epoch")
    wait_for(lambda: float(slider.input_value()) == 1.0, 30)
    seen = page.evaluate("""() => { const at = document.querySelector('[data-testid=stMain]'); window.times = [];
      const all = root => [...root.querySelectorAll('*')].flatMap(e => e.shadowRoot ? [e, ...all(e.shadowRoot)] : [e]);
      const slider = all(at).find(e => e.matches('input.at'));
      setInterval(() => window.times.push(Number(slider.value)), 20); return slider.max; }""")
    assert seen == "1"
    write_json(run / "status.json", read_json(run / "status.json") | {"heartbeat": time.time()})
    snapshot(run, 2)
    wait_for(lambda: slider.get_attribute("max") == "2", 60)
    wait_for(lambda: epoch.inner_text() == "Epoch 2", 60)
    times = page.evaluate("window.times")
    assert min(times) >= 0.999  # it went on from where it was
    assert any(1.0 < t < 2.0 for t in times)
    slider.focus()
    page.keyboard.press("Home")  # whoever looks back is not torn away
    write_json(run / "status.json", read_json(run / "status.json") | {"heartbeat": time.time()})
    snapshot(run, 3)
    wait_for(lambda: slider.get_attribute("max") == "3", 60)
    page.wait_for_timeout(1000)
    assert float(slider.input_value()) == 0.0
    page.get_by_role("button", name="Follow the training").click()
    wait_for(lambda: epoch.inner_text() == "Epoch 3", 60)
    nothing_broke(page)


def test_nothing_moves_by_itself_where_that_is_asked_for(browser: Any, address: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(SOON)
    slider = opened(page, address, "small", 4)
    assert page.locator(".epochs .epoch").inner_text() == "Epoch 4"  # the end, at once
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(100)
    assert float(slider.input_value()) == 3.0
    context.close()


def test_a_run_without_snapshots_says_what_to_do(page: Any, address: str) -> None:
    page.goto(f"{address}/map?run=without&map_view=Epochs")
    page.get_by_text("has no snapshots of its epochs").wait_for()
    page.get_by_role("button", name="Train a network").wait_for()
    nothing_broke(page)


def test_one_epoch_alone_is_shown_and_not_played(page: Any, address: str) -> None:
    page.goto(f"{address}/map?run=alone&map_view=Epochs")
    page.get_by_text("There is only this one snapshot").wait_for()
    wait_for(lambda: page.locator(".epochs .epoch").inner_text() == "Before training", 20)
    assert not page.get_by_role("slider", name="Epoch").is_visible()
    assert not page.get_by_role("button", name="Play", exact=True).is_visible()
    assert page.locator(".epochs .fill").first.evaluate("f => f.getBoundingClientRect().width") > 0
    nothing_broke(page)


@pytest.mark.parametrize("width", [820, 1280])
def test_it_fits_its_page(page: Any, address: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    opened(page, address, "small", 4)
    wide = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= page.evaluate("document.querySelector('[data-testid=stMain]').clientWidth")
    part = page.locator(".epochs").bounding_box()
    for inner in (".stage", ".line", ".bar"):
        box = page.locator(f".epochs {inner}").bounding_box()
        assert part["x"] <= box["x"]
        assert box["x"] + box["width"] <= part["x"] + part["width"] + 1
