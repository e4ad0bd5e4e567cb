"""What is lost is brought back with the rights of the shipped users.

What Redis had by the pod, from archives; the tail of a journal by the operator.
"""

import json
import urllib.error
import urllib.request

from common import Wrong
from stand import metric, wait_until
from steps import answered, event, leave, partitions, post, serves_everything, state


def run(site, pod):
    """With a pod that serves everything; returns the pod that does so at the end."""
    publisher = site.client("publisher")
    ours, theirs = "CUP", "MUG"
    for sku in (ours, theirs):
        until_trimmed(site, publisher, sku)
    pod = come_back_from_archives(site, pod, ours)
    return begin_anew(site, pod, ours, theirs)


def receive(site, publisher, sku, units=1):
    name = f"{sku}-{units}-{receive.count}"
    receive.count += 1
    goods = event(name, "stock.received.v1", sku, location="east", quantity=units, reference=name)
    answered(site, publisher, goods, "accepted")


receive.count = 0


def until_trimmed(site, publisher, sku):
    """Goods come, until archives have let the journal forget the first of them."""
    receive(site, publisher, sku)
    partition = partition_of(site, sku)
    came_by, came = show(site, partition)["journal"]["last"], 1

    def is_trimmed():
        nonlocal came
        receive(site, publisher, sku)
        came += 1
        return show(site, partition)["journal"]["first"] > came_by

    before = 0 if sku != "CUP" else 17
    wait_until(f"the journal of {sku} is trimmed", is_trimmed)
    seen = show(site, partition, "--verify")
    if not any(archive["read"] and archive["fits"] for archive in seen["archives"]):
        raise Wrong(f"the operator can read no archive of {sku}: {seen}")
    # Only an archive knows of the first.
    if (known := state(site, "sku", sku)["total"])["available"] != before + came:
        raise Wrong(f"{came} of {sku} came, and the operator sees {known}")


def come_back_from_archives(site, pod, sku):
    """Redis goes away and comes back with nothing: the pod goes on meanwhile, and a new one waits."""
    site.kill("redis-primary", "redis-replica")
    missed = "Redis cannot be reached"
    wait_until("Redis is missed", lambda: missed in told(site)[1])
    goods = event("while-away", "stock.received.v1", sku, location="east", quantity=1, reference="w")
    post(site, goods)
    if (status := told(site)[0]) != 200:
        raise Wrong(f"without Redis, a pod that serves everything is {status}")
    leave(pod)
    pod = site.start_pod(ready=False)
    wait_until("Redis is missed anew", lambda: missed in told(site)[1])
    if (status := told(site)[0]) != 503:
        raise Wrong(f"without Redis, a pod that serves nothing is {status}")
    leave(pod)
    site.start_redis()
    before = state(site, "sku", sku)
    pod = site.start_pod()
    serves_everything(site)
    if metric(site.http, "earmark_recoveries_from_archive_total") < 2:
        raise Wrong("the pod did not come back from archives")
    if (after := state(site, "sku", sku)) != before:
        raise Wrong(f"{sku} came back as {after}, and was {before}")
    receive(site, site.client("publisher"), sku)
    return pod


def begin_anew(site, pod, kept, given_up):
    """JetStream loses the last decisions, of which Redis has the snapshot."""
    publisher = site.client("publisher")
    site.copy_jetstream()
    before = {sku: state(site, "sku", sku)["total"]["available"] for sku in (kept, given_up)}
    for sku in (kept, given_up):
        receive(site, publisher, sku, units=100)
    leave(pod)
    site.put_jetstream_back()

    def lost():
        seen = partitions(site)
        return {of["partition"] for of in seen if not of["can_be_served"]}, seen

    ends = {sku: partition_of(site, sku) for sku in (kept, given_up)}
    found, seen = lost()
    if not set(ends.values()) <= found:
        raise Wrong(f"{ends} lost something, and {found} cannot be served: {seen}")
    free = lambda of: not of["lease"] or of["lease"]["phase"] in ("free", "waiting")
    wait_until("no lease is held any more", lambda: all(map(free, partitions(site))))
    for partition in sorted(found):
        how = "accept-loss" if partition == ends[given_up] else "reseed"
        why = ("--apply", "--by", "check", "--reason", "a copy was put back")
        done = site.must("operator", "partition", how, str(partition), *why, "--json")
        after = json.loads(done)["after"]
        if not after["can_be_served"] or after["committed"]["incarnation"] != 2:
            raise Wrong(f"{how} {partition} leaves it as {after}")
    pod = site.start_pod()
    serves_everything(site)
    wanted = {kept: before[kept] + 100, given_up: before[given_up]}
    after = {sku: state(site, "sku", sku)["total"]["available"] for sku in wanted}
    if after != wanted:
        raise Wrong(f"after what was lost there is {after}, and not {wanted}")
    return pod


def told(site):
    """What the pod says of itself, and whether it is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{site.http}/readyz", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode()
    except OSError:
        return 0, ""


def show(site, partition, *more):
    asked = ("partition", "show", str(partition), *more, "--json")
    code, said, error = site.earmark("operator", *asked)
    if code not in (0, 1):
        raise Wrong(f"partition show {partition} as operator: {error}")
    return json.loads(said)[0]


def partition_of(site, sku):
    return json.loads(site.must("operator", "inspect", "sku", sku, "--json"))["partition"]
