"""Option numbers are pinned for ever: what the library says against options.txt. New options add lines; no line changes.

The file is written by: build/release/tests/abi_list_options > tests/abi/options.txt

usage: options.py PROGRAM OPTIONS
"""
import difflib
import subprocess
import sys

lines = subprocess.run(sys.argv[1:2], check=True, capture_output=True, text=True).stdout.splitlines()
with open(sys.argv[2], encoding="utf-8") as file:
    committed = file.read().splitlines()
complaints = list(difflib.unified_diff(committed, lines, sys.argv[2], "the library", n=0, lineterm=""))
numbers = [line.split()[0] for line in lines]
complaints += [f"number {n} is used twice" for n in sorted(set(numbers)) if numbers.count(n) > 1]
if len(lines) < 10:
    complaints.append(f"only {len(lines)} options were seen")
print("\n".join(complaints) or f"{len(lines)} options as committed")
sys.exit(1 if complaints else 0)
