"""The sizes of images, whole: hack/bench images gives the files. They are docker archives, which hold their layers as they are."""

import pathlib
import sys

from figures import Figures

figures = Figures("hack/bench images")
for image in map(pathlib.Path, sys.argv[1:]):
    figures.add(f"image of the {image.name.split('-')[0]}", image.stat().st_size / 1e6, "MB", at_most=40)
sys.exit(figures.close())
