"""One file per kind of input; pictures today."""
