"""Siamese Lab's core: train siamese (twin) networks and use them, from Python or the command line."""

__version__ = "0.1.0"
