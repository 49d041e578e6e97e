"""Galleries: many pictures as a run's network sees them, kept on disk, to find the most similar ones in.

`gallery` the value; `store` its files; `sources` what can be put in; `searching` finds; `engines` how it scales;
`duplicates` and `measuring` look at a whole gallery.
"""

from siamese_core.galleries.adding import Added
from siamese_core.galleries.engines import EngineError
from siamese_core.galleries.gallery import Gallery, all_galleries, create, is_gallery, open_gallery
from siamese_core.galleries.searching import Found, Match, Searcher
from siamese_core.galleries.store import Entry, Item

__all__ = [
    "Added",
    "EngineError",
    "Entry",
    "Found",
    "Gallery",
    "Item",
    "Match",
    "Searcher",
    "all_galleries",
    "create",
    "is_gallery",
    "open_gallery",
]
