"""Reads features that Selfsup wrote and classifies each test image by its nearest training image.

    python3 features_in_python.py FOLDER

Needs numpy. With pandas and pyarrow it reads the .parquet files too.
"""

import json
import sys
from pathlib import Path

import numpy

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "features")


def read(split):
    """Features [images, width] of length 1, and the class number of each image."""
    features = numpy.load(folder / f"{split}.npy")
    about = json.loads((folder / f"{split}.json").read_text())
    return features / numpy.linalg.norm(features, axis=1, keepdims=True), numpy.array(about["labels"])


known, known_labels = read("train")
asked, asked_labels = read("test")
nearest = (asked @ known.T).argmax(axis=1)
print(f"nearest neighbour accuracy {(known_labels[nearest] == asked_labels).mean():.4f}")

try:
    import pandas
except ImportError:
    print("pandas is not installed: the .parquet files are left unread")
else:
    table = pandas.read_parquet(folder / "train.parquet")
    same = numpy.array_equal(numpy.stack(table["features"]), numpy.load(folder / "train.npy"))
    print(f"train.parquet: {len(table)} rows, columns {', '.join(table.columns)}, the same features: {same}")
