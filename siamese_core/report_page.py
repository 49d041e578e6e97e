"""The report's page: its template, and the pieces it is put together from. Words are escaped here; pieces
(what these functions and `svg` return) are put in as they are.

The page needs nothing from elsewhere: no script, no font, no link. It is light, dark where the reader's screen is
set so, and always light on paper.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from siamese_core.svg import percent, words

LONGEST = 160  # pixels of a picture's longer side

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light; --ground: #fff; --card: #f4f6f8; --ink: #0b151c; --faint: #4d5963; --line: #d5dbe0;
  --problem: #D55E00; --look: #E69F00; --fine: #009E73; --bar: #0072B2; --error: #D55E00; }}
* {{ box-sizing: border-box; }}
body {{ font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; margin: 0; background: var(--ground);
  color: var(--ink); overflow-wrap: anywhere; -webkit-print-color-adjust: exact; print-color-adjust: exact; }}
main {{ max-width: 1020px; margin: 0 auto; padding: 32px 24px 64px; }}
h1 {{ font-size: 30px; line-height: 1.2; margin: 0 0 12px; letter-spacing: -.01em; }}
h2 {{ font-size: 21px; margin: 40px 0 4px; padding-top: 14px; border-top: 1px solid var(--line); }}
h3 {{ font-size: 16px; margin: 0; }}
p {{ margin: 4px 0; text-wrap: pretty; }} .verdict {{ font-size: 19px; line-height: 1.4; max-width: 46em; }}
.faint {{ color: var(--faint); font-size: 14px; }}
.lead {{ max-width: 46em; margin-bottom: 14px; }}
.figures {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 12px; margin: 22px 0 0; }}
.figures div {{ background: var(--card); border-radius: 8px; padding: 12px 14px; break-inside: avoid; }}
.figures dt {{ font-size: 14px; font-weight: 600; }} .figures dd {{ margin: 0; }}
.figures .faint {{ white-space: pre-line; }}
.figures .value {{ font-size: 27px; line-height: 1.25; font-weight: 600; font-variant-numeric: tabular-nums; }}
.charts {{ display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 28px 36px; margin-top: 18px; }}
figure {{ margin: 0; break-inside: avoid; }}
.charts figure {{ display: flex; flex-direction: column; }}
figure > svg {{ display: block; width: 100%; height: auto; margin-top: auto; padding-top: 8px; }}
.checks {{ list-style: none; padding: 0; margin: 18px 0 0; max-width: 56em; }}
.checks li {{ border-left: 4px solid var(--look); background: var(--card); border-radius: 0 6px 6px 0;
  padding: 8px 14px; margin: 6px 0; break-inside: avoid; }}
.checks .problem {{ border-color: var(--problem); }} .checks .fine {{ border-color: var(--fine); }}
.pairs {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 18px 14px;
  margin: 12px 0 24px; }}
.pairs figure {{ font-size: 13px; line-height: 1.35; }}
.pairs .two {{ display: flex; gap: 3px; margin-bottom: 3px; }} .pairs .two > * {{ flex: 1 1 0; min-width: 0; }}
.pairs img {{ display: block; aspect-ratio: var(--shape, 1); object-fit: contain; background: #fff;
  image-rendering: pixelated; border: 1px solid var(--line); border-radius: 3px; }}
.wide {{ overflow-x: auto; }}
.beside {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(300px, 100%), 1fr)); gap: 0 36px; }}
.beside figure > svg {{ max-width: 460px; }}
table {{ border-collapse: collapse; width: 100%; font-size: 14px; margin-top: 12px;
  font-variant-numeric: tabular-nums; }}
th, td {{ text-align: right; padding: 5px 10px; border-bottom: 1px solid var(--line); }}
th {{ color: var(--faint); font-weight: 600; vertical-align: bottom; }}
th:first-child, td:first-child {{ text-align: left; }}
.error {{ --bar: var(--error); }}
td[style] {{ background: linear-gradient(to right, var(--bar) var(--share), transparent 0)
  left 10px bottom / calc(100% - 20px) 3px no-repeat; }}
th, td:not(:first-child) {{ overflow-wrap: normal; }} td:not(:first-child) {{ white-space: nowrap; }}
tr {{ break-inside: avoid; }}
.facts {{ display: grid; grid-template-columns: minmax(9em, max-content) 1fr; gap: 4px 20px;
  margin: 12px 0 0; font-size: 14px; }}
.facts dt {{ color: var(--faint); }} .facts dd {{ margin: 0; }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ color-scheme: dark; --ground: #14171a; --card: #1f2429;
  --ink: #e8edf1; --faint: #a9b4bd; --line: #3a4249; --bar: #56B4E9; --error: #E8762B; }} }}
@media screen and (max-width: 680px) {{ .charts {{ grid-template-columns: 1fr; }}
  .facts {{ grid-template-columns: 1fr; }}
  .facts dd {{ margin-bottom: 6px; }} }}
@page {{ size: A4; margin: 14mm 13mm; }}
@media print {{ body {{ font-size: 10pt; }} main {{ max-width: none; padding: 0; }} h1 {{ font-size: 20pt; }}
  h2 {{ font-size: 14pt; margin-top: 20pt; }} h2, h3, .lead {{ break-after: avoid; }}
  .verdict {{ font-size: 12pt; }} .faint, table, .facts, .figures dt {{ font-size: 8.5pt; }}
  .figures {{ grid-template-columns: repeat(4, 1fr); gap: 6pt; }} .figures .value {{ font-size: 16pt; }}
  .charts {{ gap: 16pt 20pt; }} .pairs {{ grid-template-columns: repeat(6, 1fr); gap: 10pt 8pt; }}
  .pairs figure {{ font-size: 7.5pt; }} }}
</style></head><body><main>
{body}
</main></body></html>
"""


def page(title: str, parts: Iterable[str]) -> str:
    """The whole page."""
    return PAGE.format(title=words(title), body="\n".join(p for p in parts if p))


def heading(title: str, verdict: str, more: str) -> str:
    """The page's title, its verdict in one line, and what it was measured on."""
    return f'<h1>{words(title)}</h1><p class="verdict">{words(verdict)}</p><p class="faint">{words(more)}</p>'


def section(title: str, lead: str, inside: str) -> str:
    """A part of the page with its sentence; nothing when there is nothing inside."""
    if not inside:
        return ""
    return f'<section><h2>{words(title)}</h2><p class="lead">{words(lead)}</p>{inside}</section>'


def beside(found: Iterable[str]) -> str:
    """Sections next to each other where there is room."""
    inside = "".join(found)
    return f'<div class="beside">{inside}</div>' if inside else ""


def figures(rows: Sequence[tuple[str, str, str]]) -> str:
    """Headline figures: (name, value, what is said below, a line each)."""
    cells = (
        f'<div><dt>{words(name)}</dt><dd class="value">{words(value)}</dd><dd class="faint">{words(below)}</dd></div>'
        for name, value, below in rows
    )
    return f'<dl class="figures">{"".join(cells)}</dl>'


def chart(title: str, says: str, how: str, drawing: str) -> str:
    """A chart with its name, what it says, and how to read it."""
    return f'<figure><h3>{words(title)}</h3><p>{words(says)}</p><p class="faint">{words(how)}</p>{drawing}</figure>'


def named(title: str, inside: str) -> str:
    """A piece with a small heading."""
    return f"<div><h3>{words(title)}</h3>{inside}</div>"


def charts(found: Iterable[str]) -> str:
    """Charts in two columns."""
    return f'<div class="charts">{chr(10).join(found)}</div>'


def checks(found: Sequence[tuple[str, str]]) -> str:
    """(severity, sentence), as a list; severity is "fine", "look" or "problem"."""
    if not found:
        return ""
    rows = (f'<li class="{words(severity)}">{words(sentence)}</li>' for severity, sentence in found)
    return f'<ul class="checks">{"".join(rows)}</ul>'


def pair(left: np.ndarray | None, right: np.ndarray | None, names: tuple[str, str], below: str) -> str:
    """Two pictures side by side, the names of their classes (one name once), and a line below."""
    shown = [p for p in (left, right) if p is not None]
    shape = max((p.shape[1] / p.shape[0] for p in shown), default=1.0)
    images = "".join(f'<img alt="{words(n)}" src="{data_url(p)}">' for p, n in zip(shown, names, strict=False))
    said = "".join(f"<span>{_breakable(n)}</span>" for n in dict.fromkeys(names))
    style = f' style="--shape:{min(max(shape, 0.25), 4):.3f}"'
    return (
        f'<figure{style}><div class="two">{images}</div><div class="two">{said}</div>'
        f'<span class="faint">{words(below)}</span></figure>'
    )


def pairs(found: Sequence[str]) -> str:
    """Pairs in rows."""
    return f'<div class="pairs">{chr(10).join(found)}</div>' if found else ""


def table(
    name: str, columns: Sequence[str], rows: Iterable[Sequence[str | float | None]], errors: Sequence[int] = ()
) -> str:
    """Words as they are, numbers as rates with a bar behind them, None as a dash.

    name: what the table is, for screen readers; errors: the columns that hold error rates.
    """
    head = "".join(f'<th scope="col">{words(c)}</th>' for c in columns)
    body = "".join(f"<tr>{''.join(_td(v, i in errors) for i, v in enumerate(row))}</tr>" for row in rows)
    place = f'class="wide" role="region" tabindex="0" aria-label="{words(name)}"'  # it scrolls where it is too wide
    return f"<div {place}><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def facts(found: Mapping[str, object]) -> str:
    """Names and what they are, one a line."""
    rows = (f"<dt>{words(name)}</dt><dd>{words(value)}</dd>" for name, value in found.items())
    return f'<dl class="facts">{"".join(rows)}</dl>'


def data_url(picture: np.ndarray) -> str:
    """(H, W) or (H, W, 3) uint8 -> a PNG of at most `LONGEST` pixels a side, inside the page."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(picture))
    if max(image.size) > LONGEST:
        image.thumbnail((LONGEST, LONGEST))
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def _td(value: str | float | None, error: bool = False) -> str:
    if value is None:
        return "<td>–</td>"
    if isinstance(value, str):
        return f"<td>{words(value)}</td>"
    kind = ' class="error"' if error else ""
    return f'<td{kind} style="--share:{100 * min(max(value, 0), 1):.1f}%">{percent(value)}</td>'


def _breakable(name: str) -> str:
    """A name that may be parted where its own parts end."""
    return re.sub(r"([/_-])", r"\1<wbr>", words(name))
