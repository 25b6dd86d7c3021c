"""Runs programs in turn, reads their lines of JSON, and makes medians of them."""

import json
import os
import statistics
import subprocess
import time


def run(command):
    """(lines of JSON, seconds from start to end) of one process."""
    began = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit("this failed: %s\n%s" % (" ".join(command), done.stderr.strip()[-2000:]))
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")], seconds


def in_turn(commands, rounds):
    """commands: {name: words}. Runs A B A B ...; gives {name: [(lines, seconds) of each round]}."""
    results = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            results[name].append(run(command))
    return results


def imports(python, module):
    """Whether that Python finds a module, without importing it."""
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('%s') is None)" % module
    return subprocess.run([python, "-c", code], stderr=subprocess.DEVNULL, check=False).returncode == 0


def values(lines, kind):
    return [line["ms"] for line in lines if line["kind"] == kind]


def find(lines, kind):
    return next((line for line in lines if line["kind"] == kind), {})


def spread(samples):
    """Median, quartiles and ends."""
    ordered = sorted(samples)
    quarter = statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else ordered * 3
    return {"median": statistics.median(ordered), "low": quarter[0], "high": quarter[2], "least": ordered[0], "most": ordered[-1],
            "count": len(ordered)}


def summary(rounds, kind=None):
    """Of all repetitions of all rounds; kind None: of whole processes, in milliseconds."""
    each = [values(lines, kind) if kind else [1e3 * seconds] for lines, seconds in rounds]
    out = spread([value for samples in each for value in samples])
    out["rounds"] = [statistics.median(samples) for samples in each]
    return out


def ratio(slow, fast):
    """How many times faster: of the medians, and the least and most of the pairs that ran side by side."""
    pairs = [a / b for a, b in zip(slow["rounds"], fast["rounds"])]
    return {"median": slow["median"] / fast["median"], "least": min(pairs), "most": max(pairs)}


def peaks(command):
    """Largest RssAnon, RssFile and resident set of a process, in MB, by looking at it every two milliseconds."""
    most = {"RssAnon": 0, "RssFile": 0, "VmHWM": 0}
    with open(os.devnull, "w") as nothing, subprocess.Popen(command, stdout=nothing, stderr=nothing) as process:
        while process.poll() is None:
            try:
                with open("/proc/%d/status" % process.pid) as file:
                    for line in file:
                        name = line.split(":")[0]
                        if name in most:
                            most[name] = max(most[name], int(line.split()[1]))
            except (OSError, ValueError, IndexError):
                pass
            time.sleep(0.002)
    if process.returncode != 0:
        raise SystemExit("this failed: " + " ".join(command))
    return {"anon_mb": most["RssAnon"] / 1024, "file_mb": most["RssFile"] / 1024, "peak_mb": most["VmHWM"] / 1024}


def machine():
    """The processor's name and the cores that may be used."""
    out = {"cpu": "unknown", "cores": os.cpu_count(), "system": " ".join(os.uname()[i] for i in (0, 2, 4))}
    if hasattr(os, "sched_getaffinity"):
        out["cores"] = len(os.sched_getaffinity(0))
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
        out["cpu"] = names[0] if names else out["cpu"]
        with open("/proc/meminfo") as file:
            out["memory_mb"] = int(file.readline().split()[1]) // 1024
    except OSError:
        pass
    return out
