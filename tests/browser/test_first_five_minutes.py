"""A newcomer's first five minutes: one tab, one address typed, everything else by what the pages offer."""

from __future__ import annotations

import re
from typing import Any

import pytest
from browsing import (
    ELL,
    LATER,
    VEE,
    choose_a_point,
    nothing_broke,
    picture,
    points,
    press,
    run_of,
    settled,
    stroke,
    wait_for,
)

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

STEPS = [
    "Compare a pair", "Train a network", "Watch it learn", "Compare with your run", "Name new classes",
    "Look at the map",
]  # fmt: skip
VERDICT = re.compile("^(.* )?(Same class|Different classes|Not sure)$")


def test_the_first_five_minutes(page: Any, address: str) -> None:
    page.goto(address)
    play_with_the_picture(page)
    compare_with_the_starter(page)
    name = train(page)
    compare_with_the_run(page, name)
    name_new_classes(page, name)
    look_at_the_map(page, name)
    look_at_the_run(page, name)
    come_home(page, name)


def arrived(page: Any, title: str, run: str | None = None) -> None:
    """The page is there, on the run that a newcomer would expect, and nothing on it is strange."""
    page.get_by_role("heading", name=title, level=1, exact=True).wait_for()
    settled(page)
    if run is not None:
        assert run_of(page) == run
        assert page.get_by_role("combobox", name="Current run").input_value() == run
    fine(page)


def fine(page: Any, but: str = "Click a point") -> None:
    """Nothing broke, nothing is warned of `but` this, and no number is missing in what is read."""
    nothing_broke(page)
    alerts = page.get_by_test_id("stAlert").all_inner_texts()
    assert not [words for words in alerts if not re.search(f"Click a point|Give two pictures|{but}", words)], alerts
    assert not re.findall(r"\b(?:nan|NaN|inf|undefined|null)\b", page.get_by_test_id("stMain").inner_text())


def go(page: Any, name: str) -> None:
    """Follow the navigation."""
    page.get_by_test_id("stSidebar").get_by_role("link", name=name, exact=True).click()


def home(page: Any, done: int, following: str) -> None:
    """Home by the navigation: the first `done` steps are done, and this is what it offers next."""
    go(page, "Home")
    arrived(page, "Siamese Lab")
    page.locator(".verdict.same").wait_for()
    wait_for(lambda: steps_done(page) == STEPS[:done], 20, f"{done} steps that are done")
    assert page.get_by_test_id("stMain").get_by_test_id("stBaseButton-primary").inner_text().endswith(following)


def steps_done(page: Any) -> list[str]:
    """The titles of the steps that are marked as done."""
    return re.findall(r"(?m)^(.+)\n+Done\.", page.locator(".st-key-home_steps").inner_text())


def play_with_the_picture(page: Any) -> None:
    """The picture on Home measures what is clicked; the first step is offered."""
    arrived(page, "Siamese Lab")
    page.locator(".verdict.same").wait_for()
    assert steps_done(page) == []
    page.get_by_text("None yet.").wait_for()
    distance, first = page.locator(".distance"), page.locator(".distance").inner_text()
    verdict = page.locator(".twin .verdict")
    for _ in range(8):  # each click shows the next sign, in time one of another class
        page.get_by_role("button", name="Picture A").click()
        wait_for(lambda: verdict.inner_text() != "", 20)
        if verdict.inner_text() == "Different classes":
            break
    page.get_by_text("Above the threshold. Right: they are of two classes.").wait_for()
    assert float(distance.inner_text()) > float(first)


def compare_with_the_starter(page: Any) -> None:
    """The first step: the starter judges a pair."""
    press(page, "Compare a pair")
    arrived(page, "Compare a pair", "starter")
    judged(page)


def judged(page: Any) -> None:
    """Random pairs of either kind get a verdict, a distance and their place on the scale."""
    for button, same in (("Draw a pair of the same class", True), ("Draw two different classes", False)):
        press(page, button)
        settled(page)
        a, b = (page.get_by_alt_text(re.compile(f"^Picture {side}, ")).get_attribute("alt") for side in "AB")
        assert (a.removeprefix("Picture A") == b.removeprefix("Picture B")) == same
        page.get_by_role("heading", name=VERDICT).wait_for()
        page.get_by_text(re.compile("both are of one class" if same else "they are of two classes")).wait_for()
        page.get_by_text("Their distance is").wait_for()
        assert page.get_by_alt_text(re.compile("as the network sees it")).count() == 2
        wait_for(lambda: points(page, "compare_scale") > 5, 20)
        fine(page)


def train(page: Any) -> str:
    """The second and third step: Start with everything as it is, look in at Home, and watch; the run's name."""
    home(page, 1, "Train a network")
    press(page, "Train a network")
    arrived(page, "Train")
    page.get_by_text("Nothing has been trained yet").wait_for()
    page.get_by_text("As fed to the network").wait_for()
    press(page, "Start")
    page.get_by_text("in training").wait_for()
    name = run_of(page)
    assert name.startswith("digits")
    fine(page)

    home(page, 2, "Watch it learn")
    page.locator(".st-key-home_recent").get_by_text("in training").wait_for()
    press(page, "Watch it learn")
    arrived(page, "Train", name)
    wait_for(lambda: points(page, "live_loss") >= 2, LATER / 1000, "the first of the curve")
    before = points(page, "live_loss")
    wait_for(lambda: points(page, "live_loss") > before, LATER / 1000, "a curve that moves")
    page.get_by_text("in training").wait_for(state="hidden", timeout=LATER)
    page.get_by_text("finished").first.wait_for()
    settled(page)
    assert points(page, "live_accuracy") >= 3
    assert float(metric(page, "way one-shot").rstrip("%")) > 60  # of two classes, half are right by chance
    fine(page)
    return name


def metric(page: Any, label: str) -> str:
    """The number of a figure on the page."""
    return str(page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue").inner_text())


def compare_with_the_run(page: Any, name: str) -> None:
    """From the finished training to Compare: a random pair, then a drawing against a file."""
    page.get_by_test_id("stMain").get_by_role("link", name="Compare a pair").click()
    arrived(page, "Compare a pair", name)
    judged(page)
    page.get_by_role("radio", name="Your own").click()
    page.get_by_text("Give two pictures").wait_for()
    page.get_by_role("radio", name="Draw", exact=True).first.click()
    page.locator("canvas.paper").wait_for()
    settled(page)
    stroke(page, 0, VEE)
    stroke(page, 0, ELL)
    page.get_by_alt_text("Picture A as the network sees it").wait_for()
    page.locator(".st-key-compare_own_1_upload_0 input[type=file]").set_input_files(picture(1))
    page.get_by_role("heading", name=VERDICT).wait_for()
    page.get_by_text("Their distance is").wait_for()
    fine(page, but="unlike anything that this network was trained on")  # neither is a digit


def name_new_classes(page: Any, name: str) -> None:
    """The fifth step: an arrow from every query, and how often that is right."""
    home(page, 4, "Name new classes")
    press(page, "Name new classes")
    arrived(page, "One-shot", name)
    head = page.get_by_role("heading", name=re.compile(r"Queries: \d of \d right"))
    head.wait_for()
    right, of = (int(n) for n in re.findall(r"\d+", head.inner_text()))
    assert 0 < right <= of == page.locator(".episode .arrow").count()
    assert sorted(page.locator(".episode .which").all_inner_texts()) == [str(i + 1) for i in range(of)]
    press(page, "Measure accuracy")
    page.locator(".st-key-one_shot_interval .js-plotly-plot").wait_for(timeout=LATER)
    assert 100 / of < float(metric(page, "1-shot accuracy").rstrip("%")) <= 100
    fine(page)


def look_at_the_map(page: Any, name: str) -> None:
    """The last step: the map is made, and a point shows its neighbours."""
    home(page, 5, "Look at the map")
    press(page, "Look at the map")
    arrived(page, "Map", name)
    press(page, "Make the map")
    page.locator(".st-key-map_picture canvas.over").wait_for(timeout=LATER)
    of = choose_a_point(page)
    page.get_by_alt_text(f"The chosen picture, of class {of}").wait_for()
    wait_for(lambda: page.get_by_alt_text(re.compile("A neighbour of class")).count() == 6, 30)
    fine(page)


def look_at_the_run(page: Any, name: str) -> None:
    """Runs has the run in its list and draws its curve, with a scale on which no two marks read alike."""
    go(page, "Runs")
    arrived(page, "Runs", name)
    page.get_by_test_id("stDataFrame").wait_for()
    wait_for(lambda: points(page, "runs_chart") >= 3, 30)
    marks = page.locator(".st-key-runs_chart .ytick").all_text_contents()
    assert len(marks) == len(set(marks)) > 1
    page.get_by_role("button", name="Download", exact=True).wait_for()
    assert page.get_by_test_id("stMain").get_by_role("link", name="Curves and log").is_visible()
    fine(page)


def come_home(page: Any, name: str) -> None:
    """All six steps are done, and the run is there to be opened again."""
    home(page, 6, "Train another network")
    recent = page.locator(".st-key-home_recent")
    recent.get_by_text("finished", exact=False).first.wait_for()
    assert re.search(r"2-way one-shot \d+%", recent.inner_text())
    recent.get_by_role("link", name=name).click()
    arrived(page, "Train", name)
    wait_for(lambda: points(page, "live_loss") > 10, 30)
