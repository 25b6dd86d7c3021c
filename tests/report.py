"""The end of `sh tests/run.sh`: the time of each row, what failed, and whether exactly the rows of the committed list were skipped.

usage: report.py SKIPS FACTS NAME=JUNIT.xml...

FACTS are what this machine has or lacks, separated by commas. A line of SKIPS is: build/row FACT, or build/row always. A test
skipped inside a cmocka program is build/row:test.
"""
import re
import sys
import xml.etree.ElementTree as tree

# What a machine may lack; skips-default.txt tells each.
CONDITIONS = ("always", "without-models", "without-torch", "without-torchvision", "without-keras", "without-pypi")
CONDITIONS += ("without-arm64", "without-tensorflow", "without-avx2", "without-avx512", "without-gcc-12.2")
INNER = re.compile(r"^\[  SKIPPED \] ([A-Za-z_]\w*)\s*$", re.M)


def read_skips(path, facts):
    expected = set()
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            words = line.split("#")[0].split()
            if not words:
                continue
            if len(words) != 2 or words[1] not in CONDITIONS:
                raise SystemExit(f"{path}:{number}: a line is: build/row {'|'.join(CONDITIONS)}")
            if words[1] == "always" or words[1] in facts:
                expected.add(words[0])
    return expected


def read_rows(name, path):
    """[(row, seconds, state, output)]"""
    rows = []
    for case in tree.parse(path).getroot().iter("testcase"):
        skipped, failed = case.find("skipped"), case.find("failure")
        state = "failed" if failed is not None or case.get("status") == "fail" else "skipped" if skipped is not None else "passed"
        if state == "passed" and case.get("status") != "run":
            state = "skipped" if case.get("status") in ("notrun", "disabled") else "failed"
        rows.append((f"{name}/{case.get('name')}", float(case.get("time") or 0), state, case.findtext("system-out") or ""))
    return rows


def main():
    expected = read_skips(sys.argv[1], sys.argv[2].split(","))
    rows = []
    for word in sys.argv[3:]:
        found = read_rows(*word.split("=", 1))
        if not found:
            raise SystemExit(f"{word}: no rows ran")
        rows += found
    print("\n seconds  row")
    for row, seconds, state, _ in sorted(rows, key=lambda r: (r[0].split("/")[0], r[1])):
        print(f"{seconds:8.1f}  {row}{'' if state == 'passed' else '  ' + state.upper()}")
    skipped = {row for row, _, state, _ in rows if state == "skipped"}
    for row, _, state, output in rows:
        if state != "skipped":
            skipped |= {f"{row}:{test}" for test in INNER.findall(output)}
    failed = [row for row, _, state, _ in rows if state == "failed"]
    passed = sum(state == "passed" for _, _, state, _ in rows)
    print(f"\n{passed} rows passed, {len(failed)} failed, {len(skipped)} skipped ({sys.argv[2]})")
    for row, _, state, output in rows:
        if state == "skipped":
            last = output.strip().splitlines()
            print(f"  skipped {row}: {last[-1] if last else 'it did not say why'}")
    for row in failed:
        print(f"  FAILED {row}")
    for row in sorted(skipped - expected):
        print(f"  SKIPPED BUT NOT IN {sys.argv[1]}: {row}")
    for row in sorted(expected - skipped):
        print(f"  IN {sys.argv[1]} BUT NOT SKIPPED: {row}")
    return 1 if failed or skipped != expected else 0


sys.exit(main())
