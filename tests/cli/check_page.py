#!/usr/bin/env python3
"""Looks at what quickstart.sh wrote: a page that opens from file://, with the pictures that it promises. Standard library only.

    python3 tests/cli/check_page.py quickstart-out --fallback|--imagenet
"""

import html.parser
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_support import read_png  # noqa: E402


class Page(html.parser.HTMLParser):
    """Collects pictures, captions, commands, and whatever a page without script and network must not have."""

    def __init__(self):
        super().__init__()
        self.pictures = []
        self.captions = []
        self.commands = []
        self.faults = []
        self.open = []

    def handle_starttag(self, tag, attributes):
        self.open += [tag] if tag not in ("meta", "img", "br", "link") else []
        if tag in ("script", "link", "iframe", "object"):
            self.faults.append("the page has a <%s>" % tag)
        for name, value in attributes:
            if name in ("src", "href") and (re.match(r"[a-z]+:|/", value) or ".." in value):
                self.faults.append("%s leads out of the folder: %s" % (name, value))
            if name.startswith("on"):
                self.faults.append("the page has a script: " + name)
            if tag == "img" and name == "src":
                self.pictures.append(value)
        if tag == "figcaption":
            self.captions.append("")
        if tag == "code":
            self.commands.append("")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append("a <%s> is closed that is not open" % tag)

    def handle_data(self, data):
        if "figcaption" in self.open:
            self.captions[-1] += data
        if "code" in self.open:
            self.commands[-1] += data


def look_at_pictures(folder, page):
    for name in page.pictures:
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            page.faults.append("the page names %s, which is not there" % name)
        elif name.endswith(".png"):
            width, height, _, pixels = read_png(path)
            mean = sum(pixels) / len(pixels)
            deviation = (sum((value - mean) ** 2 for value in pixels) / len(pixels)) ** 0.5
            print("  %-20s %d x %d, mean %.0f, deviation %.0f" % (name, width, height, mean, deviation))
            if deviation < 12:
                page.faults.append("%s is nearly flat" % name)


def look_at_words(page, text, fallback):
    first = text[text.index("<body>") + 6 :].strip().split("\n")[0]
    if fallback != ("PyPI could not be reached" in first):
        page.faults.append("the first line does not say which network this is: " + first)
    scored = [caption for caption in page.captions if "score from" in caption]
    filters = [caption for caption in scored if "filter" in caption]
    if len(filters) < 6:
        page.faults.append("pictures of %d filters instead of at least 6" % len(filters))
    if len(scored) == len(filters):
        page.faults.append("there is no picture of a class")
    for caption in scored:
        match = re.search(r"layer (\S+), (?:filter|class) (\d+)score from (\S+) to (\S+) .*?(\S+) seconds", caption)
        if not match or not float(match.group(4)) > float(match.group(3)):
            page.faults.append("layer, filter, rising scores and seconds are not in: " + caption)
    for word in ("maximize", "classify", "cam"):
        if not any(" %s " % word in command for command in page.commands):
            page.faults.append("no command with " + word)


def main():
    if len(sys.argv) != 3 or sys.argv[2] not in ("--fallback", "--imagenet"):
        sys.exit(__doc__)
    folder, fallback = sys.argv[1], sys.argv[2] == "--fallback"
    with open(os.path.join(folder, "index.html"), encoding="utf-8") as file:
        text = file.read()
    page = Page()
    page.feed(text)
    page.close()
    if page.open:
        page.faults.append("not closed: " + ", ".join(page.open))
    if not page.pictures or page.pictures[0] != page.pictures[-2]:
        page.faults.append("the overlay does not stand beside its photograph")
    look_at_pictures(folder, page)
    look_at_words(page, text, fallback)
    for fault in page.faults:
        print("  " + fault)
    return 1 if page.faults else 0


if __name__ == "__main__":
    sys.exit(main())
