"""The build backend: scikit-build-core, and a source distribution that holds the C library, which lies two folders up.

In a checkout CMakeLists.txt builds ../..; in a source distribution it builds the copy in source/.
"""

import gzip
import io
import pathlib
import tarfile

from scikit_build_core.build import *  # noqa: F403  the hooks of PEP 517 and PEP 660
from scikit_build_core.build import build_sdist as _build_sdist

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBRARY = ("CMakeLists.txt", "LICENSE", "include", "lib")


def _reproducible(member):
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


def build_sdist(sdist_directory, config_settings=None):
    name = _build_sdist(sdist_directory, config_settings)
    path = pathlib.Path(sdist_directory, name)
    folder = name.removesuffix(".tar.gz")
    if (pathlib.Path(__file__).parent / "source").is_dir():  # made from a source distribution: it is in already
        return name
    data = io.BytesIO()
    with tarfile.open(path) as old, tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in old:
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
        for part in LIBRARY:
            new.add(ROOT / part, f"{folder}/source/{part}", filter=_reproducible)
    with open(path, "wb") as file, gzip.GzipFile("", "wb", mtime=0, fileobj=file) as packed:
        packed.write(data.getvalue())
    return name
