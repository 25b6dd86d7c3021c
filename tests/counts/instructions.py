"""Instructions of small fixed workloads under callgrind, against the committed counts: a slower kernel or a lost fusion shows here,
whatever else the machine is doing.

usage: instructions.py PROGRAM TABLE EXAMPLES COMPILER BUILD_TYPE [--write]

PROGRAM is tests/counts/workloads.c. A count may exceed the committed one by three in a hundred; one that is lower by more than ten is said,
so that the table is written anew: --write does that. The counts hold for the compiler and build type that the table names; with others,
on a processor without AVX2 (whose instructions valgrind 3.19 knows best: it has no AVX-512), or without valgrind, exit code 77: skipped.
"""
import platform
import re
import shutil
import subprocess
import sys

COMPILER, BUILD_TYPE = "GNU 12.2", "Release"
CPUS = ("c", "avx2")
ABOVE, BELOW = 1.03, 0.9
HEAD = f"""# Instructions that callgrind counts for tests/counts/workloads.c: workload, instruction set, count. Debian 12's gcc 12.2, build type
# Release, x86-64. Written by: python3 tests/counts/instructions.py PROGRAM tests/counts/instructions.txt examples "GNU 12.2.0" Release --write
"""


def skip(why):
    print(f"SKIP: {why}")
    sys.exit(77)


def check_place(compiler, build_type):
    if not compiler.startswith(COMPILER + ".") or build_type != BUILD_TYPE:
        skip(f"the counts are of {COMPILER} and {BUILD_TYPE}, not of {compiler} and {build_type}")
    if platform.machine() != "x86_64":
        skip("the counts are of x86-64")
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = set(re.search(r"^flags\s*:(.*)$", file.read(), re.M).group(1).split())
    if not {"avx2", "fma"} <= flags:
        skip("this processor has no AVX2")
    if shutil.which("valgrind") is None:
        skip("valgrind is missing: apt-get install valgrind")


def count(program, name, cpu, examples):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=measured_work", program, name, cpu]
    command += [f"{examples}/fashion_mnist.onnx", f"{examples}/fashion_boot.png"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
    if done.returncode or not found or int(found.group(1)) == 0:
        raise SystemExit(f"{name} on {cpu} failed:\n{done.stdout}{done.stderr}")
    return int(found.group(1))


def read_table(path):
    with open(path, encoding="utf-8") as file:
        rows = (line.split() for line in file if line.strip() and not line.startswith("#"))
        return {(name, cpu): int(number) for name, cpu, number in rows}


def main():
    program, table, examples, compiler, build_type = sys.argv[1:6]
    check_place(compiler, build_type)
    names = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
    counts = {(name, cpu): count(program, name, cpu, examples) for name in names for cpu in CPUS}
    if sys.argv[6:] == ["--write"]:
        with open(table, "w", encoding="utf-8") as file:
            file.write(HEAD + "".join(f"{name} {cpu} {number}\n" for (name, cpu), number in counts.items()))
        return 0
    wanted = read_table(table)
    failed = set(wanted) != set(counts)
    if failed:
        print(f"the table and the program have other workloads: {sorted(set(wanted) ^ set(counts))}")
    for key in sorted(set(wanted) & set(counts)):
        share = counts[key] / wanted[key]
        said = "TOO MANY" if share > ABOVE else "fewer: write the table anew" if share < BELOW else ""
        print(f"{key[0]:22} {key[1]:5} {counts[key]:11} {100 * (share - 1):+7.2f} % {said}")
        failed = failed or share > ABOVE
    return 1 if failed else 0


sys.exit(main())
