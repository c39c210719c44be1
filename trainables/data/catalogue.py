"""The data sets known by name, and `load`, which takes a name, a path, a URI or `hub:NAME`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from hashlib import blake2b, file_digest
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow.parquet as pq

from trainables.data import digits, hub, image_files, moons, remote, sent, small_tables, sparse_regression, tables
from trainables.data.assemble import Numbers, assemble
from trainables.data.checks import one_of, share_of_one, whole
from trainables.data.dataset import Dataset, Task
from trainables.data.parts import Found, Request
from trainables.data.sent import Files
from trainables.errors import StudyError, not_one_of

Reader = Callable[..., Found]  # reader(request, *, options of its own)
_SHARED = ("validation", "test", "limit", "mean", "std", "augment", "padding")  # options of every data set


@dataclass(frozen=True)
class Entry:
    """A data set by name; `path` is where it lies in the folder of data sets, None where nothing is read."""

    name: str
    summary: str
    task: Task
    reference: str
    read: Reader
    path: str | None = None
    hub: str | None = None  # where to get it
    lossless: bool = False  # published without what a JPEG loses


def _images(name: str, summary: str, reference: str, hub: str | None = None, lossless: bool = False) -> Entry:
    return Entry(name, summary, "classification", reference, image_files.read_parquet, name, hub, lossless)


DATA: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            "digits",
            "1797 handwritten digits, 8x8, in scikit-learn; 60/20/20; image: true for (1, 8, 8)",
            "classification",
            "Alpaydin and Kaynak, 'Optical recognition of handwritten digits' (1998)",
            digits.read,
        ),
        Entry(
            "wine",
            "178 wines of three growers, 13 measurements, in scikit-learn; 60/20/20",
            "classification",
            "Aeberhard and Forina, 'Wine', UCI repository (1992)",
            small_tables.wine,
        ),
        Entry(
            "breast_cancer",
            "569 tumours, 30 measurements of cell nuclei, in scikit-learn; 60/20/20",
            "classification",
            "Street, Wolberg and Mangasarian, 'Nuclear feature extraction for breast tumor diagnosis' (1993)",
            small_tables.breast_cancer,
        ),
        Entry(
            "diabetes",
            "442 patients, 10 measurements, progression of the disease, in scikit-learn; 60/20/20",
            "regression",
            "Efron, Hastie, Johnstone and Tibshirani, 'Least angle regression' (2004)",
            small_tables.diabetes,
        ),
        Entry(
            "moons",
            "two moons in 100 dimensions, generated; 500 train, 500 test; another set per seed",
            "classification",
            "Li and Ji, 'Neural plasticity networks' (2019)",
            moons.generate,
        ),
        Entry(
            "moons_original",
            "the 1000 points the NPN authors published; validation is held out of their test half",
            "classification",
            "Li and Ji, 'Neural plasticity networks' (2019)",
            moons.read_original,
            "moons/syndata_1.npz",
        ),
        Entry(
            "sparse_regression",
            "20 features, 2 of which matter, no noise, generated; 500 train, 500 test; another set per seed",
            "regression",
            "Pan, Dong and Guo, 'DropNeuron' (2016), section 4.1",
            sparse_regression.generate,
        ),
        _images(
            "mnist",
            "60000 + 10000 handwritten digits, 28x28 grey",
            "LeCun et al., 'Gradient-based learning applied to document recognition' (1998)",
            "ylecun/mnist",
            lossless=True,
        ),
        _images(
            "fashion_mnist",
            "60000 + 10000 articles of clothing, 28x28 grey",
            "Xiao, Rasul and Vollgraf, 'Fashion-MNIST' (2017)",
            "zalando-datasets/fashion_mnist",
            lossless=True,
        ),
        _images(
            "cifar10",
            "50000 + 10000 photographs of 10 things, 32x32 RGB",
            "Krizhevsky, 'Learning multiple layers of features from tiny images' (2009)",
            "uoft-cs/cifar10",
            lossless=True,
        ),
        _images(
            "cifar100",
            "50000 + 10000 photographs of 100 things, 32x32 RGB; label: coarse_label for the 20 kinds",
            "Krizhevsky, 'Learning multiple layers of features from tiny images' (2009)",
            "uoft-cs/cifar100",
            lossless=True,
        ),
        _images(
            "svhn",
            "73257 + 26032 house number digits, 32x32 RGB; the extra split is not used",
            "Netzer et al., 'Reading digits in natural images with unsupervised feature learning' (2011)",
            "ufldl-stanford/svhn:cropped_digits",
            lossless=True,
        ),
        _images(
            "imagenet",
            "1,281,167 + 50,000 photographs of 1000 things, to be cut to a size; Parquet files of train and validation",
            "Russakovsky et al., 'ImageNet large scale visual recognition challenge' (2015)",
            "ILSVRC/imagenet-1k",
        ),
        _images(
            "icdar",
            "characters out of photographs, 36 classes, grey; Parquet files of train and test that you make",
            "Jaderberg, Vedaldi and Zisserman, 'Deep features for text spotting' (2014)",
        ),
    )
}


def _keys(read: Reader) -> tuple[str, ...]:
    """What a data set that is read so may say beside its name, its own options first."""
    return (*(p.name for p in signature(read).parameters.values() if p.kind is Parameter.KEYWORD_ONLY), *_SHARED)


FORMATS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("FILE.csv", "a table with a header, or a folder of such files by split", _keys(tables.read_table)),
    ("FILE.parquet", "a table, or a folder of such files by split", _keys(tables.read_table)),
    ("IMAGES.parquet", "a column of encoded images and one of labels, as on the hub", _keys(image_files.read_parquet)),
    ("FOLDER/", "a folder of images for each class, below train/ and test/ or not", _keys(image_files.read_folder)),
    ("FILE.npz", "arrays x and y, or x_train, y_train, x_test and y_test", _keys(tables.read_npz)),
    ("hub:OWNER/SET", "of the Hugging Face hub, as its files are", ("revision", *_keys(image_files.read_parquet))),
)
"""What a path may lead to: how it looks, what it is, the keys beside it."""


def load(
    name: str,
    *,
    seed: int = 0,
    validation: float = 0.2,
    test: float | None = None,
    root: Path | None = None,
    limit: int | None = None,
    mean: Numbers | None = None,
    std: Numbers | None = None,
    augment: Literal["crop_flip"] | None = None,
    padding: int = 4,
    **options: Any,
) -> Dataset:
    """The data set `name`, split by `seed`.

    Args:
        name: a key of DATA; a path, absolute or relative to the working folder or to `root`, of a Parquet,
            CSV or npz file, of a folder of such files by split, or of a folder of images by class; a URI of one
            (s3://BUCKET/FILE), fetched once per node;
            `hub:OWNER/SET` or `hub:OWNER/SET:CONFIGURATION`.
        seed: of what is random: which examples are held out, or the points where they are generated.
        validation: share held out of all examples but those of a test set the data set brings itself; unused
            where its files bring a validation split.
        test: share held out for testing where the data set brings no test set (default 0.2).
        root: the folder of data sets; by default what STUDY_DATA names at the time of the call.
        limit: keep this many training examples, the classes in proportion.
        mean, std: inputs are (x - mean)/std with pixels as x/255; a number or one per channel. By default the
            statistics of the train split; 0 and 1 for digits, generated data and reconstruction of images.
        augment, padding: "crop_flip" pads training images by `padding`, crops at random and flips.
        options: the reader's own, such as `task`, `label`, `image`, `size`, `drop`.

    Raises:
        ValueError: an unknown name or option, a missing file, data that does not fit what was asked.
    """
    whole("seed", seed, 0)
    share_of_one("validation", validation)
    whole("padding", padding, 0)
    if augment is not None:
        one_of("augment", augment, ("crop_flip",))
    if options.get("task") is not None:
        one_of("task", options["task"], get_args(Task))
    read, path = _resolve(name, root, options)
    for option in options:
        one_of(f"data: {name}: option", option, _keys(read))
    request = Request(name, path, seed, validation)
    return assemble(
        _told(name, read(request, **options)),
        request,
        test=test,
        limit=limit,
        mean=mean,
        std=std,
        augment=augment,
        padding=padding,
    )


def _told(name: str, found: Found) -> Found:
    """Says of images that were published without loss whether they have lost something since."""
    if name not in DATA or not DATA[name].lossless:
        return found
    return replace(found, source=found.source.replace("JPEG images", "JPEG re-encoded images"))


def locate(name: str) -> Path:
    """Where the files of the data set `name` lie on this machine; Path() where it needs none, or the hub has them.

    Raises:
        StudyError: they are not here.
    """
    return Path() if name.startswith("hub:") else _resolve(name, None, {})[1]


def to_be_sent(name: str, most: int) -> Files | None:
    """The files of the data set `name`, for machines that do not see them.

    None where there is no need, because it is made, in scikit-learn, or fetched by whoever wants it; and of more than
    ``most`` bytes.
    """
    path = Path() if remote.is_remote(name) else locate(name)
    return None if path == Path() else sent.files_of(path, most)


def content_hash(name: str) -> str:
    """Of the files that the data set `name` is read from; empty where there are none, or they are pinned (hub)."""
    path = locate(name)
    return "" if path == Path() else files_hash(path)


def files_hash(path: Path) -> str:
    """Of a file, or of all in a folder."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    digest = blake2b(digest_size=6)
    for file in files:
        about = file.stat()
        digest.update(f"{file.relative_to(path)}\0{_file_hash(file, about.st_mtime_ns, about.st_size)}\0".encode())
    return digest.hexdigest()


@cache
def _file_hash(file: Path, changed_at: int, size: int) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, lambda: blake2b(digest_size=8)).hexdigest()


def _resolve(name: str, root: Path | None, options: dict[str, Any]) -> tuple[Reader, Path]:
    """The reader and the path of `name`; takes from `options` what is meant for the hub."""
    if name.startswith("hub:"):
        path = hub.fetch(name.removeprefix("hub:"), revision=options.pop("revision", None))
        return _reader_of(path), path
    if remote.is_remote(name):
        path = remote.fetch(name)
        return _reader_of(path), path
    if root is None and (copy := sent.received(name)) is not None:
        return DATA[name].read if name in DATA else _reader_of(copy), copy
    if root is None and (set_root := os.environ.get("STUDY_DATA")):
        root = Path(set_root)
    if entry := DATA.get(name):
        return entry.read, Path() if entry.path is None else _stored(entry, entry.path, root)
    for path in [Path(name).expanduser(), *([root / name] if root else [])]:
        if path.exists():
            return _reader_of(path), path
    kinds = "a path of a Parquet, CSV or npz file or of an image folder, or hub:NAME"
    if "/" in name or Path(name).suffix:
        raise StudyError(f"data: there is no {name}{f', nor in {root}' if root else ''}; expected {kinds}")
    raise not_one_of("data", name, (*DATA, kinds))


def _stored(entry: Entry, below: str, root: Path | None) -> Path:
    path = None if root is None else root / below
    if path is not None and path.exists():
        return path
    tried = "STUDY_DATA is not set" if path is None else f"there is no {path}"
    other = f", or use hub:{entry.hub}" if entry.hub else ""
    raise StudyError(f"data: {entry.name}: {tried}: set STUDY_DATA to the folder of data sets that has {below}{other}")


def _reader_of(path: Path) -> Reader:
    if path.suffix == ".npz":
        return tables.read_npz
    if path.is_file() and path.suffix not in (".parquet", ".csv"):
        raise StudyError(f"data: expected .parquet, .csv or .npz, got {path}")
    parquet = path if path.suffix == ".parquet" else next(path.rglob("*.parquet"), None)
    if parquet is not None:
        images = any(image_files.is_image(field) for field in pq.read_schema(parquet))
        return image_files.read_parquet if images else tables.read_table
    is_table = path.is_file() or any(path.rglob("*.csv"))
    return tables.read_table if is_table else image_files.read_folder
