"""The list of hashes in a folder of reports, as `sha256sum --check` reads it too."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.domain.fault import Fault
from pipeline.files import MANIFEST, TEMPORARY, write_file

SUMS = "SHA256SUMS"
MEANS = "Who reads it may read something else than was forecast."


def note_sums(files: Iterable[Path]) -> None:
    """Keep the hashes of files that were just written, each in the list of its own folder."""
    written = list(files)
    for folder in sorted({path.parent for path in written}):
        sums = _read(folder) | {p.name: _sum(p) for p in written if p.parent == folder}
        lines = [f"{sums[name]}  {name}\n" for name in sorted(sums)]
        write_file(folder / SUMS, "".join(lines).encode())


def report_faults(reports: Path) -> Iterator[Fault]:
    """Yield the files below a home's folder of reports that are not as they were written.

    A folder from before there were lists is compared with the manifest of its exports alone.
    """
    for folder in sorted(path for path in reports.glob("*/*") if path.is_dir()):
        sums, where = (
            _read(folder) or _of_manifest(folder),
            f"reports/{folder.relative_to(reports)}",
        )
        names = {path.name for path in folder.iterdir() if not path.name.startswith(TEMPORARY)}
        for name, expected in sorted(sums.items()):
            found = _sum(folder / name) if name in names else None
            if found is None:
                yield _fault(folder, f"{where}/{name}", "It is gone.")
            elif found != expected:
                said = f"It has the sha256 {found[:12]}; {where}/{SUMS} says {expected[:12]}."
                yield _fault(folder, f"{where}/{name}", said)
        if SUMS not in names:
            yield _fault(folder, f"{where}/{SUMS}", "It is gone, or was never written.")
            continue
        for name in sorted(names - sums.keys() - {SUMS}):
            yield _fault(folder, f"{where}/{name}", f"{where}/{SUMS} does not name it.")


def _read(folder: Path) -> dict[str, str]:
    """Return name -> hash of the files that a folder's list names."""
    path = folder / SUMS
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    pairs = (line.partition("  ") for line in lines)
    return {name: sha256 for sha256, _, name in pairs if name}


def _of_manifest(folder: Path) -> dict[str, str]:
    try:
        files = json.loads((folder / MANIFEST).read_bytes())["files"]
        return {str(name): str(sha256) for name, sha256 in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _fault(folder: Path, where: str, found: str) -> Fault:
    city, week = folder.parent.name, folder.name
    if week == "models":
        mend = "`hotspots models --card VERSION` prints the card that is stored."
    else:
        of_week = f"--city {city} --week {week} --out"
        mend = (
            f"Write it anew: `hotspots export {of_week} FOLDER`, `hotspots report {of_week} FILE`."
        )
    return Fault("reports", where, found, MEANS, mend)
