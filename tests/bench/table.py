"""The results as text: a line while it runs, and a table in Markdown at the end."""


def reached(row):
    """True, False, or None where nothing was set."""
    if row.get("must") is None:
        return None
    if "value" in row:
        return row["value"] <= row["must"] if row.get("least_is_best") else row["value"] >= row["must"]
    folded = "ratio_folded" not in row or row["ratio_folded"]["median"] >= row["must_folded"]
    return row["ratio"]["median"] >= row["must"] and folded


def number(value):
    return "%.3g" % value if abs(value) < 100 else "%.0f" % value


def times(summary):
    """Median, and half of all between."""
    return "%s (%s-%s)" % (number(summary["median"]), number(summary["low"]), number(summary["high"]))


def factor(ratio):
    return "%.2f (%.2f-%.2f)" % (ratio["median"], ratio["least"], ratio["most"])


def goal(row):
    if row.get("must") is None:
        return ""
    sign = "<= " if row.get("least_is_best") else ">= "
    text = sign + number(row["must"])
    return text + ("; " + number(row["stretch"]) if row.get("stretch") else "")


def line(row):
    if "value" in row:
        found = "%s %s" % (number(row["value"]), row["unit"])
    else:
        found = "actmax %s ms, PyTorch %s ms: %s" % (times(row["actmax"]), times(row["torch"]), factor(row["ratio"]))
        if "ratio_folded" in row:
            found += "; folded %s ms: %s" % (times(row["torch_folded"]), factor(row["ratio_folded"]))
    verdict = {True: "reached", False: "NOT REACHED", None: ""}[reached(row)]
    return "%-70s %s  [%s] %s" % (row["title"], found, goal(row), verdict)


def rows_of_ratios(report):
    machine = best_machine(report)
    yield ("| workload | actmax ms | PyTorch ms | ratio | PyTorch folded ms | ratio | must; stretch | reached | of FMA peak | "
           "weights' bytes of bandwidth |")
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for row in report["rows"]:
        if "torch" not in row or "ratio" not in row:
            continue
        folded = (times(row["torch_folded"]), factor(row["ratio_folded"])) if "ratio_folded" in row else ("", "")
        seconds = row["actmax"]["median"] * 1e-3
        peak = bandwidth = ""
        if "gflop_step" in row:
            peak = "%.0f %%" % (100.0 * row["gflop_step"] / seconds / machine["fma_gflops"])
            bandwidth = "%.0f %%" % (100.0 * 2e-9 * row["weight_bytes"] / seconds / machine["read_gbs"])
        yield "| %s |" % " | ".join([row["title"], times(row["actmax"]), times(row["torch"]), factor(row["ratio"]), *folded, goal(row),
                                     verdict(row), peak, bandwidth])


def verdict(row):
    return {True: "yes", False: "NO", None: ""}[reached(row)]


def rows_of_values(report):
    yield "| what | found | must; stretch | reached | more |"
    yield "|---|---|---|---|---|"
    for row in report["rows"]:
        if "value" not in row:
            continue
        more = ""
        if row["group"] == "memory":
            more = memory_words(row)
        elif row["group"] == "kernels":
            more = "%s ms; GFLOP/s: %s" % (number(row["milliseconds"]),
                                           ", ".join("%s %.0f" % item for item in row["gflops_of_layers"].items()))
        elif row["group"] == "pixels":
            more = "ns a pixel: " + ", ".join("%s: %.0f" % item for item in row["nanoseconds_of_a_pixel"].items())
        elif "ratio" in row:
            more = factor(row["ratio"])
        yield "| %s |" % " | ".join([row["title"], "%s %s" % (number(row["value"]), row["unit"]), goal(row), verdict(row), more])


def memory_words(row):
    ours, theirs = row["actmax_mb"], row["torch_mb"]
    pairs = ["%s %s / %s MB" % (title, number(ours[key]), number(theirs[key]))
             for title, key in (("RssAnon", "anon_mb"), ("RssFile", "file_mb"), ("peak", "peak_mb"))]
    return "; ".join(pairs) + "; PyTorch imported and nothing else: %s MB" % number(row["torch_alone_mb"]["peak_mb"])


def best_machine(report):
    return {key: max(one[key] for one in report["machine"]) for key in ("fma_gflops", "triad_gbs", "read_gbs")}


def whole(report):
    host, best = report["host"], best_machine(report)
    out = []
    if report["quick"]:
        out.append("A QUICK RUN: it shows that everything runs. Its times mean nothing.\n")
    out.append("%s, %d cores, %s; %s vectors; actmax %s (%s), PyTorch %s; %d threads each, %d rounds in turn." % (
        host["cpu"], host["cores"], host["system"], report["machine"][0]["vectors"], report["actmax"].get("version", "?"),
        report["actmax"].get("kernels", "?"), report["pytorch"].get("version", "?"), report["threads"], report["rounds"]))
    out.append("Measured in the same run, before and after: multiply-add peak %s GFLOP/s, triad %s GB/s, read %s GB/s.\n" % tuple(
        " and ".join("%.1f" % one[key] for one in report["machine"]) for key in ("fma_gflops", "triad_gbs", "read_gbs")))
    out.append("Median of all repetitions (quartiles); ratio PyTorch / actmax of the medians (least and most of the rounds).")
    out.append("Shares are of the larger of the two measured: %.1f GFLOP/s, %.1f GB/s. The floating-point operations are those of direct "
               "convolution.\n" % (best["fma_gflops"], best["read_gbs"]))
    out += list(rows_of_ratios(report)) + [""] + list(rows_of_values(report))
    return "\n".join(out) + "\n"
