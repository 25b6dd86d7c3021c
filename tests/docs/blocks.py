"""Finds the fenced blocks of a Markdown file, and what is to be done with each.

    ```c ```cpp        compiled and run. A block with a main() is a program. The others of a file are put together to one: functions above
                       its main, everything else in it, in their order, below the includes of the library's header and <stdio.h> (<iostream>)
    ```python          run, all of a file in one interpreter
    ```sh              run by `sh -eu`, in order; <!-- fails --> on the line before: must fail
    ```text            with <!-- output --> before it: each line must occur, in this order, in what the block (C: program) before it wrote;
                       "..." stands for anything
    ```c declaration   copied from the header
    <!-- not run: REASON --> before a block of any kind: neither
"""

import re
from dataclasses import dataclass, field

RUN = ("c", "cpp", "python", "sh")


@dataclass
class Block:
    document: str
    line: int  # of the first line inside
    language: str
    text: str
    fails: bool = False
    expected: list = field(default_factory=list)  # [(line, [lines of output])]

    @property
    def place(self):
        return f"{self.document}:{self.line}"


class Complaint(Exception):
    pass


def find(document, text):
    """[Block]: those to be run, and [(place, reason)]: those that are not."""
    blocks, left = [], []
    lines = iter(enumerate(text.splitlines(), 1))
    directive = ""
    for number, line in lines:
        fence = re.fullmatch(r"```(\w*)(.*)", line)
        if not fence:
            if line.strip():
                found = re.fullmatch(r"<!-- (not run: .+|fails|output) -->", line)
                directive = found[1] if found else ""
            continue
        inside = []
        for _, line in lines:
            if line == "```":
                break
            inside.append(line)
        else:
            raise Complaint(f"{document}:{number}: the block has no end")
        language, info = fence[1], fence[2].strip()
        if directive.startswith("not run: "):
            left.append((f"{document}:{number}", directive.removeprefix("not run: ")))
        elif directive == "output":
            if not blocks:
                raise Complaint(f"{document}:{number}: there is no block before this output")
            blocks[-1].expected.append((number, inside))
        elif language in RUN and not info:
            blocks.append(Block(document, number + 1, language, "\n".join(inside) + "\n", directive == "fails"))
        elif (language, info) != ("c", "declaration"):
            raise Complaint(f"{document}:{number}: a block of '{line_of(language, info)}' is not run; say why: <!-- not run: REASON -->")
        directive = ""
    return blocks, left


def line_of(language, info):
    return " ".join(word for word in (language, info) if word)


def has_main(block):
    return re.search(r"^int main\(", block.text, re.M) is not None


def is_function(block):
    return re.search(r"^[A-Za-z][^;=\n]*\)\n\{", block.text, re.M) is not None


def program(blocks, includes):
    """One source file of the blocks of a document that are no whole programs. Compilers name the document's lines."""
    above, inside = [f"#include <{name}>" for name in includes], []
    for block in blocks:
        lines = block.text.splitlines()
        place = inside if not is_function(block) else above
        head = [line for line in lines if line.startswith("#include")]
        above[len(includes) : len(includes)] = head
        place += [f'#line {block.line} "{block.document}"', *("" if line in head else line for line in lines)]
    return "\n".join([*above, "int main(void)" if includes[0].endswith(".h") else "int main()", "{", *inside, "return 0;", "}", ""])


def missing_line(expected, output):
    """The first line of the expected ones that does not follow in the output; None when all do."""
    lines = iter(line.rstrip() for line in output.splitlines())
    for wanted in expected:
        pattern = re.compile(".*".join(re.escape(piece) for piece in wanted.rstrip().split("...")))
        if not any(pattern.fullmatch(line) for line in lines):
            return wanted
    return None
