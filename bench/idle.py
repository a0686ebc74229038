"""What an idle exchange costs: CPU and memory of each process of `make run`, while nobody uses it.

    python -m bench.idle [--json] [--seconds 60] [--warm-up 30] [--data FOLDER]

It starts an exchange with default settings (the recorded day at speed 1, embedded ClickHouse), waits until it
has warmed up, and measures. With --data it measures the exchange that runs with this data folder instead.

CPU is user and system time divided by the time measured, so 100 % is one core. Memory is the proportional
set size (PSS): a page that several processes share counts in equal parts. `own` is the part that no file
backs; the kernel can drop the rest (code of programs and libraries) and read it again. Children count with
their server (PostgreSQL starts several). The exit code is always 0.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """User and system time of a process, without that of its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def memory_mb(pid: int) -> tuple[float, float]:
    """PSS, and the part of it that no file backs."""
    lines = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines())
    found = {line[0]: int(line[1]) / 1024 for line in lines if line[0].startswith("Pss")}
    return found["Pss:"], found["Pss_Anon:"] + found["Pss_Shmem:"]


def families(run: dict[str, Any]) -> dict[str, list[int]]:
    """The processes of each program: itself and its children."""
    import psutil

    programs = {"supervisor": [run["pid"]]}
    for name, pid in run["children"].items():
        programs[name] = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    return programs


def measure(run: dict[str, Any], seconds: float) -> dict[str, dict[str, float]]:
    """CPU (% of a core) and PSS (MB) of each program. A process that ends meanwhile does not count."""
    programs = families(run)
    before = {pid: cpu_s(pid) for pids in programs.values() for pid in pids}
    began = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    found: dict[str, dict[str, float]] = {}
    for name, pids in programs.items():
        cpu = memory = own = 0.0
        for pid in pids:
            try:
                cpu += cpu_s(pid) - before[pid]
                of_process = memory_mb(pid)
                memory, own = memory + of_process[0], own + of_process[1]
            except FileNotFoundError:
                continue
        found[name] = {"cpu_percent": 100 * cpu / took, "pss_mb": memory, "own_mb": own}
    found["total"] = {
        key: sum(each[key] for each in found.values()) for key in ("cpu_percent", "pss_mb", "own_mb")
    }
    return found


@contextmanager
def started(warm_up_s: float) -> Iterator[dict[str, Any]]:
    """The run file of an exchange that runs with the settings of `make run`."""
    from tests.stack import Stack

    with tempfile.TemporaryDirectory(prefix="cift-bench-") as folder:
        with Stack.start(Path(folder) / "data", market="replay", clickhouse_url="") as stack:
            time.sleep(warm_up_s)
            yield stack.run_file


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--warm-up", type=float, default=30.0)
    parser.add_argument("--data", type=Path, help="measure the exchange of this data folder")
    given = parser.parse_args()
    if given.data is not None:
        found = measure(json.loads((given.data / "run.json").read_text()), given.seconds)
    else:
        with started(given.warm_up) as run:
            found = measure(run, given.seconds)
    if given.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{'':16}{'CPU, % of a core':>18}{'PSS, MB':>10}{'own, MB':>10}")
    for name, figures in found.items():
        print(f"{name:16}{figures['cpu_percent']:18.2f}{figures['pss_mb']:10.0f}{figures['own_mb']:10.0f}")


if __name__ == "__main__":
    main()
