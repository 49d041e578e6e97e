"""The ten most alike of a million embeddings: `python -m siamese_core bench search`.

The embeddings lie as the starter's of invented glyphs do (see _search_data); 500 queries are drawn as they are and are
not among them. The settings of our engines were chosen on another million, drawn with another seed. Each contender runs
in a process of its own with as many threads as it likes; one query is asked at a time. Ours are asked as the dashboard
does, with names looked up and the run's own distance; the others return numbers alone. Build includes everything from
embeddings in memory to the first answer, for ours with the files on the disk. Memory is the process's resident set
after the queries, mapped files included, with the server's where there is one. Exact answers: in double precision.
Chroma is measured at the smaller size alone, since a million would take it longer than all the others together.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SMALL, LARGE = 50_000, 1_000_000
QUERIES, K, SEED = 500, 10, 11
TRAINING = 160_000  # embeddings that bare faiss divides into its lists, as ours does
WARM, PATIENCE = 20, 60.0  # queries before the clock starts; seconds after which no further one is asked
BUDGET, BUILD = 5.0, 600.0  # milliseconds a query, seconds
Search = Callable[[np.ndarray], Any]  # (1, D) -> numbers of the nearest, nearest first


def run(small: int = SMALL, large: int = LARGE) -> dict[str, Any]:
    """A row for each contender; the headline is the best recall@10 of ours within the budget of time."""
    from siamese_core import bench

    data = bench.load("_search_data")
    plan = [(name, small) for name in ("ours exact", "scikit-learn", "chroma server", "ours chroma server")]
    plan += [(name, large) for name in CONTENDERS if "chroma" not in name]
    rows = []
    with tempfile.TemporaryDirectory(prefix="siamese-bench-") as place:
        folder = Path(place)
        x = data.made(large + QUERIES, SEED)
        x, queries = x[:large], x[large:]
        np.save(folder / "x.npy", x)
        np.save(folder / "queries.npy", queries)
        for count in {small, large}:
            np.save(folder / f"truth{count}.npy", data.nearest(x[:count], queries, K))
        del x
        for name, count in plan:
            rows.append(_apart(name, count, folder))
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    good = [
        row["recall_at_10"]
        for row in rows
        if row["engine"].startswith("ours") and row["embeddings"] == large
        and row.get("ms", BUDGET) < BUDGET and row["build_seconds"] < BUILD
    ]  # fmt: skip
    return {
        "name": "search",
        "headline": {
            "what": f"recall@10 at under {BUDGET:g} ms a query, {large:,} embeddings (at least 0.99)",
            "value": max(good, default=0.0),
        },
        "rows": rows,
    }


def _apart(name: str, count: int, folder: Path) -> dict[str, Any]:
    """One contender in a process of its own."""
    from siamese_core import processes

    done = subprocess.run(
        [sys.executable, __file__, name, str(count), str(folder)],
        env=processes.environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    if done.returncode:
        return {"engine": name, "embeddings": count, "note": "not here, or it failed"}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _measured(name: str, count: int, folder: Path) -> dict[str, Any]:
    import psutil

    x = np.ascontiguousarray(np.load(folder / "x.npy", mmap_mode="r")[:count])
    queries, truth = np.load(folder / "queries.npy"), np.load(folder / f"truth{count}.npy")
    with tempfile.TemporaryDirectory(dir=folder) as place:
        began = time.perf_counter()
        search, server = CONTENDERS[name](x, Path(place))
        search(queries[:1])
        build = time.perf_counter() - began
        del x
        for q in queries[:WARM]:
            search(q[None])
        times, right = [], []
        for q, wanted in zip(queries, truth, strict=True):
            began = time.perf_counter()
            found = search(q[None])
            times.append(time.perf_counter() - began)
            right.append(len({int(i) for i in found} & set(wanted.tolist())) / K)
            if sum(times) > PATIENCE:
                break
        memory = psutil.Process().memory_info().rss
        if server is not None:
            memory += psutil.Process(server.pid).memory_info().rss
            server.kill()
            server.wait()
    return {
        "engine": name,
        "embeddings": count,
        "build_seconds": round(build, 1),
        "ms": round(1000 * float(np.median(times)), 2),
        "ms_95": round(1000 * float(np.quantile(times, 0.95)), 2),
        "recall_at_10": round(float(np.mean(right)), 4),
        "queries": len(times),
        "memory_mb": round(memory / 2**20),
    }


def _ours(engine: str, **settings: Any) -> Callable[[np.ndarray, Path], tuple[Search, Any]]:
    def build(x: np.ndarray, folder: Path) -> tuple[Search, Any]:
        from siamese_core import galleries, trained

        server = _server(folder) if engine == "chroma" else None
        more = {"url": server.url} if server else {}  # type: ignore[attr-defined]
        model = trained.load("starter")
        gallery = galleries.create(folder / "gallery", model, engine, **settings, **more)
        for begin in range(0, len(x), 20_000):
            part = x[begin : begin + 20_000]
            known = [galleries.Entry(f"{i:016x}", f"{i}.png", str(i % 1000)) for i in range(begin, begin + len(part))]
            gallery.add_embeddings(model, part, known)
        gallery.update(model)
        searcher = gallery.searcher(model)
        return lambda q: [m.item.id for m in searcher.search(q, K)[0].matches], server

    return build


def _scikit_learn(x: np.ndarray, folder: Path) -> tuple[Search, Any]:
    from sklearn.neighbors import NearestNeighbors

    fitted = NearestNeighbors(n_neighbors=K).fit(x)
    return lambda q: fitted.kneighbors(q, return_distance=False)[0], None


def _faiss(description: str, **search: int) -> Callable[[np.ndarray, Path], tuple[Search, Any]]:
    def build(x: np.ndarray, folder: Path) -> tuple[Search, Any]:
        import faiss

        index = faiss.index_factory(x.shape[1], description)
        index.train(x[:: max(1, len(x) // TRAINING)])
        index.add(x)
        for name, value in search.items():
            faiss.ParameterSpace().set_index_parameter(index, name, value)
        return lambda q: index.search(q, K)[1][0], None

    return build


def _chroma(x: np.ndarray, folder: Path) -> tuple[Search, Any]:
    import chromadb

    server = _server(folder)
    client = chromadb.HttpClient("127.0.0.1", server.port)
    collection = client.create_collection("bench", embedding_function=None, configuration={"hnsw": {"space": "l2"}})
    for i in range(0, len(x), 1000):
        collection.add(ids=[str(j) for j in range(i, min(i + 1000, len(x)))], embeddings=x[i : i + 1000])
    return lambda q: collection.query(query_embeddings=q, n_results=K, include=[])["ids"][0], server


def _server(folder: Path) -> Any:
    """`chroma run` in a process of its own, with `url` and `port`."""
    import socket

    import chromadb  # noqa: F401 (absent, there is no row)

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    program = Path(sys.executable).with_name("chroma")
    words = [str(program), "run", "--path", str(folder / "server"), "--host", "127.0.0.1", "--port", str(port)]
    process: Any = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    process.port, process.url = port, f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise RuntimeError("The server did not start.")


CONTENDERS: dict[str, Callable[[np.ndarray, Path], tuple[Search, Any]]] = {
    "ours exact": _ours("exact"),
    "scikit-learn": _scikit_learn,
    "faiss IVF4096,Flat": _faiss("IVF4096,Flat", nprobe=96),
    "ours faiss ivf": _ours("faiss", kind="ivf"),
    "faiss HNSW32,Flat": _faiss("HNSW32,Flat", efSearch=96),
    "ours faiss hnsw": _ours("faiss", kind="hnsw"),
    "chroma server": _chroma,
    "ours chroma server": _ours("chroma"),
}

if __name__ == "__main__":
    print(json.dumps(_measured(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))))
