#!/bin/sh
# Builds the image: the wheels of requirements.lock, checked by hash, then the Dockerfile, then the list of contents.
# Names: IMAGE (what it is called), BASE (what it begins with; default: the official Python image by its digest, or,
# where that cannot be reached, a base of Debian's packages).
set -eu
cd "$(dirname "$0")/.."

IMAGE="${IMAGE:-localhost/resale:latest}"
OFFICIAL=docker.io/library/python:3.11-slim-bookworm
LOCAL=localhost/resale-base:bookworm
WHEELS=build/wheels
CONTENTS=build/resale.cdx.json

if command -v buildah >/dev/null; then
    # chroot: needs no control groups and no second kernel feature, so it builds in a container, too.
    build() { buildah bud --quiet --format docker --isolation chroot --network host "$@"; }
    digest_of() { skopeo inspect --no-tags --format '{{.Name}}@{{.Digest}}' "docker://$1" 2>/dev/null; }
    size_of() { buildah images --format '{{.Size}}' "$1"; }
elif docker info >/dev/null 2>&1; then
    build() { docker build --quiet "$@"; }
    digest_of() { docker pull --quiet "$1" >/dev/null 2>&1 && docker inspect --format '{{index .RepoDigests 0}}' "$1"; }
    size_of() { docker images --format '{{.Size}}' "$1"; }
else
    echo "No builder of images is here: neither buildah nor a docker engine. (Debian, Ubuntu: sudo apt install buildah skopeo)" >&2
    exit 3
fi

if [ -z "${BASE:-}" ]; then
    BASE="$(digest_of "$OFFICIAL" || true)"
    [ -n "$BASE" ] || { BASE=$LOCAL; buildah inspect --type image "$LOCAL" >/dev/null 2>&1 || sh docker/base.sh "$LOCAL"; }
fi
echo "base   $BASE"

rm -rf "$WHEELS"
.venv/bin/python -m pip wheel --quiet --no-deps --require-hashes --no-binary pyvips -r requirements.lock -w "$WHEELS"
build --build-arg "BASE=$BASE" --label "org.opencontainers.image.base.name=$BASE" -t "$IMAGE" -f docker/Dockerfile . >/dev/null
echo "image  $IMAGE  $(size_of "$IMAGE")"

.venv/bin/cyclonedx-py requirements --output-reproducible --of JSON -o "$CONTENTS" requirements.lock
echo "sbom   $CONTENTS"
