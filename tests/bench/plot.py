"""A picture of the results: for each workload a bar as long as PyTorch's time over actmax's, with its target as a line."""

from html import escape

BAR, GAP, LEFT, WIDTH, TOP = 18, 8, 400, 960, 64
COLOURS = {"plain": "#2b6cb0", "folded": "#90b4d8", "must": "#c53030", "one": "#888888"}


def bars(report):
    for row in report["rows"]:
        if "torch" in row and "ratio" in row:
            yield row["title"], row["ratio"], row["must"], "plain"
            if "ratio_folded" in row:
                yield "with BatchNorm folded in PyTorch", row["ratio_folded"], row["must_folded"], "folded"


def svg(report):
    items = list(bars(report))
    most = max([item[1]["most"] for item in items] + [item[2] for item in items] + [1.0])
    # Whole processes can be ten times as fast: a bar that would be longer than the plot is cut, and says so.
    limit = min(most, 8.0)
    unit = (WIDTH - LEFT - 110) / limit
    height = TOP + len(items) * (BAR + GAP) + 50
    host = report["host"]
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">' % (WIDTH, height),
           '<rect width="100%" height="100%" fill="white"/>',
           '<text x="12" y="24" font-size="16">How many times faster than PyTorch %s%s</text>'
           % (escape(str(report["pytorch"].get("version", ""))), " (a quick run: means nothing)" if report["quick"] else ""),
           '<text x="12" y="44" fill="#555">%s, %d threads each, in turn; median; thin line: all of %d rounds; red: target</text>'
           % (escape(host["cpu"]), report["threads"], report["rounds"])]
    y = TOP
    for title, ratio, must, kind in items:
        length = min(ratio["median"], limit) * unit
        middle = y + BAR / 2
        out.append('<text x="%d" y="%.1f" text-anchor="end">%s</text>' % (LEFT - 8, middle + 4, escape(title)))
        out.append('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>' % (LEFT, y, length, BAR, COLOURS[kind]))
        out.append('<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="black"/>'
                   % (LEFT + min(ratio["least"], limit) * unit, LEFT + min(ratio["most"], limit) * unit, middle, middle))
        if must is not None and must <= limit:
            out.append('<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="%s" stroke-width="2"/>'
                       % (LEFT + must * unit, LEFT + must * unit, y - 2, y + BAR + 2, COLOURS["must"]))
        cut = " (bar cut)" if ratio["median"] > limit else ""
        end = LEFT + min(max(ratio["median"], ratio["most"]), limit) * unit
        out.append('<text x="%.1f" y="%.1f">%.2f%s</text>' % (end + 6, middle + 4, ratio["median"], cut))
        y += BAR + GAP
    one = LEFT + unit
    out.append('<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="%s" stroke-dasharray="4 3"/>' % (one, one, TOP - 6, y, COLOURS["one"]))
    out.append('<text x="%.1f" y="%d" text-anchor="middle" fill="#555">1: as fast as PyTorch</text></svg>' % (one, y + 18))
    return "\n".join(out) + "\n"
