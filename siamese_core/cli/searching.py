"""search, gallery: the pictures most like a query, and the galleries that are kept to search in."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from siamese_core.cli import output
from siamese_core.cli.parser import Parser, add_data_root, add_device, add_run, command
from siamese_core.cli.using import read_picture
from siamese_core.errors import DataError

NAME_HELP = "a gallery's name in the runs folder, or its folder"


def add(commands: Any) -> None:
    """Add the commands to the parser."""
    p = command(
        commands, "search", "Find the pictures of a gallery, or of a folder, that are most like a query.", search
    )
    add_run(p)
    p.add_argument("--gallery", metavar="DIR", required=True, help=f"{NAME_HELP}; or a folder or zip of pictures, "
                   "which is searched as it is and kept nowhere")  # fmt: skip
    p.add_argument("queries", metavar="QUERY", type=Path, nargs="+", help="a picture; or several")
    p.add_argument("--k", type=int, default=10, metavar="N", help="how many to find (default: 10)")
    p.add_argument("--combine", choices=("each", "mean", "best"), default="each",
                   help="several queries: each alone, by their mean embedding, or by the best of them")  # fmt: skip
    add_data_root(p)
    add_device(p)
    gallery = commands.add_parser(
        "gallery", help="Keep pictures to search in.", description="Keep pictures to search in."
    )
    _gallery_commands(gallery.add_subparsers(metavar="ACTION", required=True, dest="action", parser_class=Parser))


def _gallery_commands(commands: Any) -> None:
    p = command(commands, "add", "Put pictures into a gallery, which is made if it is not there.", put)
    p.add_argument("name", metavar="NAME", help=NAME_HELP)
    add_run(p)
    p.add_argument("pictures", metavar="PICTURES", nargs="+", help="folders, zips, pictures, or data sets by name")
    p.add_argument("--engine", metavar="{exact,faiss,chroma}", help="of a new gallery (default: exact)")
    p.add_argument("--url", help="chroma: the server's address, as http://127.0.0.1:8000 (default: in the folder)")
    p.add_argument("--kind", metavar="{ivf,hnsw}", help="faiss: the kind of index (default: ivf)")
    add_data_root(p)
    add_device(p)
    p = command(commands, "list", "The galleries there are, or the pictures of one.", show)
    p.add_argument("name", metavar="NAME", nargs="?", help=NAME_HELP)
    p.add_argument("--text", default="", help="only pictures with this in their name or class")
    p.add_argument("--limit", type=int, default=100, metavar="N", help="pictures shown at most (default: 100)")
    add_run(p, positional=False)
    p = command(commands, "remove", "Take pictures out of a gallery, or delete it.", remove)
    p.add_argument("name", metavar="NAME", help=NAME_HELP)
    p.add_argument("items", metavar="ITEM", nargs="*", help="pictures by number, name or file")
    p.add_argument("--all", action="store_true", help="delete the whole gallery")
    add_run(p, positional=False)
    p = command(commands, "duplicates", "Pairs of pictures in a gallery that are nearly the same.", duplicates)
    p.add_argument("name", metavar="NAME", help=NAME_HELP)
    p.add_argument("--threshold", type=float, metavar="X", help="largest distance (default: the run's threshold)")
    p.add_argument("--limit", type=int, default=100, metavar="N", help="pairs shown at most (default: 100)")
    _add_own_run(p)
    p = command(commands, "measure", "Recall@k and MAP@R of a gallery whose pictures have classes.", measure)
    p.add_argument("name", metavar="NAME", help=NAME_HELP)
    _add_own_run(p)
    p = command(commands, "update", "Bring a gallery's index up to date, or make it anew.", update)
    p.add_argument("name", metavar="NAME", help=NAME_HELP)
    _add_own_run(p)


def _add_own_run(p: argparse.ArgumentParser) -> None:
    p.add_argument("--run", metavar="RUN", help="the run that made it (default: by its name in the runs folder)")
    add_run(p, positional=False)
    add_device(p)


def search(args: argparse.Namespace) -> int:
    """The nearest pictures of each query, or of all together."""
    from siamese_core import runs, trained
    from siamese_core.modalities import face
    from siamese_core.modalities.image import from_files

    sources = [read_picture(path) for path in args.queries]
    folder = runs.runs_folder(args.runs)
    model = trained.load(runs.find(args.run, folder), args.device)
    asked = from_files(sources, model.spec)
    output.warn(face.words(asked.faces, "queries", "the query"))
    with _searcher(args, model, folder) as (searcher, named):
        found = searcher.search(asked, args.k, args.combine)
        rows = [[_match(m, args.queries[m.query], named) for m in one.matches] for one in found]
    told = {"k": args.k, "total": found[0].total, "fewer": found[0].fewer, "gallery": args.gallery, "run": model.name}
    if found[0].fewer:
        output.say(f"the gallery has only {output.count(found[0].total, 'picture')}, so all of them are given.")
    if len(found) == 1:
        value = {"matches": rows[0], "queries": args.queries} | told
        text = _table(rows[0])
    else:
        value = {
            "queries": [{"file": f, "matches": r} for f, r in zip(args.queries, rows, strict=True)],
            "matches": rows[0],
        } | told
        text = "\n\n".join(f"{f}\n{_table(r)}" for f, r in zip(args.queries, rows, strict=True))
    output.result(value, args.json, text)
    return 0


@contextmanager
def _searcher(args: argparse.Namespace, model: Any, folder: Path) -> Iterator[tuple[Any, str]]:
    """A searcher of the gallery; or of pictures that are read now, and the folder to put before their names."""
    from siamese_core import galleries
    from siamese_core.galleries import sources

    if galleries.is_gallery(args.gallery, folder):
        yield galleries.open_gallery(args.gallery, folder).searcher(model), ""
        return
    root = None if args.data_root is None else Path(args.data_root).expanduser()
    ticker = output.Ticker()
    try:
        pictures = sources.of_place(args.gallery, root, ticker)
        with tempfile.TemporaryDirectory(prefix="siamese-gallery-") as place:
            gallery = galleries.create(Path(place) / "now", model)
            added = gallery.add(model, pictures, ticker, keep_copies=True)
            ticker.clear()
            if not added.added:
                raise DataError(f"No picture in {args.gallery} can be read: {added.problems[0]}")
            _warn_unread(added)
            yield gallery.searcher(model), args.gallery if Path(args.gallery).is_dir() else ""
    finally:
        ticker.clear()


def _warn_unread(added: Any) -> None:
    if added.failed:
        output.warn([f"{output.count(added.failed, 'picture')} passed over; the first: {added.problems[0]}"])


def _match(match: Any, query: Path, named: str) -> dict[str, Any]:
    item = match.item
    return {
        "file": str(Path(named) / item.name) if named else item.file,
        "label": item.label or None,
        "distance": match.distance,
        "probability": match.probability,
        "same_picture": match.same,
        "nearest_query": query,
        "id": item.id,
    }


def _table(rows: list[dict[str, Any]]) -> str:
    heads = {"distance": "distance", "probability": "probability of same", "label": "class", "file": "file"}
    if not rows:
        return "The gallery is empty."
    return output.table(
        [r | {"file": r["file"] + (" (the same picture)" if r["same_picture"] else "")} for r in rows],
        {k: v for k, v in heads.items() if any(r[k] is not None for r in rows)},
    )


def put(args: argparse.Namespace) -> int:
    """Add to a gallery; Ctrl-C leaves what is in, and the same command goes on."""
    from siamese_core import galleries, runs, trained
    from siamese_core.galleries import sources

    folder = runs.runs_folder(args.runs)
    settings = {k: v for k, v in (("url", args.url), ("kind", args.kind)) if v is not None}
    there = galleries.is_gallery(args.name, folder)
    gallery = galleries.open_gallery(args.name, folder) if there else None
    if gallery is not None:
        _same_engine(gallery, args.engine, settings)
    model = trained.load(runs.find(args.run, folder), args.device)
    root = None if args.data_root is None else Path(args.data_root).expanduser()
    ticker = output.Ticker()
    told = galleries.Added()
    try:
        places = [sources.of_place(place, root, ticker) for place in args.pictures]
        if gallery is None:
            gallery = galleries.create(args.name, model, args.engine or "exact", folder, **settings)
        for pictures in places:
            told += gallery.add(model, pictures, ticker)
        ticker.clear()
    except KeyboardInterrupt:
        ticker.clear()
        if gallery is not None:
            held = output.count(len(gallery), "picture")
            output.say(f"Stopped. The gallery {gallery.name} holds {held}; the same command goes on from there.")
        return 130
    finally:
        ticker.clear()
    _warn_unread(told)
    value = {
        "gallery": gallery.name, "folder": gallery.folder, "added": told.added, "duplicates": told.duplicates,
        "failed": told.failed, "problems": told.problems, "items": len(gallery), "engine": gallery.manifest.engine,
        "run": model.name,
    }  # fmt: skip
    output.result(value, args.json, f"{gallery.name}: {told.words()} It holds {output.count(len(gallery), 'picture')}.")
    return 0


def _same_engine(gallery: Any, engine: str | None, settings: dict[str, Any]) -> None:
    made = gallery.manifest
    other = engine is not None and engine != made.engine
    if other or any(made.settings.get(k) != v for k, v in settings.items()):
        raise DataError(
            f"The gallery {gallery.name} has the engine {made.engine} with its own settings; leave --engine, --url and "
            "--kind out, or make another gallery."
        )


def show(args: argparse.Namespace) -> int:
    """All galleries, or one's pictures."""
    from siamese_core import galleries, runs

    folder = runs.runs_folder(args.runs)
    if args.name is None:
        found, wrong = galleries.all_galleries(folder)
        rows = []
        for gallery in found:
            made = gallery.manifest
            try:
                rows.append({"name": gallery.name, "run": made.run, "items": len(gallery), "engine": made.engine,
                             "created": made.created, "folder": gallery.folder})  # fmt: skip
            except DataError as e:
                wrong.append(str(e))
        output.warn(wrong)
        heads = {k: k for k in ("name", "items", "run", "engine", "created")}
        output.result({"galleries": rows}, args.json, output.table(rows, heads) if rows else "There is no gallery yet.")
        return 0
    gallery = galleries.open_gallery(args.name, folder)
    rows = [
        {"id": i.id, "file": i.file, "label": i.label or None, "source": i.source}
        for i in gallery.items(0, max(0, args.limit), args.text)
    ]
    made, total = gallery.manifest, len(gallery)
    value = {"gallery": gallery.name, "run": made.run, "engine": made.engine, "total": total, "items": rows}
    head = f"{gallery.name}: {output.count(total, 'picture')}, run {made.run}, engine {made.engine}."
    output.result(
        value, args.json, "\n".join([head, output.table(rows, {"id": "id", "label": "class", "file": "file"})])
    )
    return 0


def remove(args: argparse.Namespace) -> int:
    """Some pictures, or the whole gallery."""
    from siamese_core import galleries, runs

    gallery = galleries.open_gallery(args.name, runs.runs_folder(args.runs))
    if args.all == bool(args.items):
        raise DataError("Say which pictures to remove, by number, name or file; or --all for the whole gallery.")
    if args.all:
        left = gallery.delete()
        output.warn([left] if left else [])
        output.result({"gallery": gallery.name, "deleted": True}, args.json, f"{gallery.name} is deleted.")
        return 0
    ids: list[int] = []
    for word in args.items:
        found = list(gallery.store.by_id([int(word)])) if word.isdecimal() and len(word) < 18 else []
        found = found or [i.id for i in gallery.store.by_name(word)]
        if not found:
            raise DataError(f"There is no picture '{word}' in the gallery {gallery.name}; see `gallery list`.")
        ids += found
    count, held = gallery.remove(ids), len(gallery)
    value = {"gallery": gallery.name, "deleted": False, "removed": count, "items": held}
    output.result(value, args.json, f"{gallery.name}: {count:,} removed. It holds {output.count(held, 'picture')}.")
    return 0


def _own(args: argparse.Namespace) -> tuple[Any, Any]:
    """A gallery and the run that made it."""
    from siamese_core import galleries, runs, trained

    folder = runs.runs_folder(args.runs)
    gallery = galleries.open_gallery(args.name, folder)
    return gallery, trained.load(runs.find(args.run or gallery.manifest.run, folder), args.device)


def duplicates(args: argparse.Namespace) -> int:
    """Pairs that are nearly the same."""
    gallery, model = _own(args)
    ticker = output.Ticker()
    try:
        found = gallery.duplicates(model, args.threshold, ticker)
    finally:
        ticker.clear()
    shown = slice(0, max(0, args.limit))
    first, second = found.first[shown].tolist(), found.second[shown].tolist()
    items = gallery.store.by_id(sorted({*first, *second}))
    rows = [
        {"distance": float(d), "a": items[i].file, "b": items[j].file, "a_id": i, "b_id": j}
        for i, j, d in zip(first, second, found.distances[shown], strict=True)
        if i in items and j in items
    ]
    value = {"pairs": rows, "total": found.total, "threshold": found.threshold, "groups": found.groups}
    head = f"{output.count(found.total, 'pair')} at most {found.threshold:.4g} apart."
    text = "\n".join([head, output.table(rows, {"distance": "distance", "a": "a", "b": "b"})] if rows else [head])
    output.result(value, args.json, text)
    return 0


def measure(args: argparse.Namespace) -> int:
    """Recall@k and MAP@R."""
    gallery, model = _own(args)
    ticker = output.Ticker()
    try:
        found, asked = gallery.retrieval(model, ticker)
    finally:
        ticker.clear()
    recall = {str(k): v for k, v in found.recall}
    value = {
        "recall": recall,
        "map_at_r": found.map_at_r,
        "queries": found.queries,
        "of": asked,
        "gallery": gallery.name,
    }
    said = ", ".join(f"recall@{k} {output.percent(v)}" for k, v in recall.items())
    output.result(value, args.json, f"{said}, MAP@R {output.percent(found.map_at_r)}; {found.queries:,} queries.")
    return 0


def update(args: argparse.Namespace) -> int:
    """The index brought up to date."""
    gallery, model = _own(args)
    ticker = output.Ticker()
    try:
        gallery.update(model, ticker)
    finally:
        ticker.clear()
    indexed, held = gallery.searcher(model).indexed, output.count(len(gallery), "picture")
    value = {"gallery": gallery.name, "indexed": indexed, "items": len(gallery), "engine": gallery.manifest.engine}
    output.result(
        value, args.json, f"{gallery.name}: {held}; rows in the index of engine {value['engine']}: {indexed:,}."
    )
    return 0
