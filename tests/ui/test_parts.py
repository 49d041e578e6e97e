"""What the pages are made of, where it needs no page: charts, forms, colours, words."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest

from pages.parts import charts, charts_preview, forms, live, preview, show, theme, uploads
from siamese_core import config as settings
from siamese_core import presets
from siamese_core.config import TrainConfig, defaults
from siamese_core.errors import DataError
from siamese_core.runs import History

CONFIG = tomllib.loads((Path(__file__).resolve().parents[2] / ".streamlit" / "config.toml").read_text("utf-8"))


def epoch(step: int, **more: object) -> dict[str, object]:
    return {"event": "epoch", "step": step, "epoch": step // 10, "seconds": step / 2, "progress": step / 100, **more}


def test_theme_and_configuration_agree():
    for mode in ("light", "dark"):
        assert CONFIG["theme"][mode]["chartCategoricalColors"] == list(theme.PALETTE)
        assert CONFIG["theme"][mode]["textColor"] == theme.ink(mode == "dark")
        assert CONFIG["theme"][mode]["primaryColor"] == theme.TWIN_A
    assert CONFIG["browser"]["gatherUsageStats"] is False
    assert CONFIG["client"]["showErrorDetails"] == "none"
    assert CONFIG["server"]["address"] == "localhost"


def contrast(a: str, b: str) -> float:
    """WCAG's contrast of two '#RRGGBB' colours."""

    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted((light(a), light(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_words_can_be_read_on_their_ground(mode):
    colours = CONFIG["theme"][mode]
    for name in ("textColor", "linkColor", "greenTextColor", "redTextColor", "orangeTextColor", "blueTextColor",
                 "grayTextColor"):  # fmt: skip
        assert contrast(colours[name], colours["backgroundColor"]) >= 4.5, name
    assert contrast("#FFFFFF", colours["primaryColor"]) >= 4.5


def test_lines_can_be_seen_in_both_themes():
    for colour, mode in itertools.product(theme.PALETTE, ("light", "dark")):
        assert contrast(colour, CONFIG["theme"][mode]["backgroundColor"]) >= 2.1, (colour, mode)


def test_loss_curves_hold_every_event():
    steps = [{"step": i, "loss": 3.0 - i / 50} for i in range(1, 100)]
    figure = charts.loss_curves(steps, [epoch(50, validation_loss=2.5), epoch(99, validation_loss=2.0)])
    faint, mean, validation = figure.data
    assert list(faint.y) == [s["loss"] for s in steps]
    assert len(mean.y) == len(steps)
    assert min(faint.y) < mean.y[-1] < max(faint.y)
    assert list(validation.x) == [50, 99]
    assert list(validation.y) == [2.5, 2.0]


def test_smoothing_keeps_a_constant_and_lags_a_step():
    assert charts.smoothed([2.0] * 5) == pytest.approx([2.0] * 5)
    risen = charts.smoothed([0.0] * 50 + [1.0] * 5)
    assert 0 < risen[-1] < 1
    assert charts.smoothed([]) == []


def test_accuracy_marks_the_best_epoch_and_chance():
    found = [epoch(10, pair_accuracy=0.7, one_shot=0.4, n_way=5, best=True),
             epoch(20, pair_accuracy=0.8, one_shot=0.6, n_way=5, best=True),
             epoch(30, pair_accuracy=0.9, one_shot=0.5, n_way=5, best=False)]  # fmt: skip
    figure = charts.accuracy_curves(found)
    ring = figure.data[-1]
    assert (list(ring.x), list(ring.y)) == ([20], [0.6])
    assert {s.y0 for s in figure.layout.shapes} == {0.5, 0.2}
    one = charts.accuracy_curves([epoch(10, pair_accuracy=0.7, one_shot=0.4, n_way=2)])
    assert len(one.layout.shapes) == 1


def test_accuracy_without_epochs_is_an_empty_frame():
    assert all(len(t.x) == 0 for t in charts.accuracy_curves([]).data)


@pytest.mark.parametrize(("distance", "colour"), [(0.1, theme.SAME), (0.4, theme.SAME), (0.9, theme.DIFFERENT)])
def test_distance_scale_puts_the_pair_where_it_is(distance, colour):
    figure = charts.distance_scale([0, 0.5, 1.0], [8, 2], [1, 3], 0.4, distance)
    same, different, pair = figure.data
    assert list(same.y) == [0.8, 0.2]
    assert list(different.y) == [0.25, 0.75]
    assert set(pair.x) == {distance}
    assert pair.line.color == colour
    low, high = figure.layout.xaxis.range
    assert low < 0 <= distance <= 1 < high


@pytest.mark.parametrize(
    ("threshold", "distance", "side"),
    [(0.4, 0.1, "left"), (0.4, 0.45, "right"), (0.4, 0.9, "left"), (0.9, 0.1, "right"), (0.4, None, "left")],
)
def test_the_thresholds_words_stand_where_the_pair_is_not(threshold, distance, side):
    figure = charts.distance_scale([0, 0.5, 1.0], [8, 2], [1, 3], threshold, distance)
    assert figure.layout.annotations[0].xanchor == side


def test_distance_scale_reaches_a_pair_outside_the_histogram():
    figure = charts.distance_scale([0, 0.5, 1.0], [8, 2], [1, 3], 0.4, 7.0)
    assert figure.layout.xaxis.range[1] > 7
    assert charts.distance_scale([], [], [], 0.4, 0.4).layout.xaxis.range is not None


def test_the_histogram_of_an_epoch_stands_on_an_axis_that_stays():
    bins = {"low": 0.0, "high": 1.0, "same": [3, 1], "different": [0, 2]}
    figure = charts.distance_histogram(bins, 0.0, 2.0)
    same, different = figure.data
    assert (list(same.x), list(same.y)) == ([0.25, 0.75], [0.75, 0.25])
    assert list(different.y) == [0.0, 1.0]
    assert figure.layout.xaxis.range[1] > 2.0


def test_the_learning_rate_is_drawn_where_it_was_written_down():
    figure = charts.learning_rate([{"step": 1}, {"step": 2, "learning_rate": 0.1}], 2)
    assert (list(figure.data[0].x), list(figure.data[0].y)) == ([2], [0.1])


def test_classes_are_counted_from_the_largest():
    bars = charts_preview.class_counts([2, 9, 5], ["a", "b", "c"]).data[0]
    assert (list(bars.y), list(bars.customdata)) == ([9, 5, 2], ["b", "c", "a"])


def test_the_network_is_drawn_with_every_layer():
    figure = charts_preview.network((1, 28, 28), [("Block 1", (32, 14, 14)), ("Embedding", (64,))])
    words = " ".join(a.text for a in figure.layout.annotations if a.text)
    for part in ("<b>A</b>", "<b>B</b>", "1 × 28 × 28", "32 × 14 × 14", "64 numbers"):
        assert part in words
    assert len(figure.layout.shapes) == 4


def test_pictures_are_laid_out_with_what_is_missing_clear():
    one, three = np.full((4, 4), 9, np.uint8), np.zeros((4, 4, 3), np.uint8)
    out = preview.mosaic([[one, None, three]], apart=2, side=8)
    assert out.shape == (8, 24 + 6 * preview.GAP, 4)
    assert (out[:8, :8, :3] == 9).all()
    assert (out[:, 8 : 16 + 6 * preview.GAP, 3] == 0).all()
    assert (out[:, -8:, 3] == 255).all()
    large = np.repeat(np.repeat(np.array([[0, 200]], np.uint8), 40, 0), 20, 1)
    assert preview.mosaic([[large]], side=10)[0, :, 0].tolist() == [0] * 5 + [200] * 5


@pytest.mark.parametrize(("loss", "distance", "size", "margin"), [
    ("contrastive", "cosine", 64, 0.5), ("contrastive", "euclidean", 64, 1.0), ("contrastive", "manhattan", 64, 6.4),
    ("contrastive", "squared_euclidean", 8, 1.0), ("triplet", "euclidean", 64, 0.3), ("triplet", "cosine", 64, 0.15),
])  # fmt: skip
def test_margins_suit_their_distance(loss, distance, size, margin):
    assert presets.fitting_margin(loss, distance, size) == margin
    for preset in presets.PRESETS.values():  # the recipes' own margins are the same rule
        if "margin" in preset:
            assert preset["margin"] == presets.fitting_margin(preset["loss"], preset["distance"], 64)


def test_interval_is_a_band_against_dashed_lines():
    figure = charts.interval(0.8, 0.75, 0.85, {"chance": 0.2, "plain pixels": 0.3})
    band = figure.layout.shapes[1]
    assert (band.x0, band.x1) == (0.75, 0.85)
    assert [s.x0 for s in figure.layout.shapes if s.line.dash == "dash"] == [0.2, 0.3]
    words = {a.text: (a.x, a.xanchor) for a in figure.layout.annotations}
    assert words == {"chance": (0.2, "right"), "plain pixels": (0.3, "left")}  # near each other, side by side


@pytest.mark.parametrize(
    ("loss", "distance", "sampler", "mining"),
    list(itertools.product(settings.LOSSES, settings.DISTANCES, settings.SAMPLERS, settings.MINING)),
)
def test_whatever_is_chosen_can_be_mended(loss, distance, sampler, mining):
    chosen = defaults() | {"loss": loss, "distance": distance, "sampler": sampler, "mining": mining, "margin": 5.0}
    mended = forms.mended(chosen)
    assert TrainConfig.from_dict({**mended, "hold_out": list(mended["hold_out"])}).problems() == []
    assert mended["loss"] == loss
    if not TrainConfig.from_dict({**chosen, "hold_out": []}).problems():
        assert mended == chosen


def test_a_width_that_cannot_be_is_mended():
    wide = forms.mended(defaults() | {"image_size": 100, "image_width": 200, "class_copies": True})
    assert (wide["image_width"], wide["class_copies"]) == (200, False)
    assert forms.mended(defaults() | {"image_width": 5, "class_copies": True})["image_width"] == 0


def test_every_setting_has_one_place_in_the_form():
    shown = [*forms.MAIN, *forms.APART, *(n for names in forms.rare().values() for n in names)]
    assert sorted(shown) == sorted(defaults())


def test_a_zero_that_switches_off_is_said_in_words():
    told = {label: value for _, label, value, _ in forms.differences({"max_seconds": 0.0, "steps_per_epoch": 0})}
    assert told["Time limit (s)"] == "no limit"
    assert told["Batches an epoch"] == "the whole set"


def test_differences_are_marked():
    rows = {label: (value, differs) for _, label, value, differs in forms.differences({"epochs": 99, "hold_out": []})}
    assert rows["Epochs"] == ("99", True)
    assert rows["Hold out"] == ("none", False)
    assert sum(differs for _, differs in rows.values()) == 1


def test_time_left_follows_the_speed_so_far():
    history = History().add([epoch(50)])
    assert live.progress_of(history) == 0.5
    assert live.time_left(0.5, history) == pytest.approx(25)
    assert live.time_left(0.0, History()) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (4.4, "4 s"),
        (89, "89 s"),
        (120, "2 min"),
        (114.4, "1 min 54 s"),
        (1500, "25 min"),
        (7500, "2 h 5 min"),
        (None, "–"),
        (-1, "0 s"),
    ],
)
def test_durations(seconds, words):
    assert show.duration(seconds) == words


def test_numbers_and_rates():
    assert show.number(0.041423) == "0.0414"
    assert show.number(12345.6) == "12346"
    assert show.percent(0.934) == "93%"
    assert show.percent(0.9964) == "99.6%"
    assert show.percent(1.0) == "100%"
    assert show.percent(None) == "–"


def test_names_are_not_read_as_markdown():
    assert [show.class_name(n) for n in ("Malay_(Jawi_-_Arabic)/character01", "a b", "_", 7)] == [
        "Malay (Jawi - Arabic)/character01", "a b", "_", "7",
    ]  # fmt: skip
    assert show.plain("a_b*c [x](y) :material/x: $1$") == r"a\_b\*c \[x\](y) \:material/x\: \$1\$"


def test_small_scans_are_enlarged_by_whole_pixels():
    small = np.arange(64, dtype=np.uint8).reshape(8, 8)
    big = show.enlarged(small, 300)
    assert big.shape[0] % 8 == 0
    assert set(np.unique(big)) == set(range(64))
    assert show.enlarged(np.zeros((900, 600, 3), np.uint8), 300).shape == (900, 600, 3)


class Upload:
    def __init__(self, name: str, data: bytes, size: int | None = None) -> None:
        self.name, self.data, self.size = name, data, len(data) if size is None else size

    def getvalue(self) -> bytes:
        return self.data


def test_sizes_of_uploads_are_judged_on_the_server():
    assert uploads.checked([Upload("a.png", b"1")]) == [("a.png", b"1")]
    with pytest.raises(DataError, match="larger than 20 MB"):
        uploads.checked([Upload("a.png", b"", uploads.MAX_PICTURE + 1)])
    with pytest.raises(DataError, match="more than the 400"):
        uploads.checked([Upload("a.png", b"1")] * 401)
    with pytest.raises(DataError, match="together"):
        uploads.checked([Upload("a.png", b"", uploads.MAX_PICTURE)] * 11)
