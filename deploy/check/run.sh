#!/usr/bin/env bash
# What can be known of deploy/ without a container engine and without a cluster: `make
# deploy-check`. Installs its tools, pinned by version and hash, under target/; then check.py says
# what it does. The binary is $EARMARK (target/debug/earmark), the server
# target/servers/nats-server.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
venv="$root/target/deploy-check/venv"
pins="$root/deploy/check/requirements.txt"

if ! cmp --silent "$pins" "$venv/pins"; then
    echo "installing the tools of the check"
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary=:all: \
        --require-hashes --requirement "$pins"
    cp "$pins" "$venv/pins"
fi
exec "$venv/bin/python" -B "$root/deploy/check/check.py" "$@"
