#!/usr/bin/env bash
# Write what the software is made of, by its locks (CycloneDX 1.5), and every licence: UV FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$1 out=$2 web=plugins/hotspots_ui/web
export PATH="$PWD/.venv/bin:$PATH"
mkdir -p "$out"
# --locked: it fails where the lock is not that of pyproject.toml.
"$uv" export --quiet --locked --no-dev --extra airflow --extra cpu --preview-features sbom-export \
    --format cyclonedx1.5 --output-file "$out/python.cdx.json" >/dev/null
# The page has no version of its own, and npm asks for one.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$web/package.json" "$web/package-lock.json" "$folder"
npm --prefix "$folder" pkg set version="$("$uv" version --short)"
npm --prefix "$folder" sbom --package-lock-only --sbom-format cyclonedx >"$out/page.cdx.json"
for file in python page; do
    echo "$out/$file.cdx.json: $(grep -c '"purl"' "$out/$file.cdx.json") packages"
done
python -m scripts.licences "$out"
