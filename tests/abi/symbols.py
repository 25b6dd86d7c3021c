"""What the built libraries show to the linker, and what they ask of the process.

- libactmax.so exports exactly the functions of the header, under the version node of lib/actmax.map, and has the right SONAME;
- libactmax.a has no other global symbol than those;
- neither calls what prints, ends the process or changes what belongs to all of it.

usage: symbols.py HEADER MAP SHARED STATIC
"""
import re
import subprocess
import sys

import header

FORBIDDEN = {
    "printing": r"printf|fprintf|vprintf|vfprintf|dprintf|puts|fputs|putchar|putc|fputc|perror|psignal|stdout|stderr|stdin|syslog",
    "ending the process": r"exit|_exit|_Exit|quick_exit|abort|__assert_fail|raise|kill|pthread_exit|__cxa_throw",
    "process-wide state": r"setlocale|setenv|putenv|unsetenv|clearenv|srand|rand|random|srandom|umask|chdir|fchdir|atexit|on_exit|"
    r"signal|sigaction|sigprocmask|setrlimit|fesetround|feenableexcept|openblas_set_num_threads|goto_set_num_threads|mallopt|"
    r"setpriority|nice|alarm|setitimer|getenv|strtok|localtime|gmtime|asctime|ctime",
    "other processes and networks": r"fork|vfork|execv\w*|execl\w*|posix_spawn\w*|system|popen|socket|connect|dlopen",
}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def names(output):
    """The last word of each line of nm, without the version."""
    return {line.split()[-1] for line in output.splitlines() if line.strip() and not line.endswith(":")}


def difference(title, got, want):
    complaints = [f"{title}: {name} is missing" for name in sorted(want - got)]
    return complaints + [f"{title}: {name} is too much" for name in sorted(got - want)]


def imports(title, undefined):
    complaints = []
    for name in sorted(undefined):
        plain = re.sub(r"^__(?=\w+_chk$)|_chk$", "", name)
        for why, pattern in FORBIDDEN.items():
            if re.fullmatch(pattern, plain):
                complaints.append(f"{title}: calls {name} ({why})")
    return complaints


def main():
    text = header.read(sys.argv[1])
    shared, static = sys.argv[3:5]
    declared = set(header.functions(text))
    with open(sys.argv[2], encoding="utf-8") as file:
        map_text = re.sub(r"/\*.*?\*/", " ", file.read(), flags=re.S)
    node = re.search(r"(\w[\w.]*)\s*\{", map_text).group(1)
    mapped = set(re.findall(r"\b(actmax_\w+)\s*;", map_text))
    complaints = difference("lib/actmax.map", mapped, declared)
    if "local:" not in map_text or not re.search(r"\*\s*;", map_text):
        complaints.append("lib/actmax.map: does not hide the rest")

    exported = names(run("nm", "-D", "--defined-only", shared)) - {f"{node}", f"{node}@@{node}"}
    plain = {name.split("@")[0] for name in exported} - set(re.findall(r"(\w[\w.]*)\s*\{", map_text))
    complaints += difference("libactmax.so", plain, declared)
    complaints += [f"libactmax.so: {name} has no version" for name in sorted(exported) if "@" not in name and name in declared]

    numbers = re.findall(r"^#define ACTMAX_VERSION_(?:MAJOR|MINOR) (\d+)", text, re.M)
    soname = re.search(r"SONAME.*\[(.*)\]", run("readelf", "-d", shared)).group(1)
    if soname != "libactmax.so." + ".".join(numbers):
        complaints.append(f"libactmax.so: its SONAME is {soname}")
    if not re.search(r"GNU_STACK\s+\S+\s+\S+\s+\S+\s+\S+\s+\S+\s+RW\s", run("readelf", "-lW", shared)):
        complaints.append("libactmax.so: wants a stack that can be executed")
    if "TEXTREL" in run("readelf", "-d", shared):
        complaints.append("libactmax.so: has text relocations")

    complaints += difference("libactmax.a", names(run("nm", "-g", "--defined-only", static)), declared)
    for title, output in (("libactmax.so", run("nm", "-D", "--undefined-only", shared)), ("libactmax.a", run("nm", "-u", static))):
        complaints += imports(title, {name.split("@")[0] for name in names(output)})
    print("\n".join(complaints) or f"{len(declared)} functions in the header, the map and both libraries; SONAME {soname}")
    return 1 if complaints else 0


sys.exit(main())
