"""Two runs set against each other as a figure. No Streamlit here."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from pages.parts import theme
from siamese_core.paired import Difference, p_words


def differences(of: Mapping[str, tuple[Difference, bool]], first: str, second: str) -> go.Figure:
    """Figures of two runs set against each other, a row each: a dot at the difference and a line as its interval.

    of: name -> (first minus second, whether high is good). Left of the dashed zero the first run is better and right of
    it the second, whichever is good. A dot in that run's colour is more than chance; in grey, its line holds the zero.
    """
    figure = go.Figure(layout=theme.layout(58 + 27 * len(of), showlegend=False, margin={"t": 24, "r": 84}))
    figure.add_vline(x=0, line={"color": theme.BASELINE, "dash": "dash", "width": 1.5})
    reach = 0.001
    for name, (d, high_is_good) in of.items():
        value, low, high = (100 * x * (-1 if high_is_good else 1) for x in (d.value, d.low, d.high))
        reach = max(reach, abs(low), abs(high))
        colour = theme.colour_of(int(value > 0)) if d.clear else theme.UNSURE
        better, sign = (first, -1) if value < 0 else (second, 1)
        near, far = sorted((sign * low, sign * high))
        words = f"{better} better by {abs(value):.2f} points<br>95% interval {near:.2f} to {far:.2f}, {p_words(d.p)}"
        figure.add_scatter(x=[low, value, high], y=[name] * 3, mode="lines+markers", name=name, text=[words] * 3,
                           hovertemplate="%{text}", line={"color": colour, "width": 3},
                           marker={"color": colour, "size": [0, 10, 0], "opacity": 1})  # fmt: skip
        figure.add_annotation(x=1, xref="paper", xanchor="left", xshift=12, y=name, text=p_words(d.p), showarrow=False)
    ends = (0, -84, "left", f"\u2190 {_brief(first)} better"), (1, 80, "right", f"{_brief(second)} better \u2192")
    for x, shift, side, text in ends:  # over the words beside the rows, too: on a phone there is no room between them
        figure.add_annotation(x=x, xref="paper", xanchor=side, xshift=shift, y=1, yref="paper", yanchor="bottom",
                              text=text, showarrow=False)  # fmt: skip
    at = _ticks(reach)
    figure.update_layout(
        xaxis={"range": [-1.1 * reach, 1.1 * reach], "tickvals": at, "ticktext": [_points(x) for x in at]},
        yaxis={"autorange": "reversed", "type": "category"}, hovermode="closest",
    )  # fmt: skip
    return figure


def _brief(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:19]}…"


def _points(x: float) -> str:
    return f"{abs(x):g} point{'' if abs(x) == 1 else 's'}" if x else "0"


def _ticks(reach: float) -> list[float]:
    """Two or three round numbers to each side of 0."""
    step = next(s * 10.0**e for e in range(-4, 3) for s in (1, 2, 5) if 3 * s * 10.0**e >= reach)
    return [round(k * step, 6) for k in range(-3, 4)]
