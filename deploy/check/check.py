"""Runs the parts of the check in turn, says how each ends, and at last what is known and what not.

Each part is a module with `run()`, which returns what it has seen to be so, in words, and raises
`Wrong` with what is not.
"""

import sys
import time

import alerts
import compose
import image
import manifests
import servers
from common import Wrong

PARTS = {
    "manifests": manifests,
    "alerts": alerts,
    "compose": compose,
    "image": image,
    "servers": servers,
}

UNKNOWN = """Not checked, for want of a container engine and a cluster:
  - that the image builds, and that the other images that are named are there
  - what compose and Kubernetes do with files that are well formed; NetworkPolicy
  - KEDA's query and the autoscalers at work; that alerts reach anybody
  - the NATS chart with nats/helm-values.yaml"""


def main() -> int:
    wanted = sys.argv[1:] or list(PARTS)
    seen = []
    for name in wanted:
        began = time.monotonic()
        print(f"deploy-check: {name} ...", flush=True)
        try:
            said = PARTS[name].run()
        except Wrong as wrong:
            print(f"deploy-check: {name} is wrong: {wrong}")
            return 1
        print(f"deploy-check: {name}: as it should be ({time.monotonic() - began:.1f} s)")
        seen += said
    print("\nChecked:", *seen, sep="\n  - ")
    print(f"\n{UNKNOWN}")
    print(f"\n{len(seen)} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
