#!/usr/bin/env python3
"""Writes the page of quickstart.sh, from the JSON that the program actmax printed. Python's standard library only.

    quickstart_page.py check NN.json CLASS...     is the best class of the first image one of these? exit code 1 if not
    quickstart_page.py page NOTES OUT [--fallback]

NOTES holds, for each run, NN.json (what actmax printed) and NN.about (three lines: kind, title, command). OUT is the folder with the
pictures; index.html goes there and opens from file://: no script, nothing from the network, relative paths.
"""

import argparse
import glob
import html
import json
import os
import sys

STYLE = """
body { font: 16px/1.5 sans-serif; margin: 2em auto; max-width: 62em; padding: 0 1em; color: #222; background: #fff }
figure { display: inline-block; vertical-align: top; margin: 0 1.2em 1.2em 0; width: 20em }
figure img { width: 100%; display: block; image-rendering: auto }
figure.small img { image-rendering: pixelated }
figcaption { font-size: 85% }
code { font-size: 80%; display: block; background: #f3f3f3; padding: .5em; overflow-wrap: anywhere }
.notice { background: #fff3cd; padding: .6em }
td { padding-right: 1.5em }
"""
FALLBACK = (
    "PyPI could not be reached, so these pictures show a small network that was trained on Fashion-MNIST (28 x 28 pixels, ten kinds "
    "of clothes) and comes with actmax, not an ImageNet network. Run examples/quickstart.sh again with network access for that."
)
HEADS = {
    "early": "Early layer: edges and colours",
    "middle": "Middle layer: textures",
    "late": "Late layer: parts and patterns",
    "class": "A class",
    "cam": "Where the network looks (Grad-CAM)",
}


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def check(path, classes):
    best = read_json(path)[0]["top"][0]
    name = best["name"] or "class %d" % best["class"]
    print("    the network says: %s, probability %.3f" % (name, best["probability"]))
    return 0 if best["class"] in classes else 1


def read_notes(folder):
    """A list of (kind, title, command, what actmax said)."""
    runs = []
    for about in sorted(glob.glob(os.path.join(folder, "*.about"))):
        with open(about, encoding="utf-8") as file:
            kind, title, command = file.read().split("\n")[:3]
        runs.append((kind, title, command, read_json(about[: -len("about")] + "json")))
    return runs


def number(value):
    return "not a number" if value is None else "%.4g" % value


def figure(file, caption, small):
    kind = ' class="small"' if small else ""
    source = html.escape(os.path.basename(file))
    return '<figure%s><img src="%s" alt="%s"><figcaption>%s</figcaption></figure>' % (kind, source, source, caption)


def target(item, kind):
    what = "class" if kind == "class" else "filter"
    return "layer <b>%s</b>, %s <b>%s</b>" % (html.escape(item["layer"]), what, html.escape(str(item["filter"])))


def maximized(kind, title, command, items, small):
    parts = ["<h2>%s</h2>" % html.escape(HEADS[kind]), "<p>%s</p>" % html.escape(title)]
    for item in items:
        caption = "%s<br>score from %s to %s (%s in the saved picture)<br>%d steps, %s seconds" % (
            target(item, kind),
            number(item["activation_start"]),
            number(item["activation_end"]),
            number(item["activation_saved"]),
            item["steps"] or 0,
            "%.1f" % (item["seconds"] or 0),
        )
        parts.append(figure(item["file"], caption, small))
    parts.append("<code>%s</code>" % html.escape(command))
    return parts


def classified(command, items, photograph, small):
    parts = ["<h2>The photograph, and what the network says</h2>", figure(photograph, html.escape(photograph), small), "<table>"]
    for entry in items[0]["top"]:
        name = entry["name"] or "class %d" % entry["class"]
        parts.append("<tr><td>%.3f</td><td>%s</td></tr>" % (entry["probability"], html.escape(name)))
    return parts + ["</table>", "<code>%s</code>" % html.escape(command)]


def cam(title, command, item, photograph, small):
    name = item["name"] or "class %s" % item["class"]
    caption = "%s: layer <b>%s</b>, score %s<br>%.2f seconds" % (
        html.escape(name),
        html.escape(item["layer"]),
        number(item["score"]),
        item["seconds"] or 0,
    )
    seen = "" if small else " The network was shown the square in the middle."
    parts = ["<h2>%s</h2>" % html.escape(HEADS["cam"]), "<p>%s. Red is where the evidence lies.%s</p>" % (html.escape(title), seen)]
    parts += [figure(photograph, "the photograph", small), figure(item["file"], caption, small)]
    return parts + ["<code>%s</code>" % html.escape(command)]


def page(folder, out, fallback):
    photograph = "photograph.png" if fallback else "photograph.jpg"
    body = []
    if fallback:
        body.append('<p class="notice">%s</p>' % html.escape(FALLBACK))
    body.append("<h1>What a trained network has learned</h1>")
    network = "a small Fashion-MNIST network" if fallback else "EfficientNet-Lite0, trained on ImageNet"
    body.append("<p>Pictures by actmax of %s. The command below each makes it again, from the top of the checkout.</p>" % network)
    for kind, title, command, said in read_notes(folder):
        if kind == "classify":
            body += classified(command, said, photograph, fallback)
        elif kind == "cam":
            body += cam(title, command, said, photograph, fallback)
        else:
            body += maximized(kind, title, command, said, fallback)
    if not fallback:
        body.append("<p>Photograph: Chelsea the cat, by Stefan van der Walt, CC0 (from scikit-image).</p>")
    head = '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>actmax quickstart</title><style>%s</style></head>\n' % STYLE
    path = os.path.join(out, "index.html")
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write(head + "<body>\n" + "\n".join(body) + "\n</body></html>\n")
    os.replace(path + ".part", path)
    return 0


def main():
    parser = argparse.ArgumentParser(description="check an answer of, or write the page of, quickstart.sh")
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check")
    checking.add_argument("json")
    checking.add_argument("classes", type=int, nargs="+")
    writing = commands.add_parser("page")
    writing.add_argument("notes")
    writing.add_argument("out")
    writing.add_argument("--fallback", action="store_true")
    arguments = parser.parse_args()
    if arguments.command == "check":
        return check(arguments.json, arguments.classes)
    return page(arguments.notes, arguments.out, arguments.fallback)


if __name__ == "__main__":
    sys.exit(main())
