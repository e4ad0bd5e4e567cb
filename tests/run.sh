#!/usr/bin/env bash
# Runs every test: those that compute in one lane, those that wait for servers in another, side by
# side, since each leaves free what the other takes. A lane ends at its first failure; both are
# heard to their end.
set -uo pipefail
cd "$(dirname "$0")/.."

computing=(simulation journeys domain_order domain_sku units contract hostile instructions memory scenarios)

# lane FILE BINARY...: runs these tests one after another.
lane() {
    local said=$1 name began
    shift
    for name in "$@"; do
        began=$SECONDS
        cargo test --locked --quiet --test "$name" >"$said" 2>&1 || {
            cat "$said"
            echo "== tests/$name failed after $((SECONDS - began)) s"
            return 1
        }
        echo "== tests/$name: $(sed -n 's/^test result: ok. \([0-9]* passed\).*/\1/p' "$said") in \
$((SECONDS - began)) s"
    done
}

all=$(cargo metadata --locked --no-deps --format-version 1 | python3 -c '
import json, sys
targets = json.load(sys.stdin)["packages"][0]["targets"]
tests = (target for target in targets if target["kind"] == ["test"])
# What needs a feature has a command of its own.
print(*sorted(target["name"] for target in tests if not target.get("required-features")))')
waiting=()
for name in $all; do
    case " ${computing[*]} " in *" $name "*) ;; *) waiting+=("$name") ;; esac
done

cargo test --locked --no-run --tests --benches --examples || exit
said=$(mktemp -d)
trap 'rm -rf "$said"' EXIT
lane "$said/computing" "${computing[@]}" &
lane "$said/waiting" "${waiting[@]}"
waited=$?
wait $! && exit $waited
