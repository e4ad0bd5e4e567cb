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
# Prometheus' own tool reads the alerts: out of Debian's package, whose server nobody wants started.
promtool="$root/target/deploy-check/promtool"
if ! "$promtool" --version >/dev/null 2>&1; then
    found=$(command -v promtool || true)
    if [ -z "$found" ]; then
        if ! command -v apt-get >/dev/null; then
            echo "run.sh: missing: promtool, which comes with Prometheus" >&2
            exit 1
        fi
        echo "unpacking promtool from Debian's prometheus"
        unpacked="$root/target/deploy-check/prometheus"
        rm -rf "$unpacked"
        mkdir -p "$unpacked"
        (cd "$unpacked" && { apt-get download -qq prometheus 2>/dev/null ||
            { apt-get update -qq && apt-get download -qq prometheus; }; })
        dpkg-deb --fsys-tarfile "$unpacked"/prometheus_*.deb |
            tar --extract --directory "$unpacked" ./usr/bin/promtool
        mv "$unpacked/usr/bin/promtool" "$promtool"
        rm -rf "$unpacked"
    else
        ln -sf "$found" "$promtool"
    fi
fi
exec "$venv/bin/python" -B "$root/deploy/check/check.py" "$@"
