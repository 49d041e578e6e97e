"""Many pairs on the Compare page: files in, scores out, and whatever can be wrong with either."""

from __future__ import annotations

import csv
import io
import threading

import pytest
import worlds
from streamlit.testing.v1 import AppTest

from pages.parts import charts_pairs, later, many_work
from siamese_core import trained
from siamese_core.errors import DataError

pytestmark = pytest.mark.usefixtures("no_starter")

PICTURES = {f"{name}/{k}.png": worlds.picture(10 * i + k) for i, name in enumerate(("anna", "bert")) for k in range(3)}
ROWS = "image_a,image_b,label\nanna/0.png,anna/1.png,1\nanna/0.png,bert/0.png,0\nbert/1.png,bert/2.png,1\n"
BROKEN = ROWS + "anna/0.png,carl/0.png,0\nanna/0.png,,1\nanna/0.png,bert/0.png,7\n"


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(later, "_spawn", lambda work: work.run())


@pytest.fixture
def many(world):
    world("finished")
    app = worlds.visit("compare", "finished")
    return app.segmented_control(key="compare_source").set_value("many").run()


def give(app: AppTest, table: str | bytes | None = ROWS, pictures: dict[str, bytes] | bytes | None = None) -> AppTest:
    if table is not None:
        data = table if isinstance(table, bytes) else table.encode()
        app.file_uploader(key="compare_many_csv").set_value(("mine.csv", data, "text/csv"))
    data = pictures if isinstance(pictures, bytes) else worlds.zipped(PICTURES if pictures is None else pictures)
    app.file_uploader(key="compare_many_zip").set_value(("mine.zip", data, "application/zip"))
    return app.run()


def score(app: AppTest) -> AppTest:
    return app.button(key="compare_many_score").click().run()


def metrics(app: AppTest) -> dict[str, str]:
    return {m.label: m.value for m in app.metric}


def test_without_files_nothing_can_be_pressed(many):
    assert not worlds.told(many)
    assert worlds.primaries(many) == ["Score the pairs"]
    assert many.button(key="compare_many_score").disabled
    assert "Give both files" in worlds.words(many)
    app = many.file_uploader(key="compare_many_csv").set_value(("mine.csv", ROWS.encode(), "text/csv")).run()
    assert app.button(key="compare_many_score").disabled
    assert not app.metric


def test_good_files_give_figures_pictures_and_a_table(many, at_once):
    app = score(give(many))
    assert not worlds.told(app)
    found = metrics(app)
    assert found["Pairs"] == "3"
    assert int(found["Same"]) + int(found["Different"]) == 3
    assert found["Right"].endswith("%")
    assert "95% interval" in worlds.words(app)
    assert len(app.get("plotly_chart")) == 1
    assert len(app.image) == 6
    table = app.dataframe[-1].value
    assert sorted(table["Row"]) == [2, 3, 4]
    assert dict(zip(table["Row"], table["Label"], strict=True)) == {2: "same", 3: "different", 4: "same"}
    assert "Probability" not in table
    assert not app.expander


def test_where_there_is_nothing_to_say_the_table_is_empty(many, at_once):
    rows = ROWS + "anna/0.png,anna/0.png,\nanna/0.png,\u202eanna/0.png,1\n"
    app = score(give(many, rows, PICTURES | {"\u202eanna/0.png": worlds.picture(99)}))
    assert not worlds.told(app)
    table = app.dataframe[-1].value.set_index("Row")
    assert table.loc[5, "Note"] == "the same picture on both sides"
    assert (table.loc[2, "Note"], table.loc[5, "Label"]) == ("", "")
    assert table.loc[6, "Picture B"] == "?anna/0.png"  # no name turns the words around it
    assert "\u202e" not in worlds.words(app)


def test_the_table_follows_the_order_that_is_chosen(many, at_once):
    app = score(give(many))
    order = next(c for c in app.segmented_control if c.key.startswith("compare_many_order"))
    order.set_value("file").run()
    assert not worlds.told(app)
    assert list(app.dataframe[-1].value["Row"]) == [2, 3, 4]


def test_without_labels_there_is_no_accuracy(many, at_once):
    app = score(give(many, ROWS.replace(",label", "").replace(",1\n", "\n").replace(",0\n", "\n")))
    assert not worlds.told(app)
    assert "Right" not in metrics(app)
    assert "Label" not in app.dataframe[-1].value


def test_broken_rows_are_listed_and_the_rest_is_scored(many, at_once):
    app = score(give(many, BROKEN))
    assert not worlds.told(app)
    assert metrics(app)["Pairs"] == "3"
    assert "3 rows could not be scored" in worlds.words(app)
    listed = app.dataframe[0].value
    assert list(listed["Row"]) == [5, 6, 7]
    assert "carl/0.png" in listed["What is wrong"][0]


def test_when_all_rows_are_broken_that_is_all_there_is(many, at_once):
    app = score(give(many, ROWS.replace("anna", "carl").replace("bert", "dora")))
    assert not worlds.told(app)
    assert "None of the 3 rows" in app.warning[0].value
    assert list(app.dataframe[0].value["Row"]) == [2, 3, 4]
    assert not app.metric


BAD = {
    "no table": (b"hello", None, "must name its columns"),
    "empty table": (b"", None, "is empty"),
    "a zip as table": (worlds.zipped({"a.png": b"x"}), None, "not a CSV"),
    "a table as zip": (ROWS, ROWS.encode(), "not a zip file"),
    "a zip in the zip": (ROWS, {"more.zip": b"PK\x03\x04"}, "archive inside"),
}


@pytest.mark.parametrize(("table", "pictures", "why"), list(BAD.values()), ids=list(BAD))
def test_bad_files_are_one_sentence_and_can_be_changed(many, at_once, table, pictures, why):
    app = score(give(many, table, pictures))
    assert len(worlds.told(app)) == 1
    assert why in worlds.told(app)[0].replace("\\", "")
    app = score(give(app))
    assert not worlds.told(app)
    assert metrics(app)["Pairs"] == "3"


def test_what_is_too_large_is_refused_on_the_server(many, monkeypatch):
    monkeypatch.setattr(many_work, "MAX_TABLE", 1 << 20)
    app = give(many.run(), ROWS + "x" * (2 << 20))
    assert len(worlds.told(app)) == 1
    assert "larger than 1 MB" in worlds.told(app)[0].replace("\\", "")
    assert app.button(key="compare_many_score").disabled
    assert len(app.file_uploader) == 2


def test_files_taken_away_take_their_scores_with_them(many, at_once):
    app = score(give(many))
    assert app.metric
    app.file_uploader(key="compare_many_zip").set_value(None).run()
    assert not worlds.told(app)
    assert not app.metric
    assert app.button(key="compare_many_score").disabled


def test_other_files_or_another_meaning_are_not_the_old_scores(many, at_once):
    app = score(give(many))
    before = metrics(app)["Right"]
    app.selectbox(key="compare_many_one").set_value("different").run()
    assert not app.metric
    assert metrics(score(app))["Right"] != before
    give(app, BROKEN)
    assert not app.metric


def test_it_can_be_stopped_and_begun_again(many, monkeypatch):
    begun: list[later.Work] = []
    monkeypatch.setattr(later, "_spawn", begun.append)
    app = score(give(many))
    assert len(app.get("progress")) == 1
    app.button(key="later_stop").click().run()
    assert not app.get("progress")
    assert "Stopped" in worlds.words(app)
    begun[0].run()  # the thread comes to it only now
    assert begun[0].result is None
    score(app)
    begun[1].run()
    app.run()
    assert metrics(app)["Pairs"] == "3"


def test_two_zips_are_paired_by_name(many, at_once):
    app = many.segmented_control(key="compare_many_kind").set_value("zips").run()
    for i, name in enumerate(("anna", "bert")):
        files = {k.split("/")[1]: v for k, v in PICTURES.items() if k.startswith(name)} | ({"9.png": b"x"} if i else {})
        upload = (f"{name}.zip", worlds.zipped(files), "application/zip")
        app.file_uploader(key=f"compare_many_zip_{i}").set_value(upload)
    app = score(app.run())
    assert not worlds.told(app)
    assert metrics(app)["Pairs"] == "3"
    assert "alone" in app.dataframe[0].value["What is wrong"][0]
    assert list(app.dataframe[-1].value["Picture B"]) != []


def test_another_visitor_sees_nothing_of_it(many, at_once):
    assert score(give(many)).metric
    other = worlds.visit("compare", "finished")
    other.segmented_control(key="compare_source").set_value("many").run()
    assert not other.metric


def asked(table: str = ROWS, **more) -> many_work.Asked:
    return many_work.Asked(
        ("t.csv", table.encode()), ("i.zip", worlds.zipped(PICTURES)), **{"folders": False, "label_one": "same"} | more
    )


@pytest.fixture(scope="module")
def model(finished_run):
    return trained.load(finished_run)


def test_what_is_shown_is_prepared(model):
    found = many_work.scored(model, asked(), lambda text, fraction: None)
    everything, same, different = found.counts
    assert (everything.sum(), same.sum(), different.sum()) == (3, 2, 1)
    assert set(found.pictures) == set(range(5))
    distances = found.scores.distances
    assert abs(distances[found.orders["near"]] - model.threshold).tolist() == sorted(abs(distances - model.threshold))
    wrong = found.orders.get("wrong", [])
    assert sorted(wrong) == [i for i in range(3) if found.scores.wrong()[i]]
    rows = list(csv.DictReader(io.TextIOWrapper(many_work.as_csv(found.scores))))
    assert [r["row"] for r in rows] == ["2", "3", "4"]


def test_a_pair_that_comes_again_is_shown_once(model):
    again = ROWS + "anna/1.png,anna/0.png,1\n" * 5 + "anna/1.png,anna/2.png,1\n"
    found = many_work.scored(model, asked(again), lambda text, fraction: None)
    assert found.shown["file"] == [0, 1, 2, 8]
    assert len(found.orders["file"]) == 9
    assert found.shown["near"][0] == found.orders["near"][0]


def test_the_stop_reaches_the_middle_of_the_work(model):
    def stop(text: str, fraction: float) -> None:
        if fraction > 0:
            raise later.Stopped

    with pytest.raises(later.Stopped):
        many_work.scored(model, asked(), stop)


def test_a_page_takes_fewer_rows_than_the_shell(model, monkeypatch):
    monkeypatch.setattr(many_work, "MOST_ROWS", 2)
    with pytest.raises(DataError, match="more than the 2 rows"):
        many_work.scored(model, asked(), lambda text, fraction: None)


def test_uploads_are_let_go_when_the_work_has_ended():
    work = later.Work(lambda progress: 7)
    thread = threading.Thread(target=work.run)
    thread.start()
    thread.join(30)
    assert work.result == 7
    assert work._function is None


def test_figures_without_labels_count_pairs():
    edges, counts = [0.0, 1.0, 2.0], [3, 4]
    assert list(charts_pairs.spread(edges, counts, [0, 0], [0, 0], 1.5).data[0].y) == counts
    labelled = charts_pairs.spread(edges, counts, [3, 0], [0, 4], 1.5)
    assert [list(bar.y) for bar in labelled.data] == [[1, 0], [0, 1]]
    assert not charts_pairs.spread(edges, counts, [3, 0], [0, 4], None).layout.shapes
