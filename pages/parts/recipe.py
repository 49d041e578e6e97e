"""The Train page's form: which data, which recipe, which settings, and the button."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.parts import forms, preview_cost, show, state, theme, uploads
from siamese_core import datasets, jobs, presets, runs
from siamese_core.config import TrainConfig
from siamese_core.errors import DataError

SOURCES = {
    "digits": "Digits: real scans, offline",
    "glyphs": "Glyphs: invented characters, offline",
    "omniglot": "Omniglot: handwritten characters",
    "omniglot-evaluation": "Omniglot: its evaluation alphabets",
    "olivetti": "Olivetti: faces",
    "orl": "ORL: faces, the AT&T pictures",
    "signatures": "Dutch signatures, genuine and forged",
    "signatures-evaluation": "Dutch signatures: the evaluation writers",
    "mednist": "MedNIST: medical scans",
    "folder": "A folder on this computer",
    "zip": "Upload a zip of class folders",
}


def sources() -> dict[str, str]:
    """What can be trained on, with its words; sets without words of their own come by their names."""
    return {**{n: n.capitalize() for n in datasets.REGISTRY}, **SOURCES}


def _refill() -> None:
    """A new data set or recipe puts that recipe's settings into the form."""
    mine = state.lab()
    if mine.source != state.get("train_source"):
        state.put("train_view", "data")
    mine.source = state.get("train_source")
    known = mine.source if mine.source in datasets.REGISTRY else "folder"
    changed = mine.preset if state.get("train_preset") in (None, mine.preset) else state.get("train_preset")
    if state.get("train_preset") in (None, mine.preset):
        changed = presets.for_dataset(known)
    state.put("train_preset", changed)
    forms.fill_preset(known, changed)


def _data() -> str | None:
    """The data set's name or path, or None while none is chosen."""
    mine = state.lab()
    names = sources()
    state.default("train_source", mine.source)
    source = st.selectbox("Data set", list(names), key="train_source", format_func=names.get, on_change=_refill)
    mine.source = source
    if source == "folder":
        text = st.text_input("Folder", key="train_folder", placeholder="/home/me/pictures",
                             help="A folder with one folder of pictures for each class, on the computer "
                             "where Siamese Lab runs.").strip()  # fmt: skip
        if text and not Path(text).expanduser().is_dir():
            raise DataError(f"There is no folder {text}; give one that holds a folder of pictures for each class.")
        return text or None
    if source != "zip":
        return source
    return _zip()


def _zip() -> str | None:
    mine = state.lab().archives  # nobody else's: another session must not see them
    given = st.file_uploader("Zip of class folders", "zip", key="train_zip", max_upload_size=uploads.MAX_ZIP >> 20,
                             help="As in cat/1.png, cat/2.png, dog/1.png: four or more classes.")  # fmt: skip
    if given is not None:
        path = uploads.keep_zip(runs.runs_folder(), given.name, given.getvalue())
        if path not in mine:
            mine.append(path)
        st.caption(f":material/save: Kept as {show.plain(path.name)} below the runs folder, for the training process. "
                   "It is deleted with the last run that was trained on it.")  # fmt: skip
        return str(path)
    if not (kept := [p for p in mine if p.exists()]):
        return None
    path = st.selectbox("Uploaded before", kept, key="train_kept", format_func=lambda p: p.name)
    st.button("Delete this upload", icon=theme.ICONS["delete"], key="train_drop", on_click=uploads.drop_zip,
              args=(path,))  # fmt: skip
    return str(path) if path else None


def _recipe() -> None:
    mine = state.lab()
    names = list(presets.PRESETS)
    if not mine.draft:
        forms.fill_preset(mine.source if mine.source in datasets.REGISTRY else "digits",
                          mine.preset or presets.for_dataset(mine.source))  # fmt: skip
    state.default("train_preset", mine.preset or names[0])
    chosen = st.selectbox("Recipe", names, key="train_preset", on_change=_refill, format_func=str.capitalize)
    st.caption(presets.about(chosen))
    with st.grid(2, min_column_width=120, gap="small") as grid:
        for name in forms.MAIN:
            with grid.cell():
                forms.settings([name])
    if words := forms.margin_words():
        st.caption(words, help=forms.FIELDS["margin"].metadata["help"])
    with st.expander("All settings", icon=":material/tune:"):
        for section, fields in forms.rare().items():
            st.markdown(f"**{section}**")
            if section == "Data":
                forms.hold_out()
            forms.settings(fields)


@show.told_later
def repeat(run: runs.Run) -> None:
    """Put a run's settings into the form."""
    values = run.config().to_dict()
    mine = state.lab()
    mine.source = values["dataset"] if values["dataset"] in datasets.REGISTRY else "folder"
    mine.preset = presets.for_dataset(values["dataset"])
    state.put("train_source", mine.source)
    state.put("train_preset", mine.preset)
    if mine.source == "folder":
        state.put("train_folder", values["dataset"])
    forms.fill(values)


def _mend() -> None:
    by_hand = state.lab().margin_by_hand
    values = forms.mended(state.lab().draft)
    forms.fill(values if by_hand else values | {"margin": forms.fitting(values)})


@show.told_later
def _start(config: TrainConfig) -> None:
    run = jobs.start(config, runs.runs_folder())
    state.choose_run(run.name)


def form(busy: bool) -> TrainConfig | None:
    """The whole form; the settings when they can be trained. `busy` while the current run is not done, so that
    Start is not the first thing to press."""
    dataset = None
    try:
        dataset = _data()
    except DataError as error:
        show.notice(error)
    _recipe()
    config, problems = forms.read(dataset or "digits")
    if problems:
        st.warning("These settings cannot be trained:\n" + "\n".join(f"- {show.plain(p)}" for p in problems),
                   icon=theme.ICONS["warning"])  # fmt: skip
        st.button("Change what does not fit", icon=theme.ICONS["mend"], key="train_mend", on_click=_mend)
    st.button(
        "Start another" if busy else "Start", key="train_start", type="secondary" if busy else "primary",
        icon=theme.ICONS["start"], disabled=bool(problems) or dataset is None, on_click=_start, args=(config,),
        width="stretch",
    )  # fmt: skip
    if config is None or problems or dataset is None:
        return None
    preview_cost.time(config)
    if busy:
        st.caption("One training at a time runs on each device: another one waits for its turn and then starts.")
    return config
