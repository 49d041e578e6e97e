"""The current run on the Runs page: how it stands, its note, and what can be done with it."""

from __future__ import annotations

import functools
import io

import streamlit as st

from pages.parts import recipe, show, state, theme, uploads
from siamese_core import archive, upkeep
from siamese_core.errors import RunError, SiameseError
from siamese_core.runs import Run


def draw(run: Run, readable: bool) -> None:
    """The panel; of a run that cannot be read only its name, and Delete."""
    active = run.status().active
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{show.plain(run.name)}**")
        if readable:
            _facts(run)
            _uses(run)
        with st.container(horizontal=True, gap="xsmall"):
            if readable:
                _actions(run, active)
            if st.button("Delete", key=_key("delete", run), icon=theme.ICONS["delete"], disabled=active,
                         help="Stop it first." if active else None):  # fmt: skip
                _delete(run)


def _key(what: str, run: Run) -> str:
    """A button is of one run: pressed when that run has gone, it does nothing to the one that took its place."""
    return f"runs_{what}_{run.name}"


def _facts(run: Run) -> None:
    status, history = run.status(), state.history(run)
    last = {**(history.steps or [{}])[-1], **(history.epochs or [{}])[-1]}
    parts = [show.state_word(status.state)]
    if last.get("seconds"):
        parts.append(show.duration(last["seconds"]))
    if last.get("epoch"):
        parts.append(f"{last['epoch']} of {last.get('epochs') or run.config().epochs} epochs")
    st.markdown(f":small[{' · '.join(parts)}]")
    if status.state in ("failed", "stalled"):
        st.error(show.plain(status.reason), icon=theme.ICONS["warning"])
    if text := upkeep.note(run):
        st.text(text)
    if st.button("Change the note" if text else "Add a note", key=_key("note", run), type="tertiary",
                 icon=theme.ICONS["note"]):  # fmt: skip
        _note(run)


def _uses(run: Run) -> None:
    pages = [("train", "Curves and log")]
    if run.has_weights():
        pages += [("compare", "Compare a pair"), ("one_shot", "One-shot"), ("map", "Map")]
    with st.container(horizontal=True, gap="small"):
        for page, label in pages:
            st.page_link(f"pages/{page}.py", label=label, icon=theme.ICONS[page], width="content",
                         query_params=state.run_query(run.name))  # fmt: skip


def _actions(run: Run, active: bool) -> None:
    if st.button("Repeat", key=_key("repeat", run), type="primary", icon=theme.ICONS["repeat"],
                 help="Put its settings into the Train page's form."):  # fmt: skip
        recipe.repeat(run)
        st.switch_page("pages/train.py", query_params=state.run_query(run.name))
    if st.button("Rename", key=_key("rename", run), icon=theme.ICONS["rename"], disabled=active,
                 help="It can be renamed when it has ended." if active else None):  # fmt: skip
        _rename(run)
    ready = run.has_weights() and not active
    st.download_button(
        "Download", functools.partial(packed, run), f"{run.name}.zip", "application/zip", key=_key("download", run),
        icon=theme.ICONS["download"], disabled=not ready, on_click="ignore",
        help="The run as one file, to import elsewhere." if ready
        else "It can be downloaded when it has ended." if active else "It has no trained weights.",
    )  # fmt: skip


def packed(run: Run) -> io.BytesIO:
    """The run as a zip in memory; made when Download is pressed."""
    out = io.BytesIO()
    archive.pack(run, out)
    out.seek(0)
    return out


def _done(work: functools.partial[object]) -> bool:
    """Do what a dialog is for; a mistake is told inside it."""
    try:
        work()
    except SiameseError as error:
        show.notice(error)
        return False
    return True


@st.dialog("Rename this run")
@show.guarded
def _rename(run: Run) -> None:
    name = st.text_input("New name", run.name, key="runs_new_name", max_chars=80,
                         help="Letters, digits, '.', '_' and '-'. Its folder gets this name.")  # fmt: skip
    if st.button("Rename", key="runs_rename_really", type="primary") and _done(
        functools.partial(_renamed, run, name or "")
    ):
        st.rerun()


def _renamed(run: Run, name: str) -> None:
    state.choose_run(upkeep.rename(run, name).name)


@st.dialog("Note")
@show.guarded
def _note(run: Run) -> None:
    text = st.text_area("Note", upkeep.note(run), key="runs_note_text", max_chars=upkeep.MAX_NOTE, height=180,
                        label_visibility="collapsed", placeholder="What is this run about?")  # fmt: skip
    if st.button("Save", key="runs_note_save", type="primary") and _done(
        functools.partial(upkeep.write_note, run, text or "")
    ):
        st.rerun()


@st.dialog("Delete this run?")
@show.guarded
def _delete(run: Run) -> None:
    st.markdown(f"**{show.plain(run.name)}**, its curves and its weights will be gone for good.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep it", key="runs_keep"):
            st.rerun()
        if st.button("Delete", type="primary", icon=theme.ICONS["delete"], key="runs_really", on_click=_remove,
                     args=(run,)):  # fmt: skip
            st.rerun()


@show.told_later
def _remove(run: Run) -> None:
    try:
        dataset = run.config().dataset
    except RunError:  # a damaged one
        dataset = ""
    run.delete()
    uploads.drop_unused(run.folder.parent, dataset)
    state.choose_run(None)
