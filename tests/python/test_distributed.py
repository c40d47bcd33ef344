"""The examples for many pictures, on real engines with two workers: every row once, one of the workers killed on the way."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import GOLDEN, ROOT

import pixelwise as pw

sys.path.insert(0, str(ROOT / "examples/distributed"))

COUNT = int(os.environ.get("PIXELWISE_PICTURES", "2000"))
MODEL = str(GOLDEN / "lenet5/model.onnx")


@pytest.fixture(scope="module")
def expected():
    """The checksum of a single process."""
    from digits import checksum, digit

    net = pw.load(MODEL)
    maps = net.explain(np.stack([digit(row) for row in range(COUNT)]), composite="epsilon-plus-flat").relevance
    return checksum(enumerate(maps.astype(np.float16).reshape(COUNT, -1)))


def found(folder):
    """The number of rows in a folder's Parquet files, those that are there once, and their checksum."""
    from digits import checksum

    parquet = pytest.importorskip("pyarrow.parquet")
    files = [parquet.read_table(file) for file in sorted(folder.glob("*.parquet"))]
    rows = [row for file in files for row in zip(file["id"].to_pylist(), file["relevance"].to_pylist(), strict=True)]
    ids = [row for row, _ in rows]
    return len(ids), sorted(ids) == list(range(COUNT)), checksum((row, np.array(r, np.float16)) for row, r in rows)


def run(example, folder, kill):
    """Runs an example in a process of its own; ends one of its workers, by its id, once the first of its files is there."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path), RAY_DEDUP_LOGS="0")
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "examples/distributed" / example), MODEL, str(folder), str(COUNT)],
        env=environment,
        start_new_session=True,
    )
    killed = []
    watcher = threading.Thread(target=watch, args=(process, folder, killed))
    if kill:
        watcher.start()
    try:
        assert process.wait(timeout=400) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    if kill:
        watcher.join()
        assert killed, "no worker was ended: the run was over before"


def watch(process, folder, killed):
    """Waits for the first map, then ends a worker."""
    while process.poll() is None:
        workers = descendants(process.pid)
        if workers and any(folder.glob("*.parquet")) or len(workers) > 1 and busy(workers[-1]) > 2:
            os.kill(workers[-1], signal.SIGKILL)
            killed.append(workers[-1])
            return
        time.sleep(0.05)


def descendants(parent):
    """The processes below one that have a model in them."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    children.setdefault(int(stat.read().rsplit(")", 1)[1].split()[1]), []).append(int(entry))
            except OSError:
                continue
    below, waiting = [], [parent]
    while waiting:
        found = children.get(waiting.pop(), [])
        below += found
        waiting += found
    return [child for child in sorted(below) if has_model(child)]


def has_model(process):
    """Whether a process computes with pixelwise."""
    try:
        with open(f"/proc/{process}/maps") as maps:
            return "_native" in maps.read() and process != os.getpid()
    except OSError:
        return False


def busy(process):
    """The seconds of processor time that a process took."""
    try:
        with open(f"/proc/{process}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0


@pytest.mark.parametrize("kill", [False, True], ids=["undisturbed", "a worker killed"])
@pytest.mark.parametrize("example, engine", [("with_ray.py", "ray"), ("with_dask.py", "distributed")])
def test_every_picture_is_explained_once(example, engine, kill, expected, tmp_path):
    pytest.importorskip(engine)
    run(example, tmp_path / "maps", kill)
    count, once, checksum = found(tmp_path / "maps")
    assert (count, once) == (COUNT, True) and checksum == expected
