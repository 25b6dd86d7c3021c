"""Names, parameters and defaults of actmax.vis against keras-vis 0.5.0's: tests/golden/make_vis_signatures.py read them from its source."""

import ast
import importlib
import inspect
import json

import pytest
from conftest import ROOT

TABLE = json.loads((ROOT / "tests" / "golden" / "vis" / "signatures.json").read_text(encoding="utf-8"))
CASES = [(module, name) for module, names in TABLE.items() for name in names]


def found(module, name):
    thing = importlib.import_module("actmax." + module)
    for part in name.split("."):
        thing = getattr(thing, part)
    return thing


@pytest.mark.parametrize(("module", "name"), CASES)
def test_name(module, name):
    wanted, thing = TABLE[module][name], found(module, name)
    if wanted is None:
        assert thing is not None
        return
    ours = list(inspect.signature(thing).parameters.values())
    for place, text in enumerate(wanted):
        word, _, default = text.partition("=")
        assert len(ours) > place and ours[place].name == word.lstrip("*"), f"{name}: {[str(p) for p in ours]}, not {wanted}"
        kind = {"**": "VAR_KEYWORD", "*": "VAR_POSITIONAL"}.get(word[: len(word) - len(word.lstrip("*"))], "POSITIONAL_OR_KEYWORD")
        assert ours[place].kind.name == kind
        given = ours[place].default
        assert given is inspect.Parameter.empty if not default else (given == ast.literal_eval(default) and type(given) is type(ast.literal_eval(default)))
    more = [p for p in ours[len(wanted) :] if p.default is inspect.Parameter.empty and p.kind.name == "POSITIONAL_OR_KEYWORD"]
    assert not more, f"{name} wants more than keras-vis's: {more}"


def test_table():
    """It holds what the tutorials call."""
    assert len(CASES) == 68
    for name in ("visualize_activation", "visualize_cam", "visualize_saliency", "overlay", "get_num_filters"):
        assert name in TABLE["vis.visualization"]
