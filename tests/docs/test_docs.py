"""The documents are true: their code runs, shows what they say it shows, and the reference is current. Python's standard library only.

usage: test_docs.py blocks SOURCE PROGRAM LIBRARY SCRATCH       C, C++ and shell; links; the generated files
       test_docs.py python SOURCE PROGRAM LIBRARY SCRATCH [PYTHON]
                                                                Python, by that interpreter or this one (exit code 77: it has no NumPy)

PROGRAM: the built actmax. LIBRARY: the built libactmax.so. CC and CXX name the compilers. blocks.py says which blocks are run and how.
Each document has a folder of its own with the example files, the network of network.py as net.onnx and squeezenet.onnx, the cat
chelsea.jpg also as cat.jpg, ImageNet's classes as labels.txt, and in exported/ what PyTorch's exporters write and an unknown operator.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import blocks as parse  # noqa: E402
import network  # noqa: E402

PATIENCE = 120
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
COPIES = {
    "examples": {
        "fashion_mnist.onnx": ["fashion_mnist.onnx"],
        "fashion_mnist_labels.txt": ["fashion_mnist_labels.txt"],
        "fashion_boot.png": ["fashion_boot.png"],
        "chelsea.jpg": ["chelsea.jpg", "cat.jpg"],
        "imagenet_labels.txt": ["imagenet_labels.txt", "labels.txt"],
    },
    "tests/golden/onnx": {
        "torch_dynamo.onnx": ["exported/torch_dynamo.onnx"],
        "torch_dynamo.onnx.data": ["exported/torch_dynamo.onnx.data"],
        "torch_script.onnx": ["exported/torch_script.onnx"],
    },
}


class Test:
    def __init__(self, what, source, program, library, scratch):
        self.source, self.program, self.library = (pathlib.Path(path).resolve() for path in (source, program, library))
        self.scratch = pathlib.Path(scratch).resolve() / what
        self.failures, self.count = [], 0
        self.interpreter = sys.executable

    # ---- Doing ----

    def prepare(self, document):
        folder = self.scratch / document.replace("/", "_")
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "exported").mkdir(parents=True)
        (folder / "bin").mkdir()
        for origin, names in COPIES.items():
            for name, copies in names.items():
                for copy in copies:
                    shutil.copyfile(self.source / origin / name, folder / copy)
        for name in ("net.onnx", "squeezenet.onnx"):
            network.write(folder / name)
        network.write_unknown(folder / "exported" / "unknown.onnx")
        (folder / "bin" / "actmax").symlink_to(self.program)
        return folder

    def run(self, command, folder, place, fails=False, **environment):
        """What it wrote, or None when it did not end as it should."""
        path = f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
        environment = {**os.environ, "PATH": path, **environment}
        try:
            done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)  # fmt: skip
        except subprocess.TimeoutExpired:
            self.fail(place, f"took more than {PATIENCE} s")
            return None
        output = done.stdout.decode("utf-8", "replace")
        if (done.returncode != 0) != fails:
            self.fail(place, f"exit code {done.returncode}\n{output}")
            return None
        return output

    def fail(self, place, why):
        self.failures.append(f"{place}: {why}".rstrip())

    def compare(self, block, output):
        for number, expected in block.expected:
            missing = parse.missing_line(expected, output)
            if missing is not None:
                self.fail(f"{block.document}:{number}", f"this line was not written:\n{missing}\nbut:\n{output}")

    # ---- Languages ----

    def compiled(self, document, folder, found, language, compiler, flags, includes):
        chosen = [block for block in found if block.language == language]
        loose = [block for block in chosen if not parse.has_main(block)]
        programs = [([block], f'#line {block.line} "{document}"\n{block.text}') for block in chosen if parse.has_main(block)]
        if loose:
            programs.append((loose, parse.program(loose, includes)))
        for index, (members, text) in enumerate(programs):
            source, binary = folder / f"program{index}.{language}", folder / f"program{index}_{language}"
            source.write_text(text, encoding="utf-8")
            libraries = [f"-L{self.library.parent}", "-lactmax", "-pthread", f"-Wl,-rpath,{self.library.parent}"]
            command = [*compiler.split(), *flags, *WARNINGS, f"-I{self.source / 'include'}", str(source), "-o", str(binary), *libraries]
            place = ", ".join(block.place for block in members)
            self.count += len(members)
            if self.run(command, folder, place) is None:
                continue
            output = self.run([str(binary)], folder, place)
            for block in members if output is not None else []:
                self.compare(block, output)

    def shell(self, folder, found):
        for block in found:
            if block.language != "sh":
                continue
            self.count += 1
            (folder / "block.sh").write_text(block.text, encoding="utf-8")
            output = self.run(["sh", "-eu", "block.sh"], folder, block.place, block.fails)
            if output is not None:
                self.compare(block, output)

    def python(self, document, folder, found):
        chosen = [block for block in found if block.language == "python"]
        if not chosen:
            return
        self.count += len(chosen)
        # Empty lines keep the document's line numbers.
        text = ""
        for block in chosen:
            text += "\n" * (block.line - 1 - text.count("\n")) + block.text
        (folder / "blocks.py").write_text(text, encoding="utf-8")
        code = f"exec(compile(open('blocks.py').read(), {document!r}, 'exec'), {{'__name__': '__main__'}})"
        output = self.run([self.interpreter, "-B", "-c", code], folder, document, PYTHONPATH=str(self.source / "bindings" / "python"),
                          ACTMAX_LIBRARY=str(self.library))  # fmt: skip
        for block in chosen if output is not None else []:
            self.compare(block, output)

    # ---- Checks of the text itself ----

    def links(self, document, text):
        """Links to files of the repository lead to them, and to their headings."""
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, heading = target.partition("#")
            path = (self.source / document).parent / name if name else self.source / document
            if not path.exists():
                self.fail(document, f"the link {target} leads to nothing")
            elif heading and heading not in headings(path.read_text(encoding="utf-8")):
                self.fail(document, f"the link {target}: there is no such heading")

    def generated(self):
        command = [sys.executable, "-B", str(self.source / "docs" / "make_reference.py"), str(self.library), "--check"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            self.fail("docs", done.stdout)


def headings(text):
    found = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in found}


def has_numpy(interpreter):
    try:
        return subprocess.run([interpreter, "-c", "import numpy"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def main():
    if len(sys.argv) not in (6, 7) or sys.argv[1] not in ("blocks", "python"):
        raise SystemExit(__doc__)
    what = sys.argv[1]
    test = Test(*sys.argv[1:6])
    if what == "python":
        test.interpreter = os.path.abspath(sys.argv[6]) if len(sys.argv) == 7 else sys.executable
        if not has_numpy(test.interpreter):
            print(f"SKIP: {test.interpreter} has no NumPy, or is not there")
            return 77
    c, cpp = os.environ.get("CC") or "cc", os.environ.get("CXX") or "c++"
    has_cpp = shutil.which(cpp.split()[0]) is not None
    if what == "blocks" and not has_cpp:
        print("SKIP: the blocks of C++, for there is no C++ compiler")
    documents = ["README.md", "bindings/python/README.md"]
    documents += sorted(path.relative_to(test.source).as_posix() for path in (test.source / "docs").glob("*.md"))
    not_run = []
    for document in documents:
        text = (test.source / document).read_text(encoding="utf-8")
        try:
            found, left = parse.find(document, text)
        except parse.Complaint as complaint:
            test.fail("", complaint)
            continue
        not_run += left
        if what == "python":
            if any(block.language == "python" for block in found):
                test.python(document, test.prepare(document), found)
            continue
        test.links(document, text)
        if any(block.language != "python" for block in found):
            folder = test.prepare(document)
            test.compiled(document, folder, found, "c", c, ["-std=c11", "-D_POSIX_C_SOURCE=200809L"], ["actmax.h", "stdio.h"])
            if has_cpp:
                flags = ["-std=c++17", f"-I{test.source / 'bindings' / 'cpp'}"]
                test.compiled(document, folder, found, "cpp", cpp, flags, ["actmax.hpp", "iostream"])
            test.shell(folder, found)
    if what == "blocks":
        test.generated()
        for place, reason in not_run:
            print(f"not run: {place}: {reason}")
    for failure in test.failures:
        print(f"FAILED {failure}")
    print(f"{test.count} blocks of {len(documents)} documents were run, {len(test.failures)} failures")
    return 1 if test.failures or not test.count else 0


sys.exit(main())
