#!/bin/sh
# Makes a base for the image from Debian's packages, where no registry of images can be reached.
# Needs mmdebstrap, buildah and root (Debian, Ubuntu: sudo apt install mmdebstrap buildah).
set -eu

suite="${SUITE:-bookworm}"
name="${1:-localhost/resale-base:$suite}"

command -v mmdebstrap >/dev/null || { echo "base.sh: mmdebstrap is not installed (sudo apt install mmdebstrap)" >&2; exit 3; }
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,ca-certificates "$suite" "$folder/base.tar"
container="$(buildah from --quiet scratch)"
buildah add --quiet "$container" "$folder/base.tar" /
buildah commit --quiet --format docker --rm "$container" "$name"
