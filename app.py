"""Siamese Lab's dashboard: `streamlit run app.py`. Navigation only; each page is a file in pages/."""

from __future__ import annotations

from pages.parts import frame

frame.navigate().run()
