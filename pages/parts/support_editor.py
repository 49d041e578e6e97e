"""A support set of one's own, edited in place: classes with their names and examples, opened, changed, taken along.

What the cards hold makes a value (`SupportSet`) at each drawing; every change is made on that value and laid out again.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts import gather, show, state, theme, uploads
from siamese_core import support_files
from siamese_core.errors import DataError
from siamese_core.modalities.decoding import plain_name
from siamese_core.support_set import SupportClass, SupportSet
from siamese_core.types import InputSpec

MOST_CLASSES = 20
MOST_SHOTS = 20
SOURCE = "one_shot_source"
FILE = "support-set.zip"
_NAMES = "one_shot_names"  # what the classes were called when the page was last drawn

Made = tuple[SupportSet, gather.Given]  # and its pictures, looked at


def cards(grid: Any, spec: InputSpec) -> Made | None:
    """Classes one by one: a name and examples each; None when some cannot be used, which is told there."""
    known: list[str] = state.lab().answers.get(_NAMES, [])
    state.default("one_shot_classes", min(MOST_CLASSES, max(2, len(known))))
    count = int(st.number_input("Classes", 2, MOST_CLASSES, key="one_shot_classes", width=140))
    names, examples, menus = [], [], []
    for i in range(count):
        with grid.cell(), st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
                if i < len(known):
                    state.default(f"one_shot_name_{i}", known[i])
                name = st.text_input("Class name", key=f"one_shot_name_{i}", placeholder=f"class {i + 1}",
                                     max_chars=60, width="stretch")  # fmt: skip
                menus.append(st.container(width="content"))
            names.append(name.strip() or f"class {i + 1}")
            examples.append(gather.many("Examples", _key(i), spec, MOST_SHOTS))
    state.lab().answers[_NAMES] = [state.get(f"one_shot_name_{i}") or "" for i in range(count)]
    found = [e for e in examples if e is not None]
    if len(found) < count:
        return None
    made = SupportSet(tuple(SupportClass(n, e.sources) for n, e in zip(names, found, strict=True)))
    for i, menu in enumerate(menus):
        with menu:
            _menu(made, i, found[i])
    return made, gather.joined(found)


def opened(grid: Any, spec: InputSpec) -> Made | None:
    """A set that was saved, or a zip of class folders; None when it cannot be used, which is told there."""
    with grid.cell(), st.container(border=True):
        label = "Support set: one that was saved, or a zip of class folders"
        given = uploads.one_file(label, "zip", "one_shot_zip", uploads.MAX_ZIP)
        if given is None:
            return SupportSet(), gather.look([], spec, "one_shot_zip", 160)
        made = support_files.from_zip(uploads.Named(given.getvalue(), given.name))
        if len(made.classes) > MOST_CLASSES:
            raise DataError(f"The support set has {len(made.classes)} classes; at most {MOST_CLASSES} fit here.")
        large = [c.name for c in made.classes if len(c.pictures) > MOST_SHOTS]
        if large:
            st.caption(f"{theme.ICONS['warning']} Of {show.plain(plain_name(large[0]))}"
                       + (f" and {len(large) - 1} more classes" if large[1:] else "")
                       + f" the first {MOST_SHOTS} pictures are used.")  # fmt: skip
            made = SupportSet(tuple(SupportClass(c.name, c.pictures[:MOST_SHOTS]) for c in made.classes))
        return made, gather.look(list(made.pictures), spec, "one_shot_zip", 160)


def take_along(make: Any, editable: bool) -> None:
    """Buttons: take the support set along as a file, and change it here. `make`: the set, when it is asked for."""
    with st.container(horizontal=True):
        if editable:
            st.button("Edit this support set", key="one_shot_edit", icon=theme.ICONS["rename"],
                      on_click=show.told_later(lambda: lay_out(make())), help="As classes of your own: rename and "
                      "remove them, add examples of your own. You then give the queries.")  # fmt: skip
        st.download_button("Download the support set", lambda: make().to_bytes(), FILE, "application/zip",
                           key="one_shot_download", icon=theme.ICONS["download"], on_click="ignore",
                           help="A zip of pictures with a list of their classes. Any run can use it: open it here, or "
                           "give it to the command `classify`.")  # fmt: skip


def lay_out(made: SupportSet) -> None:
    """Put a support set into the cards, in a callback. Raises DataError when it does not fit there."""
    if len(made.classes) > MOST_CLASSES:
        raise DataError(f"The support set has {len(made.classes)} classes; at most {MOST_CLASSES} fit here.")
    kept = state.lab().kept
    for i in range(MOST_CLASSES):
        shots = made.classes[i].pictures if i < len(made.classes) else ()
        if shots or kept.get(_key(i)) or state.get(f"one_shot_name_{i}") is not None:
            state.next_seed(_key(i))  # what the widgets hold is in the set, or gone
        kept.pop(_key(i), None)
        if shots:
            kept[_key(i)] = list(shots)
        state.put(f"one_shot_name_{i}", made.names[i] if i < len(made.classes) else "")
    state.lab().answers[_NAMES] = list(made.names)
    state.put("one_shot_classes", max(2, len(made.classes)))
    state.put(SOURCE, "classes")


def _menu(made: SupportSet, i: int, shots: gather.Given) -> None:
    """What can be done with one class: take examples away, or the class."""
    name = made.names[i]
    with st.popover("Edit", help="Take away examples, or the class"):
        if len(shots):
            with st.container(horizontal=True, gap="xsmall"):
                for j, picture in enumerate(shots.shown):
                    show.picture(picture, f"Example {j + 1} of {name}", str(j + 1), side=48)
            which = st.selectbox("Example", range(1, len(shots) + 1), key=f"one_shot_which_{i}_{len(shots)}", width=110)
            st.button("Remove this example", key=f"one_shot_cut_{i}", icon=theme.ICONS["delete"],
                      on_click=_change, args=(made, i, int(which) - 1))  # fmt: skip
        st.button("Remove the class", key=f"one_shot_remove_{i}", icon=theme.ICONS["delete"], on_click=_change,
                  args=(made, i))  # fmt: skip


@show.told_later
def _change(made: SupportSet, i: int, shot: int | None = None) -> None:
    name = made.names[i]
    lay_out(made.without_class(name) if shot is None else made.without_picture(name, shot))


def _key(i: int) -> str:
    return f"one_shot_class_{i}"
