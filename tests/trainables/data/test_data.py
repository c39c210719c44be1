"""Data sets: one contract over all sources, then what each source and the cache promise of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from trainables.data import DATA, Dataset, cache, load
from trainables.data.augment import crop_flip
from trainables.data.holdout import choose
from trainables.data.splits import by_split

RNG = np.random.default_rng


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STUDY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


# -- small files of every format -------------------------------------------------------------------


def pictures(count: int, shape: tuple[int, ...] = (6, 5, 3), seed: int = 0) -> np.ndarray:
    return RNG(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def write_parquet(
    path: Path,
    images: list[bytes],
    labels: list[Any],
    names: list[str] | None = None,
    image: str = "image",
    label: str = "label",
) -> Path:
    """As the `datasets` library writes image sets."""
    features = {image: {"_type": "Image"}}
    if names is not None:
        features[label] = {"names": names, "_type": "ClassLabel"}  # type: ignore[dict-item]
    column = pa.array(
        [{"bytes": b, "path": None} for b in images],
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    )
    table = pa.table({image: column, label: pa.array(labels)})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


def parquet_images(tmp: Path) -> str:
    for split, count in {"train": 60, "test": 20}.items():
        images = [encoded(p) for p in pictures(count)]
        write_parquet(
            tmp / "set" / f"{split}-00000-of-00001.parquet",
            images,
            [i % 3 for i in range(count)],
            list("abc"),
        )
    return str(tmp / "set")


def one_parquet(tmp: Path) -> str:
    images = [encoded(p, "JPEG") for p in pictures(60, (8, 8))]
    return str(write_parquet(tmp / "all.parquet", images, ["cat", "dog"] * 30))


def image_folder(tmp: Path) -> str:
    for split, count in {"train": 20, "val": 5}.items():
        for number, name in enumerate(["ant", "bee"]):
            folder = tmp / "folder" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                Image.fromarray(pictures(1, (9 + i % 3, 12, 3), number)[0]).save(folder / f"{i:02}.png")
            (folder / "notes.txt").write_text("not an image")
    return str(tmp / "folder")


def csv_classes(tmp: Path) -> str:
    rng = RNG(0)
    lines = [
        f"{a:.3f},{i % 7},{name},{i}"
        for i, (a, name) in enumerate(zip(rng.normal(3, 2, 60), ["x", "y", "z"] * 20, strict=True))
    ]
    path = tmp / "flowers.csv"
    path.write_text("width,petals,species,id\n" + "\n".join(lines))
    return str(path)


def parquet_regression(tmp: Path) -> str:
    rng = RNG(0)
    x = rng.normal(5, 3, (60, 2))
    for split, rows in {"train": slice(0, 45), "validation": slice(45, 50), "test": slice(50, 60)}.items():
        (tmp / "house").mkdir(exist_ok=True)
        table = pa.table({"area": x[rows, 0], "age": x[rows, 1], "target": 100 + x[rows].sum(1)})
        pq.write_table(table, tmp / "house" / f"{split}.parquet")
    return str(tmp / "house")


def npz_images(tmp: Path) -> str:
    np.savez(
        tmp / "keras.npz",
        x_train=pictures(60),
        y_train=np.arange(60) % 4,
        x_test=pictures(8),
        y_test=np.arange(8) % 4,
    )
    return str(tmp / "keras.npz")


def npz_features(tmp: Path) -> str:
    np.savez(tmp / "plain.npz", x=RNG(0).normal(2, 5, (60, 3)))
    return str(tmp / "plain.npz")


Source = Callable[[Path], str]
ROWS: list[tuple[Source | str, dict[str, Any], str, tuple[int, ...], int, tuple[int, int, int]]] = [
    ("digits", {}, "classification", (64,), 10, (1079, 359, 359)),
    ("digits", {"image": True, "limit": 50}, "classification", (1, 8, 8), 10, (50, 359, 359)),
    ("digits", {"task": "reconstruction"}, "reconstruction", (64,), 64, (1079, 359, 359)),
    ("moons", {}, "classification", (100,), 2, (500, 125, 500)),
    ("sparse_regression", {}, "regression", (20,), 1, (500, 125, 500)),
    (parquet_images, {"augment": "crop_flip"}, "classification", (3, 6, 5), 3, (48, 12, 20)),
    (
        parquet_images,
        {"task": "reconstruction", "channels": 1},
        "reconstruction",
        (1, 6, 5),
        30,
        (48, 12, 20),
    ),
    (one_parquet, {"test": 0.1}, "classification", (1, 8, 8), 2, (42, 12, 6)),
    (
        image_folder,
        {"size": 8, "mean": 0.5, "std": [0.5, 0.5, 0.4]},
        "classification",
        (3, 8, 8),
        2,
        (32, 8, 10),
    ),
    (csv_classes, {"label": "species", "drop": ["id"]}, "classification", (2,), 3, (36, 12, 12)),
    (parquet_regression, {}, "regression", (2,), 1, (45, 5, 10)),
    (npz_images, {}, "classification", (3, 6, 5), 4, (48, 12, 8)),
    (npz_features, {"task": "reconstruction"}, "reconstruction", (3,), 3, (36, 12, 12)),
]


@pytest.fixture(params=ROWS, ids=lambda row: f"{row[0] if isinstance(row[0], str) else row[0].__name__}-{row[1]}")
def row(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, ...]:
    source, *rest = request.param
    return (source if isinstance(source, str) else source(tmp_path), *rest)


def splits(dataset: Dataset) -> list[Any]:
    return [dataset.train, dataset.validation, dataset.test]


def test_contract(row: tuple[Any, ...]) -> None:
    name, options, task, shape, outputs, sizes = row
    dataset = load(name, seed=3, **options)
    assert (dataset.name, dataset.task, dataset.input_shape, dataset.outputs) == (name, task, shape, outputs)
    assert tuple(len(split) for split in splits(dataset)) == sizes
    for split in splits(dataset):
        assert split.x.dtype in (torch.uint8, torch.float32)
        assert split.x.shape == (len(split), *shape)
        if task == "classification":
            assert split.y.dtype == torch.int64
            assert split.y.shape == (len(split),)
            assert set(split.y.tolist()) == set(range(outputs)), "a split lacks a class"
        elif task == "regression":
            assert split.y.dtype == torch.float32
            assert split.y.shape == (len(split), outputs)
        else:
            assert split.y is split.x, "reconstruction keeps a copy of its inputs"
        inputs = dataset.inputs(split.x[:5])
        assert inputs.dtype == torch.float32
        assert inputs.shape == (5, *shape)
        assert inputs.isfinite().all()
        targets = dataset.targets(split.y[:5])
        assert targets.shape == ((5,) if task == "classification" else (5, outputs))
    assert len(dataset.classes) == (outputs if task == "classification" else 0)
    moved = dataset.to("cpu")
    assert (moved.train.y is moved.train.x) == (task == "reconstruction")


def test_same_seed_same_split_another_seed_another(row: tuple[Any, ...]) -> None:
    name, options, *_ = row
    first, again, other = (load(name, seed=seed, **options) for seed in (1, 1, 2))
    for a, b in zip(splits(first), splits(again), strict=True):
        assert torch.equal(a.x, b.x)
        assert torch.equal(a.y, b.y)
    whole_pool_given = len(first.train) == 45  # train and validation are the files' own
    assert torch.equal(first.train.x, other.train.x) == whole_pool_given


def test_splits_of_one_pool_partition_it() -> None:
    from sklearn.datasets import load_digits

    dataset = load("digits", seed=5)
    parts = [tuple(x) for split in splits(dataset) for x in split.x.tolist()]
    assert sorted(parts) == sorted(tuple(x) for x in (load_digits().data / 16).tolist())


@given(st.lists(st.integers(0, 4), min_size=2, max_size=80), st.floats(0, 1), st.integers(0, 9))
def test_shares_are_proportional_to_within_one(labels: list[int], share: float, seed: int) -> None:
    y = np.array(labels)
    count = round(share * len(y))
    chosen = choose(y, count, RNG(seed))
    assert len(np.unique(chosen)) == len(chosen) == count
    for label in set(labels):
        assert abs((y[chosen] == label).sum() - count * (y == label).mean()) < 1


# -- normalisation ---------------------------------------------------------------------------------


def test_pixels_are_normalised_by_the_train_split(tmp_path: Path) -> None:
    dataset = load(parquet_images(tmp_path))
    x = dataset.train.x.double() / 255
    mean, std = x.mean((0, 2, 3)), x.std((0, 2, 3), correction=0)
    torch.testing.assert_close(dataset.mean.flatten().double(), mean, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(dataset.std.flatten().double(), std, atol=1e-6, rtol=1e-6)
    inputs = dataset.inputs(dataset.train.x)
    expected = ((x - mean[:, None, None]) / std[:, None, None]).float()
    torch.testing.assert_close(inputs, expected, atol=1e-5, rtol=1e-5)


def test_mean_0_and_std_1_leave_pixels_in_0_to_1(tmp_path: Path) -> None:
    dataset = load(parquet_images(tmp_path), mean=0, std=1)
    values = dataset.inputs(torch.tensor([0, 128, 255], dtype=torch.uint8).view(3, 1, 1).expand(3, 6, 5))
    torch.testing.assert_close(values[:, 0, 0], torch.tensor([0, 128 / 255, 1]))


def test_tables_are_standardised_by_the_train_split(tmp_path: Path) -> None:
    dataset = load(parquet_regression(tmp_path))
    for values in (dataset.inputs(dataset.train.x), dataset.targets(dataset.train.y)):
        torch.testing.assert_close(values.mean(0), torch.zeros(values.shape[1]), atol=1e-4, rtol=0)
        torch.testing.assert_close(values.std(0, correction=0), torch.ones(values.shape[1]), atol=1e-4, rtol=0)


def test_a_constant_feature_stays_finite(tmp_path: Path) -> None:
    np.savez(tmp_path / "flat.npz", x=np.full((20, 2), 3.0), y=np.arange(20) % 2)
    dataset = load(str(tmp_path / "flat.npz"))
    assert torch.equal(dataset.inputs(dataset.train.x), torch.zeros(12, 2))


# -- generated data --------------------------------------------------------------------------------


def test_sparse_regression_is_linear_in_two_features_without_noise() -> None:
    informative = []
    for seed in range(20):
        dataset = load("sparse_regression", seed=seed)
        x, y = dataset.train.x.double(), dataset.train.y.double()
        w = torch.linalg.lstsq(x, y).solution
        informative.append(int((w.abs() > 1e-3).sum()))
        for split in (dataset.validation, dataset.test):
            torch.testing.assert_close(split.x.double() @ w, split.y.double(), atol=1e-3, rtol=1e-4)
        assert 9.5 < x.std() < 10.5
        assert (dataset.inputs(dataset.train.x) == dataset.train.x).all()
    assert set(informative) <= {1, 2}, "two places drawn with replacement"
    assert informative.count(2) >= 15


def test_moons_lie_on_two_arcs_in_a_plane() -> None:
    dataset = load("moons", seed=4)
    x = torch.cat([split.x for split in splits(dataset)]).double()
    y = torch.cat([split.y for split in splits(dataset)])
    sizes = torch.linalg.svdvals(x)
    assert sizes[1] > 10
    assert sizes[2] < 1e-4, "the points leave their plane"
    for split in splits(dataset):
        assert abs(int(2 * split.y.sum()) - len(split)) <= 1, "unbalanced"
    plane = torch.linalg.svd(x)[2][:2].T
    points = x @ plane
    for label in (0, 1):
        ours = points[y == label]
        radius = (ours - _circle_centre(ours)).norm(dim=1)
        assert abs(radius.mean() - 1) < 0.02
        assert 0.08 < radius.std() < 0.12


def _circle_centre(points: torch.Tensor) -> torch.Tensor:
    """Least squares (Kasa): |p|^2 = 2 c.p + d."""
    design = torch.cat([2 * points, torch.ones(len(points), 1, dtype=points.dtype)], 1)
    centre: torch.Tensor = torch.linalg.lstsq(design, points.square().sum(1, keepdim=True)).solution[:2, 0]
    return centre


def test_the_validation_share_leaves_generated_training_points_alone() -> None:
    for name in ("moons", "sparse_regression"):
        few, many = load(name, validation=0.1), load(name, validation=0.5)
        assert torch.equal(few.train.x, many.train.x)
        assert torch.equal(few.test.x, many.test.x)
        assert (len(few.validation), len(many.validation)) == (56, 500)


# -- augmentation ----------------------------------------------------------------------------------


def test_crop_flip_gives_windows_of_the_padded_image() -> None:
    raw = torch.from_numpy(pictures(16, (2, 5, 4), 1))
    out = crop_flip(raw, torch.arange(3), 0, padding=2)
    assert out.shape == (3, 16, 2, 5, 4)
    assert out.dtype == torch.uint8
    padded = torch.nn.functional.pad(raw, (2, 2, 2, 2))
    seen = set()
    for lane in range(3):
        for b in range(16):
            windows = {
                (top, left, flip): (window.flip(-1) if flip else window)
                for top in range(5)
                for left in range(5)
                for flip in (False, True)
                for window in [padded[b, :, top : top + 5, left : left + 4]]
            }
            found = [key for key, window in windows.items() if torch.equal(window, out[lane, b])]
            assert found, "no window of the padded image"
            seen.update(found)
    assert {flip for *_, flip in seen} == {False, True}
    assert {top for top, *_ in seen} == {left for _, left, _ in seen} == set(range(5))


def test_a_lane_is_augmented_alike_alone_and_in_any_pack() -> None:
    raw = torch.from_numpy(pictures(8, (3, 6, 6)))
    seeds = torch.tensor([5, 9, 2**62])
    pack = crop_flip(raw, seeds, 3, 7, padding=4)
    for lane in range(3):
        assert torch.equal(crop_flip(raw, seeds[lane : lane + 1], 3, 7, padding=4)[0], pack[lane])
    own = torch.stack([raw, raw + 1, raw + 2])
    assert torch.equal(crop_flip(own, seeds, 3, 7, padding=4)[0], pack[0])
    assert torch.equal(crop_flip(raw + 2, seeds, 3, 7, padding=0)[2], crop_flip(own, seeds, 3, 7, padding=0)[2])
    assert not torch.equal(crop_flip(raw, seeds, 3, 8, padding=4), pack)


def test_without_augmentation_lanes_share_the_batch() -> None:
    dataset = load("digits", image=True)
    raw = dataset.train.x[:4]
    lanes = dataset.augmented(raw, torch.arange(5), 1)
    assert lanes.shape == (5, 4, 1, 8, 8)
    assert lanes.data_ptr() == raw.data_ptr()


# -- files -----------------------------------------------------------------------------------------


def test_pixels_labels_and_classes_come_back_as_written(tmp_path: Path) -> None:
    pixels = pictures(20, (4, 4))
    images = [encoded(p) for p in pixels]
    write_parquet(
        tmp_path / "s" / "train.parquet",
        images,
        [i % 2 for i in range(20)],
        ["no", "yes"],
        "img",
        "fine_label",
    )
    write_parquet(
        tmp_path / "s" / "test.parquet",
        images,
        [i % 2 for i in range(20)],
        ["no", "yes"],
        "img",
        "fine_label",
    )
    dataset = load("s", root=tmp_path)
    assert dataset.classes == ("no", "yes")
    assert dataset.source == "Parquet, PNG images"
    assert np.array_equal(dataset.test.x[:, 0].numpy(), pixels)
    assert dataset.test.y.tolist() == [0, 1] * 10


@pytest.mark.parametrize(("name", "said"), [("cifar10", "JPEG re-encoded"), ("imagenet", "JPEG")])
def test_images_that_lost_something_since_they_were_published_say_so(name: str, said: str, tmp_path: Path) -> None:
    images = [encoded(p, "JPEG") for p in pictures(20)]
    for split in ("train", "test"):
        write_parquet(tmp_path / name / f"{split}.parquet", images, [i % 2 for i in range(20)], ["no", "yes"])
    assert load(name, root=tmp_path).source == f"Parquet, {said} images"


def test_named_sets_are_read_from_study_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cifar100", "svhn"):
        home = tmp_path / name / ("cropped_digits" if name == "svhn" else "")
        for split in ("train", "test", *(["extra"] if name == "svhn" else [])):
            write_parquet(home / f"{split}-0.parquet", [encoded(p) for p in pictures(20)], [i % 2 for i in range(20)])
        monkeypatch.setenv("STUDY_DATA", str(tmp_path))
        assert len(load(name).test) == 20


def test_crops_keep_the_centre(tmp_path: Path) -> None:
    picture = np.zeros((8, 12, 3), np.uint8)
    picture[2:6, 4:8] = 200
    for name in ("ant", "bee"):
        (tmp_path / "f" / name).mkdir(parents=True)
        for i in range(5):
            Image.fromarray(picture).save(tmp_path / "f" / name / f"{i}.png")
    assert (load(str(tmp_path / "f"), size=4, resize=8).train.x == 200).all()


def test_hub_sets_are_fetched_once_as_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hf")
    name = f"hub:{parquet_images(tmp_path)}"
    first = load(name)
    monkeypatch.setitem(sys.modules, "datasets", None)  # from here on only what was fetched
    assert torch.equal(load(name).train.x, first.train.x)
    assert (len(first.test), first.input_shape) == (20, (3, 6, 5))
    with pytest.raises(ValueError, match=r"study\[hub\]"):
        load("hub:someone/other")


# -- the cache -------------------------------------------------------------------------------------


def entries(folder: Path) -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for file in folder.glob("*.npy")}


def test_images_are_decoded_once_and_mapped(tmp_path: Path, own_cache: Path) -> None:
    name = parquet_images(tmp_path)
    first = load(name)
    made = entries(own_cache)
    second = load(name)
    assert entries(own_cache) == made
    assert made
    assert not list(own_cache.glob("*.tmp"))
    first.train.x[0] = 7  # copy-on-write: a trial cannot spoil what others see
    assert not torch.equal(second.train.x[0], first.train.x[0])
    assert torch.equal(load(name).train.x, second.train.x)


def test_changed_files_are_decoded_again(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", [encoded(p) for p in pictures(20)], [0, 1] * 10)
    before = load(str(path))
    write_parquet(path, [encoded(p) for p in pictures(20, seed=1)], [0, 1] * 10)
    assert not torch.equal(load(str(path)).train.x, before.train.x)


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"no array at all" * 40], ids=["empty", "cut", "foreign"])
def test_a_damaged_cache_is_made_again(tmp_path: Path, own_cache: Path, damage: bytes) -> None:
    name = parquet_images(tmp_path)
    before = load(name).train.x.clone()
    for file in entries(own_cache):
        file.write_bytes(damage)
    assert torch.equal(load(name).train.x, before)
    for file in entries(own_cache):
        file.write_bytes(file.read_bytes()[:-1])
    assert torch.equal(load(name).train.x, before)


def test_a_failed_decoding_leaves_nothing_behind(tmp_path: Path, own_cache: Path) -> None:
    images = [encoded(p) for p in pictures(20)]
    path = write_parquet(tmp_path / "bad.parquet", [*images[:-1], b"no image"], [0, 1] * 10)
    with pytest.raises(ValueError, match="image 19 cannot be decoded"):
        load(str(path))
    assert not entries(own_cache)
    assert not list(own_cache.glob("*.tmp"))


# runs in a process of its own, from the file alone: importing torch would take most of the test's time
_MAKE = """
import sys, time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
import numpy as np

source, log, ready, go = sys.argv[1:]
spec = spec_from_file_location("cache", source)
cache = module_from_spec(spec)
spec.loader.exec_module(cache)

def chunks():
    with open(log, "a") as file:
        file.write("made;")
    for block in np.split(np.arange(4000, dtype=np.int64).reshape(1000, 4), 20):
        time.sleep(0.01)
        yield block

Path(ready).touch()
while not Path(go).exists():
    time.sleep(0.005)
assert cache.array("key", (1000, 4), np.int64, chunks).sum() == 3999 * 2000
"""


def test_processes_that_ask_at_once_share_one_making(tmp_path: Path) -> None:
    log, go = tmp_path / "log", tmp_path / "go"
    ready = [tmp_path / f"ready{i}" for i in range(2)]
    running = [subprocess.Popen([sys.executable, "-c", _MAKE, cache.__file__, log, r, go]) for r in ready]
    while not all(r.exists() for r in ready):
        assert all(p.poll() is None for p in running), "a process ended before it began"
        sleep(0.005)
    go.touch()
    assert [p.wait(60) for p in running] == [0, 0]
    assert log.read_text() == "made;"
    assert cache.array("key", (1000, 4), np.int64, list)[-1, -1] == 3999


def test_import_stays_light() -> None:
    code = "import sys, trainables.data; assert not {'sklearn', 'datasets', 'PIL', 'pandas'} & set(sys.modules)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


# -- messages --------------------------------------------------------------------------------------

ERRORS: list[tuple[Source | str, dict[str, Any], str]] = [
    ("digit", {}, r"expected one of digits, .*hub:NAME, but got 'digit'; did you mean 'digits'"),
    ("mnist", {}, r"STUDY_DATA is not set: set STUDY_DATA to the folder .* mnist, or use hub:ylecun/mnist"),
    ("mnist", {"root": Path("/nowhere")}, "there is no /nowhere/mnist: set STUDY_DATA"),
    ("no/such/folder", {}, "there is no no/such/folder; expected a path of a Parquet"),
    (
        "digits",
        {"imag": True},
        r"option: expected one of image, .*limit.* got 'imag'; did you mean 'image'",
    ),
    (
        "digits",
        {"task": "clasification"},
        "task: expected one of classification, .*did you mean 'classification'",
    ),
    ("digits", {"task": "regression"}, "task: expected classification or reconstruction for digits"),
    ("digits", {"validation": 1.5}, "validation: expected a share between 0 and 1, got 1.5"),
    ("digits", {"validation": 0.6, "test": 0.4}, "validation: 0.6 leaves nothing to train on"),
    ("digits", {"limit": 5000}, "limit: expected at most the 1079 training examples, got 5000"),
    ("digits", {"limit": "many"}, "limit: expected a whole number of at least 1, got 'many'"),
    ("digits", {"seed": -1}, "seed: expected a whole number of at least 0, got -1"),
    ("digits", {"augment": "flip"}, "augment: expected one of crop_flip, but got 'flip'"),
    ("digits", {"augment": "crop_flip"}, "augment: crop_flip needs images of pixels"),
    ("digits", {"std": 0}, "std: expected numbers above 0, got 0"),
    ("moons", {"test": 0.3}, "moons has a test set of its own"),
    (parquet_images, {"mean": [0.5, 0.5]}, "mean: expected one number or 3, one per channel"),
    (
        parquet_images,
        {"label": "lable"},
        r"label: expected one of label, but got 'lable'; did you mean 'label'",
    ),
    (parquet_images, {"channels": 2}, "channels: expected 1 .grey. or 3"),
    (parquet_images, {"resize": 9}, "resize: 9 needs a size"),
    (image_folder, {}, "height and width .* say size: N"),
    (csv_classes, {}, "no column looks like the label: say label: with one of width, petals, species, id"),
    (csv_classes, {"label": "specie"}, r"got 'specie'; did you mean 'species'"),
    (csv_classes, {"label": "id"}, r"features must be numbers, got species \(string\): .* drop:"),
    (
        csv_classes,
        {"label": "id", "drop": "species"},
        "60 distinct whole numbers: say task: classification or",
    ),
    (npz_features, {}, "expected the arrays x, y, got x"),
]


@pytest.mark.parametrize(("source", "options", "message"), ERRORS, ids=lambda v: getattr(v, "__name__", None))
def test_mistakes_are_explained(
    source: Source | str,
    options: dict[str, Any],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("STUDY_DATA", raising=False)
    name = source if isinstance(source, str) else source(tmp_path)
    with pytest.raises(ValueError, match=message):
        load(name, **options)


def test_labels_beyond_the_classes_are_explained(tmp_path: Path) -> None:
    images = [encoded(p) for p in pictures(20)]
    for labels, message in (([0, 1] * 9 + [0, 2], "0 to 1, .*got 0 to 2"), ([-1] * 20, "without labels")):
        path = write_parquet(tmp_path / "a.parquet", images, labels, ["no", "yes"])
        with pytest.raises(ValueError, match=message):
            load(str(path))


def test_splits_of_different_shapes_are_refused(tmp_path: Path) -> None:
    for split, size in {"train": 6, "test": 7}.items():
        images = [encoded(p) for p in pictures(20, (size, 6))]
        write_parquet(tmp_path / "s" / f"{split}.parquet", images, [0, 1] * 10)
    with pytest.raises(ValueError, match=r"shape \(1, 6, 6\) in the train split, \(1, 7, 6\) in test"):
        load(str(tmp_path / "s"))


def test_gaps_in_a_table_are_named(tmp_path: Path) -> None:
    (tmp_path / "gaps.csv").write_text("a,b,label\n" + "true,2,x\n,3,y\n" * 5)
    with pytest.raises(ValueError, match=r"missing or infinite values in the train split: a$"):
        load(str(tmp_path / "gaps.csv"))


def test_folders_with_several_sets_are_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_parquet(tmp_path / "s" / name / "train.parquet", [encoded(p) for p in pictures(2)], [0, 1])
    with pytest.raises(ValueError, match="several data sets, name one of them: one, two"):
        by_split(tmp_path / "s", ".parquet")


def test_every_entry_says_what_it_is() -> None:
    for name, entry in DATA.items():
        assert entry.name == name
        assert entry.summary
        assert entry.reference


# -- the real sets ---------------------------------------------------------------------------------


@pytest.fixture
def data_root() -> Path:
    root = os.environ.get("STUDY_DATA")
    if not root:
        pytest.skip("STUDY_DATA is not set: it names the folder of data sets")
    return Path(root)


@pytest.mark.data
def test_mnist_is_mnist(data_root: Path) -> None:
    dataset = load("mnist")
    assert tuple(len(split) for split in splits(dataset)) == (48000, 12000, 10000)
    assert dataset.classes == tuple("0123456789")
    assert (dataset.mean.item(), dataset.std.item()) == pytest.approx((0.1307, 0.3081), abs=5e-4)
    assert dataset.test.y.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert dataset.train.y.bincount().add(dataset.validation.y.bincount())[1] == 6742


@pytest.mark.data
def test_cifar10_is_cifar10(data_root: Path) -> None:
    dataset = load("cifar10", limit=1000)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (1000, 10000, 10000)
    assert dataset.train.y.bincount().tolist() == [100] * 10
    assert dataset.classes[3] == "cat"
    assert dataset.mean.flatten().tolist() == pytest.approx([0.491, 0.482, 0.447], abs=0.02)


@pytest.mark.data
def test_the_generated_moons_are_spread_like_the_original(data_root: Path) -> None:
    original, generated = load("moons_original"), load("moons")
    assert (len(original.train), len(original.validation), len(original.test)) == (500, 100, 400)
    assert original.source == "original file"
    for dataset in (original, generated):
        spread = torch.linalg.svdvals(dataset.train.x)[:3] / 500**0.5
        assert spread.tolist() == pytest.approx([1.0, 0.65, 0.0], abs=0.06)
