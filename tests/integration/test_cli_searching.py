"""The command line: search and gallery."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest

from siamese_core import galleries
from tests.commands import command, scribble
from tests.ready import make_run


@pytest.fixture
def folder(tmp_path):
    """Twelve scribbles of two classes, one of them twice."""
    for i in range(12):
        scribble(tmp_path / "pictures" / f"c{i % 2}" / f"{i}.png", i)
    shutil.copy(tmp_path / "pictures" / "c1" / "3.png", tmp_path / "pictures" / "c1" / "copy.png")
    return tmp_path / "pictures"


def test_a_folder_is_searched_as_it_is_and_kept_nowhere(tiny_run, runs_folder, cli, cli_json, folder):
    query = folder / "c0" / "2.png"
    found = cli_json("search", "tiny", "--gallery", folder, query, "--k", 3)
    assert found["matches"][0]["file"] == str(query)
    assert found["matches"][0]["label"] == "c0"
    assert found["matches"][0]["same_picture"] is True
    assert found["matches"][0]["distance"] == pytest.approx(0, abs=1e-6)
    assert found["matches"][0]["probability"] is None
    distances = [m["distance"] for m in found["matches"]]
    assert distances == sorted(distances)
    assert (len(distances), found["total"], found["fewer"]) == (3, 13, False)
    both = cli_json("search", "tiny", "--gallery", folder, folder / "c1" / "3.png", "--k", 2)["matches"]
    assert [m["file"].rsplit("/", 1)[1] for m in both] == ["3.png", "copy.png"]
    assert not (runs_folder / ".galleries").exists()
    code, out, err = cli("search", "tiny", "--gallery", folder, query, "--k", 99)
    assert code == 0
    assert len(out.splitlines()) == 14
    assert "only 13 pictures" in err


def test_a_gallery_from_making_to_deleting(tiny_run, runs_folder, cli, cli_json, refused, folder):
    (folder / "c0" / "bad.png").write_bytes(b"no picture")
    made = cli_json_of(cli, "gallery", "add", "mine", "tiny", folder)
    assert (made["added"], made["duplicates"], made["failed"], made["items"]) == (12, 1, 1, 12)
    assert made["folder"] == str(runs_folder / ".galleries" / "mine")
    again = cli_json_of(cli, "gallery", "add", "mine", "tiny", folder, folder / "c0" / "2.png")
    assert (again["added"], again["items"]) == (0, 12)
    assert cli_json("gallery", "list")["galleries"][0] | {"folder": "", "created": ""} == {
        "name": "mine", "run": "tiny", "items": 12, "engine": "exact", "folder": "", "created": "",
    }  # fmt: skip
    listed = cli_json("gallery", "list", "mine", "--text", "c1")
    assert (len(listed["items"]), listed["total"]) == (6, 12)
    query = folder / "c0" / "2.png"
    for name in ("mine", made["folder"]):
        found = cli_json("search", "tiny", "--gallery", name, query, "--k", 12)
        assert found["matches"][0]["file"] == str(query)
    assert cli_json("gallery", "duplicates", "mine", "--threshold", 1e9)["total"] == 66
    assert cli_json("gallery", "measure", "mine")["queries"] == 12
    assert cli_json("gallery", "update", "mine")["indexed"] == 0
    first = found["matches"][0]["id"]
    assert cli_json("gallery", "remove", "mine", first, folder / "c0" / "4.png")["removed"] == 2
    found = cli_json("search", "tiny", "--gallery", "mine", query, "--k", 12)
    assert not {first} & {m["id"] for m in found["matches"]}
    assert found["total"] == 10
    assert "number, name or file" in refused("gallery", "remove", "mine")
    assert "no picture '999'" in refused("gallery", "remove", "mine", 999)
    assert "own settings" in refused("gallery", "add", "mine", "tiny", folder, "--engine", "faiss")
    assert cli_json("gallery", "remove", "mine", "--all")["deleted"] is True
    assert cli_json("gallery", "list")["galleries"] == []
    assert "no gallery 'mine'" in refused("gallery", "list", "mine")


def cli_json_of(cli, *words):
    """The same as cli_json, where something may be said on stderr."""
    code, out, err = cli(*words, "--json")
    assert code == 0, err
    return json.loads(out)


def test_several_queries_each_and_together(tiny_run, cli_json, folder):
    a, b = folder / "c0" / "2.png", folder / "c1" / "5.png"
    each = cli_json("search", "tiny", "--gallery", folder, a, b, "--k", 2)
    assert [q["file"] for q in each["queries"]] == [str(a), str(b)]
    assert [q["matches"][0]["file"] for q in each["queries"]] == [str(a), str(b)]
    best = cli_json("search", "tiny", "--gallery", folder, a, b, "--k", 2, "--combine", "best")
    assert {(m["file"], m["nearest_query"]) for m in best["matches"]} == {(str(a), str(a)), (str(b), str(b))}
    assert len(cli_json("search", "tiny", "--gallery", folder, a, b, "--k", 2, "--combine", "mean")["matches"]) == 2


def test_a_calibrated_run_says_how_probable_it_is(cli_json, folder):
    found = cli_json("search", "starter", "--gallery", folder, folder / "c0" / "2.png", "--k", 3)["matches"]
    assert found[0]["probability"] > found[-1]["probability"] > 0


def test_what_cannot_be_is_refused_in_one_line(tiny_run, runs_folder, refused, cli, folder, tmp_path):
    query = folder / "c0" / "2.png"
    make_run(runs_folder / "other", image_size=14)
    cli("gallery", "add", "mine", "tiny", folder)
    assert "make a new gallery with other" in refused("search", "other", "--gallery", "mine", query)
    assert "make a new gallery with other" in refused("gallery", "add", "mine", "other", folder)
    assert "at least 1" in refused("search", "tiny", "--gallery", "mine", query, "--k", 0)
    assert "no pictures at" in refused("search", "tiny", "--gallery", tmp_path / "nothing", query)
    assert "no file" in refused("search", "tiny", "--gallery", folder, tmp_path / "nothing.png")
    assert "exact, faiss, chroma" in refused("gallery", "add", "new", "tiny", folder, "--engine", "magic")
    assert "no settings" in refused("gallery", "add", "new", "tiny", folder, "--kind", "ivf")
    assert "cannot be a gallery's name" in refused("gallery", "add", "a b", "tiny", folder)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.png").write_bytes(b"no picture")
    assert "No picture in" in refused("search", "tiny", "--gallery", tmp_path / "bad", query)
    assert [g.name for g in galleries.all_galleries(runs_folder)[0]] == ["mine"]


@pytest.mark.slow
def test_interrupted_and_killed_it_goes_on(tiny_run, runs_folder, cli, tmp_path):
    for i in range(4000):
        scribble(tmp_path / "many" / f"{i}.png", i, 40)
    for end in (signal.SIGINT, signal.SIGKILL):
        process = command("gallery", "add", "mine", "tiny", str(tmp_path / "many"), "--device", "cpu")
        before = count(runs_folder)
        while process.poll() is None and count(runs_folder) <= before:
            time.sleep(0.05)
        process.send_signal(end)
        _, err = process.communicate(timeout=60)
        if end == signal.SIGINT and process.returncode != 0:
            assert process.returncode == 130
            assert "goes on from there" in err
    held = count(runs_folder)
    assert held >= 1024 or process.returncode == 0
    done = cli_json_of(cli, "gallery", "add", "mine", "tiny", tmp_path / "many")
    assert done["added"] == done["items"] - held
    assert done["added"] + done["duplicates"] == 4000


def count(runs_folder):
    return len(galleries.open_gallery("mine", runs_folder)) if galleries.is_gallery("mine", runs_folder) else 0


def test_nothing_slow_is_imported_to_parse_a_search():
    code = (
        "import sys; from siamese_core.cli.parser import build; build(); "
        "print(sorted({'torch', 'faiss', 'chromadb', 'sqlite3'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
