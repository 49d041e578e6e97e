"""Which gallery: the choice of one, making one, adding to it, and removing it. What is made here stays on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.parts import cache, later, show, state, theme, uploads
from pages.parts.uploads import Named
from siamese_core import galleries, runs
from siamese_core.errors import DataError
from siamese_core.galleries import Added, Gallery, manifest, sources
from siamese_core.galleries.sources import Pictures
from siamese_core.runs import Run

STAYS = (
    "A gallery is kept on this machine, in the runs folder, until you delete it: small pictures, names and embeddings. "
    "Everybody who opens this dashboard can search it."
)
WHAT = (
    "A gallery is a collection of pictures as this network sees them.  \n"
    "Give a picture, and those nearest to it are found: its own class first, if the network is good."
)
ENGINES = {
    "exact": "Exact: looks at every picture; best up to some 100,000",
    "faiss": "Faiss: an index on disk, for millions (needs faiss-cpu)",
    "chroma": "Chroma: a vector database, here or on a server (needs chromadb)",
}
OWN = {"zip": "A zip of pictures", "pictures": "Pictures"}
NEWEST = "search_newest"  # the gallery that was just made


def draw(run: Run) -> Gallery | None:
    """The row that chooses; the gallery, or None where there is none that this run can search. What is under way is
    shown below it."""
    mine, others, wrong = _known(run)
    missing = _missing(mine, others)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = _choose(mine) if mine else None
        with st.popover("New gallery", icon=theme.ICONS["add"], key="gallery_new"):
            _new(run)
        if chosen is not None:
            with st.popover("Add pictures", icon=theme.ICONS["upload"], key="gallery_add"):
                _more(run, chosen)
            with st.popover("Delete", icon=theme.ICONS["delete"], key="gallery_delete"):
                _delete(run, chosen)
    for sentence in wrong:
        st.warning(show.plain(sentence), icon=theme.ICONS["warning"])
    if missing:
        st.warning(missing, icon=theme.ICONS["warning"])
    told = later.outcome(_key(run))
    if isinstance(told, Added):
        _tell(told)
    if chosen is None and not later.active(_key(run)):
        _first(run, others)
    return chosen


def busy(run: Run) -> bool:
    """Whether pictures are being added."""
    return later.active(_key(run))


def _known(run: Run) -> tuple[dict[str, Gallery], dict[str, Gallery], list[str]]:
    """This run's galleries by name, those of other weights, and what is wrong with damaged ones."""
    found, wrong = galleries.all_galleries(runs.runs_folder())
    digest = cache.weights_digest(run)
    mine = {g.name: g for g in found if g.manifest.weights == digest}
    return mine, {g.name: g for g in found if g.name not in mine}, wrong


def _choose(mine: dict[str, Gallery]) -> Gallery:
    newest = state.lab().answers.pop(NEWEST, None)
    if newest in mine:
        state.put("search_gallery", newest)
    name = st.selectbox("Gallery", list(mine), key="search_gallery", width=340, bind="query-params",
                        help="Collections that were made with this run's weights.")  # fmt: skip
    return mine[name]


def _missing(mine: dict[str, Gallery], others: dict[str, Gallery]) -> str:
    """What to say of a gallery that the address asks for and that this run cannot search."""
    asked = state.asked("search_gallery")
    if asked is None or asked in mine:
        return ""
    name = asked
    if other := others.get(name):
        of = show.plain(other.manifest.run)
        return (f"The gallery **{show.plain(name)}** was made by other weights (of the run {of}), so this run cannot "
                "search it. Choose its own run above, or make a new gallery.")  # fmt: skip
    return f"There is no gallery **{show.plain(name)}** here any more; choose another, or make one."


def _first(run: Run, others: dict[str, Gallery]) -> None:
    """Without a gallery: what one is, and the shortest way to one."""
    key, words = next(iter(cache.choices(run).items()))
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        st.markdown(WHAT, text_alignment="center")
        if others:
            st.caption(f"Here are galleries of other runs or weights: {show.plain(', '.join(list(others)[:5]))}. "
                       "Embeddings of different networks cannot be compared.")  # fmt: skip
        st.button(f"Make a gallery of {words}", type="primary", icon=theme.ICONS["add"], key="gallery_first",
                  on_click=_begin_set, args=(run, _free(run, key), key, "exact", ""))  # fmt: skip
        st.space("small")


def _new(run: Run) -> None:
    sets = cache.choices(run)
    source = st.selectbox("Pictures", [*sets, *OWN], key="gallery_source", format_func=(sets | OWN).get, width=400)
    given = _given(source, "gallery_new") if source in OWN else []
    name = st.text_input("Name", key="gallery_name", max_chars=80, placeholder=_free(run, source))
    engine = st.selectbox("Engine", list(ENGINES), key="gallery_engine", format_func=ENGINES.get,
                          help="How it is searched. All three find the same kind of thing; what is told is always this "
                               "run's own distance.")  # fmt: skip
    url = ""
    if engine == "chroma":
        told = (
            "As in http://127.0.0.1:8000, for a server that was started by `chroma run`. Embeddings are sent there; "
            "names and pictures stay here."
        )
        url = st.text_input("Server", key="gallery_url", placeholder="empty: in the gallery's own folder", help=told)
    st.caption(STAYS)
    name = name.strip() or _free(run, source)
    ready = source in sets or bool(given)
    if source in sets:
        st.button("Make the gallery", icon=theme.ICONS["start"], key="gallery_make",
                  on_click=_begin_set, args=(run, name, source, engine, url.strip()))  # fmt: skip
    else:
        st.button("Make the gallery", icon=theme.ICONS["start"], key="gallery_make", disabled=not ready,
                  on_click=_begin_own, args=(run, name, source, given, engine, url.strip()))  # fmt: skip


def _more(run: Run, gallery: Gallery) -> None:
    sets = cache.choices(run)
    source = st.selectbox("Pictures", [*OWN, *sets], key="gallery_more_source", format_func=(OWN | sets).get, width=400)
    st.caption("Pictures that are in already are passed over. " + STAYS)
    if source in sets:
        st.button("Add them", icon=theme.ICONS["add"], key="gallery_more",
                  on_click=_begin_set, args=(run, gallery.name, source, None, ""))  # fmt: skip
    else:
        given = _given(source, "gallery_more")
        st.button("Add them", icon=theme.ICONS["add"], key="gallery_more", disabled=not given,
                  on_click=_begin_own, args=(run, gallery.name, source, given, None, ""))  # fmt: skip


def _given(source: str, key: str) -> list[uploads.Source]:
    """What was uploaded; what cannot be used is told right there."""
    return show.guarded(_zip if source == "zip" else _pictures)(f"{key}_{source}") or []


def _zip(key: str) -> list[uploads.Source]:
    st.caption("Folders in it are classes, as in cat/1.png; without folders, pictures have no class.")
    given = uploads.one_file("Zip", "zip", key, uploads.MAX_ZIP)
    return [(given.name, given.getvalue())] if given is not None else []


def _pictures(key: str) -> list[uploads.Source]:
    uploads.pictures("Pictures", key, many=True)
    return uploads.checked(state.get(key) or [])


def _delete(run: Run, gallery: Gallery) -> None:
    st.markdown(f"Delete **{show.plain(gallery.name)}** for good, with all pictures, names and embeddings in it?")
    st.button(
        "Delete it", icon=theme.ICONS["delete"], key="gallery_delete_sure", on_click=_deleted, args=(run, gallery)
    )


@show.told_later
def _deleted(run: Run, gallery: Gallery) -> None:
    left = gallery.delete()
    state.forget("search_gallery")
    if left:
        raise DataError(left)


@show.told_later
def _begin_set(run: Run, name: str, key: str, engine: str | None, url: str) -> None:
    _begin(run, name, lambda: sources.of_set(cache.examples(run, key)), engine, url)


@show.told_later
def _begin_own(run: Run, name: str, source: str, given: list[uploads.Source], engine: str | None, url: str) -> None:
    def pictures() -> Pictures:
        if source == "zip":
            return sources.of_zip(Named(given[0][1], given[0][0]))  # type: ignore[arg-type]
        return sources.of_files(given)

    _begin(run, name, pictures, engine, url)


def _begin(run: Run, name: str, pictures: Callable[[], Pictures], engine: str | None, url: str) -> None:
    """Make the gallery (where an engine is given) or open it, at once; and add to it beside the page."""
    if later.active(_key(run)):
        raise DataError("Pictures are being added already; wait for the end, or press Stop.")
    folder = runs.runs_folder()
    model = cache.trained(run)
    settings: dict[str, Any] = {"url": url} if url else {}
    manifest.check_name(name)
    gallery = galleries.open_gallery(name, folder) if engine is None else galleries.create(
        name, model, engine, folder, **settings
    )  # fmt: skip
    state.lab().answers[NEWEST] = gallery.name
    later.forget(_key(run))
    later.start(_key(run), lambda progress: gallery.add(model, pictures(), progress))


def _tell(told: Added) -> None:
    (st.warning if told.failed else st.caption)(show.plain(told.words()))
    for problem in told.problems[:3]:
        st.caption(show.plain(problem))


def _free(run: Run, source: str) -> str:
    """A name that is not taken: of the run and what is in it."""
    base = f"{run.name}-{source}"
    taken = {p.name for p in (runs.runs_folder() / manifest.SHELF).glob("*")}
    return next(n for n in (base, *(f"{base}-{i}" for i in range(2, len(taken) + 3))) if n not in taken)


def _key(run: Run) -> tuple[str, str]:
    return ("gallery", str(run.folder))
