"""Our book and our whole engine beside other matching engines: million messages per second of CPU time.

`cift-bench-abi` loads all of them behind the C ABI of a public benchmark of matching engines and compares
their reports. Its messages come from a generator of our own. The rival is CppTrader, built here from its
public sources at pinned commits with the adapter of that benchmark; without git, g++, the headers of fmt or
the network it is left out, with the reason. With the headers of boost the benchmark's own harness runs too
and checks the hash of all reports.
"""

import argparse
import os
import subprocess
from pathlib import Path

from bench.__main__ import binaries

CACHE = Path(os.environ.get("CIFT_CACHE") or Path.home() / ".cache" / "cift") / "bench"
SOURCES = {
    "benchmark": ("https://github.com/flash1-dev/matching-engine-benchmark", None),
    "CppTrader": (
        "https://github.com/chronoxor/CppTrader",
        "831d10e2a6dd96ac7b063f1d418f6563cbf74c50",
    ),
    "CppCommon": (
        "https://github.com/chronoxor/CppCommon",
        "e14011974b8d463cc854239bf351275b5a857de6",
    ),
}
SCENARIOS = ("static", "normal", "swing-25", "swing-40", "flash-crash")
TIMEOUT_S = 900


class Unavailable(Exception):
    """What is missing for a rival."""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Runs a command and returns what it printed. Raises Unavailable with its last line if it fails."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise Unavailable(str(error)) from error
    if done.returncode != 0:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if "error" in line.lower()]
        raise Unavailable(lines[0] if lines else f"{command[0]} exited with {done.returncode}")
    return done.stdout


def source(name: str) -> Path:
    """The sources of a project, cloned into the cache once."""
    folder = CACHE / name
    url, commit = SOURCES[name]
    if not folder.exists():
        run("git", "clone", "--quiet", url, folder)
        if commit:
            run("git", "checkout", "--quiet", commit, cwd=folder)
    return folder


def cpptrader() -> Path:
    library = CACHE / "cpptrader.so"
    if library.exists():
        return library
    benchmark, trader, common = source("benchmark"), source("CppTrader"), source("CppCommon")
    matching = trader / "source" / "trader" / "matching"
    run(
        *("g++", "-std=c++20", "-O3", "-march=native", "-fPIC", "-shared", "-pthread", "-DFMT_HEADER_ONLY"),
        *(f"-I{folder}" for folder in (benchmark / "api", trader / "include", common / "include")),
        *("-o", library),
        benchmark / "additional_references" / "cpptrader_adapter" / "cpptrader_adapter.cpp",
        *(matching / f"{unit}.cpp" for unit in ("market_manager", "order", "order_book")),
    )
    return library


def harness() -> Path:
    folder = source("benchmark")
    if not (folder / "harness").exists():
        run("cmake", "-S", folder, "-B", folder / "build", "-DCMAKE_BUILD_TYPE=Release")
        run("cmake", "--build", folder / "build")
    return folder


def verdicts(folder: Path, library: Path) -> str:
    """The harness's verdict on our library for each scenario. VALID: the reports have the published hash."""
    found = []
    for scenario in SCENARIOS:
        command = ["./harness", "--engine", library, "--scenario", scenario, "--mode", "perf"]
        printed = run(*command, "--matcher-core", "0", "--drainer-core", "1", cwd=folder)
        verdict = [line.split()[-1] for line in printed.splitlines() if line.startswith("Verdict:")]
        found.append(f"{scenario} {verdict[0] if verdict else 'no verdict'}")
    return ", ".join(found)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=1_000_000, help="orders of each scenario")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    command = [str(binaries() / "cift-bench-abi")]
    command += ["--orders", str(options.orders), "--rounds", str(options.rounds)]
    try:
        command += ["--rival", f"CppTrader={cpptrader()}"]
    except Unavailable as missing:
        print(f"CppTrader is left out: {missing}", flush=True)
    subprocess.run(command, check=True, timeout=TIMEOUT_S)
    try:
        print(f"public harness, book alone: {verdicts(harness(), binaries() / 'libcift_abi.so')}")
    except Unavailable as missing:
        print(f"the public harness is left out: {missing}")


if __name__ == "__main__":
    main()
