"""What the comparisons with Keras share: a network in each format that it is saved in, held against the framework's numbers."""
import pathlib

import numpy as np

from library import Refused, error, listing_differs, listing_of

CLASS = 3  # whose score's gradient is compared


def picture(model, count=1):
    """A batch in the range that the network rescales from, if it does, else of about -1 to 1."""
    rescales = any(type(layer).__name__ == "Rescaling" for layer in model.layers)
    x = np.random.default_rng(5).standard_normal((count, *model.inputs[0].shape[1:])).astype("float32")
    return np.clip(128 + 64 * x, 0, 255) if rescales else x


def eight_layers(model, rank_of):
    """Names of about eight layers on the way whose output has height and width."""
    named = [layer.name for layer in model.layers if rank_of(layer) == 4 and "InputLayer" not in type(layer).__name__]
    return named[:: max(1, len(named) // 7)]


def save(model, folder, ending):
    """The files of the model and of its weights, when they are apart."""
    path = pathlib.Path(folder) / f"network.{ending}"
    if ending != "json":
        model.save(path)
        return path, None
    path.write_text(model.to_json())
    weights = path.with_suffix(".weights.h5")
    model.save_weights(weights)
    return path, weights


def check_files(library, model, kind, folder, layers, answers, framework):
    """A line for each format, "WRONG" or "REFUSED" in it where it fails. answers: (the layers' and the network's outputs, the gradient) in
    float64, and the same of the framework's float32."""
    x = picture(model)
    (theirs, slope), (own32, slope32) = answers
    for ending in ("h5", "keras", "json") if kind != "twin" else ("h5", "keras"):
        path, weights = save(model, folder, ending)
        try:
            with library.open(path, weights=weights) as network:
                forward = [error(network.activations(x[0], layer)[0], y) for layer, y in zip(layers + [None], theirs)
                           if ending == "h5" or layer is None]
                backward = error(network.gradient(x[0], CLASS), slope)
                differs = listing_differs(network.listing(), listing_of(model))
        except Refused as refused:
            yield f"{kind} {ending}: REFUSED {refused}"
            continue
        finally:
            for file in pathlib.Path(folder).iterdir():
                file.unlink()
        if differs:
            yield f"{kind} {ending}: WRONG listing: {differs}"
        passed = max(forward) < 1e-4 and (backward < 1e-4 or kind == "as is")
        yield (f"{kind:6} {ending:5}: layers {max(forward):.1e}, scores {forward[-1]:.1e} ({framework} float32 "
               f"{error(own32[-1], theirs[-1]):.1e}), gradient {backward:.1e} ({framework} float32 {error(slope32, slope):.1e}, its size "
               f"{np.abs(slope).max():.1e}){'' if passed else '  WRONG'}")


def report(name, model, notes):
    """Prints what was found of a network; whether all agrees."""
    good = not any("WRONG" in note or "REFUSED" in note for note in notes)
    rows, columns = model.inputs[0].shape[1:3]
    print(("ok    " if good else "FAIL  ") + name + f" ({model.count_params():,} parameters, {rows} x {columns})", flush=True)
    for note in notes:
        print("        " + note, flush=True)
    return good


def finish(names, failed):
    print(f"{len(names) - len(failed)} of {len(names)} networks agree")
    if failed:
        raise SystemExit("FAIL: " + " ".join(failed))
