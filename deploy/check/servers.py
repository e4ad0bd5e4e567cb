"""The servers start with the shipped settings, and Earmark works on them as the shipped users."""

import json
import socket
import subprocess

import image
import losses
import rights
import yaml
from common import DEPLOY, Wrong, output
from stand import SERVERS, Site, copy_nats, refusals, wait_until
from steps import answered, event, leave, post, serves_everything, state, stream
from wire import Client

USERS = ("pod", "publisher", "operator")


def run():
    with Site() as site:
        site.start_redis()
        site.start_nats()
        output(SERVERS / "nats-server", "-t", "-c", copy_nats("single") / "single.conf")
        return everything(site)


def everything(site):
    set_up(site)
    image.assemble()
    pod = site.start_pod()
    decide(site)
    # What is looked up after a crash is something else again.
    pod.kill()
    pod.wait()
    pod = site.start_pod()
    serves_everything(site)
    operate(site)
    pod = losses.run(site, pod)
    if refused := refusals():
        raise Wrong(f"NATS refused what is needed: {refused}")
    image.is_confined(pod.pid)
    leave(pod)
    asked = try_rights(site)
    strangers(site)
    return [
        "three nats-server and a Redis with its replica start with the shipped settings; "
        "single.conf is valid",
        "the operator set everything up, once, and `earmark check` as operator finds nothing wrong",
        "compose.yaml's health check of Redis takes an answer for well, and a refusal for ill",
        "a pod in the image's file system, read-only, as nonroot, without capabilities, decided "
        "what came from the publisher and by HTTP, kept a dead letter too large for a message, "
        "wrote its snapshots to Redis, came back after SIGKILL, handed over what it had when the "
        "operator drained it and took it again, and left at SIGTERM; NATS refused "
        "nothing that any of the three needed",
        f"{asked} times a user was allowed or refused as nats/users.conf promises; nobody gets in "
        "without a password, and a wrong one is not repeated in the error",
        "the pod archived its snapshots, read them back, trimmed the journal, took events by HTTP "
        "and stayed ready while Redis was away, which a new one did not become, and came back from "
        "an archive when Redis was empty; the operator read archives and a trimmed journal; "
        "JetStream was put back to a copy, and the operator began one partition anew from its "
        "snapshot, and accepted the loss of another",
        "a pod's user of Redis can neither flush nor configure it, nor read or write others' keys; "
        "the operator's can write marks of what is committed, and nothing else",
    ]


def set_up(site):
    # Servers are well before they know of each other; the Job, too, asks again, and goes on where
    # an attempt ended.
    wait_until("NATS and Redis are set up", lambda: site.earmark("operator", "setup")[0] == 0)
    again = json.loads(site.must("operator", "setup", "--json"))
    if again["changes"] or again["seeded"]:
        raise Wrong(f"set-up is not done once: {again}")
    site.must("operator", "check")


def decide(site):
    publisher, operator = site.client("publisher"), site.client("operator")
    received = event(
        "po-1/1", "stock.received.v1", "CUP", location="east", quantity=10, reference="1"
    )
    answered(site, publisher, received, "accepted")
    post(site, received | {"id": "po-1/2"})
    # An order and its SKU speak by commands, which are purged when they have been heard.
    line = {"line": "1", "sku": "CUP", "quantity": 3}
    order = event(
        "o-1", "order.placed.v1", "o-1", lines=[line], policy="all_or_nothing", payment_due_s=900
    )
    answered(site, publisher, order, "accepted")
    wait_until("the order is reserved", lambda: state(site, "order", "o-1")["status"] == "reserved")
    wait_until("commands are purged", lambda: stream(operator, "EARMARK_CMD")["messages"] == 0)
    if stream(operator, "EARMARK_CMD")["last_seq"] == 0:
        raise Wrong("no command was sent")
    if (total := state(site, "sku", "CUP")["total"])["available"] != 17:
        raise Wrong(f"ten and ten, less three, is {total}")
    # No message can quote so much: it becomes an object.
    if not publisher.may_publish("earmark.in.demand.sku.CUP", "?" * 780_000):
        raise Wrong("the publisher may not publish")
    for name in ("EARMARK_DLQ", "OBJ_EARMARK_OBJECTS"):
        wait_until(f"{name} has something", lambda: stream(operator, name)["messages"] > 0)
    wait_until("Redis has a snapshot", lambda: snapshots(site) > 0)
    site.must("operator", "status")
    is_alive(site)


def is_alive(site):
    """The health check of compose.yaml: by whom it is asked decides what it says."""
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    word, _, *asks = services["redis"]["healthcheck"]["test"]
    if word != "CMD":
        raise Wrong(f"the health check of Redis begins with {word}")
    # It comes with the server.
    client = (SERVERS / "redis-server").resolve().parent / "redis-cli"
    for password, wanted in (("local-probe", True), ("not-this-one", False)):
        asked = [password if ask == "local-probe" else ask for ask in asks]
        done = subprocess.run([client, "-p", str(site.redis), *asked], capture_output=True)
        if (done.returncode == 0) != wanted:
            raise Wrong(f"the health check of Redis ends with {done.returncode}: {done.stdout}")


# Who does what an operator does, and why.
WHO = ("--by", "check", "--reason", "to see that it can be done")


def operate(site):
    """The pod hands everything over, and takes it again; what the stores know can be seen."""
    site.must("operator", "partition", "show")
    listed = json.loads(site.must("operator", "dlq", "ls", "--group-by", "none", "--json"))
    sizes = set()
    for letter in listed["letters"]:
        place = str(letter["dlq_sequence"])
        shown = json.loads(site.must("operator", "dlq", "show", place, "--json"))
        sizes.add(shown["payload_bytes"])
    if 780_000 not in sizes:
        raise Wrong(f"the dead letters have {sizes} bytes")
    drained = json.loads(site.must("operator", "drain", "pod-1", "--json", *WHO))
    if len(drained["partitions"]) != 16 or drained["left"]:
        raise Wrong(f"it is not drained: {drained}")
    site.must("operator", "drain", "pod-1", "--undo", *WHO)
    ordered = json.loads(site.must("operator", "safe-mode", "on", "--level", "1", "--json", *WHO))
    told = json.loads(site.must("operator", "safe-mode", "status", "--json"))
    if told["ordered"] != ordered["after"]:
        raise Wrong(f"safe mode was not ordered: {ordered}, {told}")
    site.must("operator", "safe-mode", "auto", *WHO)
    site.must("operator", "pause", "sku", "NONE", *WHO)
    site.must("operator", "resume", "sku", "NONE", *WHO)
    serves_everything(site)


def redis(port, *commands, user="earmark"):
    """What Redis answers to a user."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        for command in (f"AUTH {user} local-{user}", *commands, "QUIT"):
            connection.sendall(f"{command}\r\n".encode())
        return b"".join(iter(lambda: connection.recv(4096), b"")).decode().splitlines()[1:-1]


def snapshots(site):
    """How many keys have reached the replica."""
    return int(redis(site.replica, "DBSIZE")[0].removeprefix(":"))


def try_rights(site):
    asked = 0
    for user in USERS:
        client = site.client(user)
        for subjects, may, wanted in (
            (rights.MAY_PUBLISH, client.may_publish, True),
            (rights.MAY_SUBSCRIBE, client.may_subscribe, True),
            (rights.MAY_NOT_PUBLISH, client.may_publish, False),
            (rights.MAY_NOT_SUBSCRIBE, client.may_subscribe, False),
        ):
            for subject in subjects[user]:
                if may(subject) != wanted:
                    verb = f"{may.__name__} {subject}".replace("_", " ", 1)
                    raise Wrong(f"{user} {'cannot: ' if wanted else 'can: '}{verb}")
                asked += 1
    return asked


def strangers(site):
    for user, password in (("pod", "local-publisher"), ("", ""), ("nobody", "local-pod")):
        try:
            Client(site.clients[0], user, password)
        except ConnectionError:
            continue
        raise Wrong(f"{user!r} gets in with {password!r}")
    for answer in redis(site.redis, "FLUSHALL", "SET other 1", "CONFIG GET maxmemory", "KEYS *"):
        if not answer.startswith("-NOPERM"):
            raise Wrong(f"a pod does to Redis what it need not: {answer}")
    of_partition = "{earmark:p3}"
    for command in (
        f"SET {of_partition}:meta 1",
        f"DEL {of_partition}:committed",
        f"HSET {of_partition}:meta sequence 1",
        "SET other 1",
        "GET other",
        "SCRIPT FLUSH",
        "FLUSHALL",
    ):
        answers = redis(site.redis, command, user="operator")
        if not answers[0].startswith("-NOPERM"):
            raise Wrong(f"an operator does to Redis what he need not: {command}: {answers}")
    address = {
        "EARMARK_NATS_URL": f"nats://operator:not-this-one@127.0.0.1:{site.clients[0]}",
        "EARMARK__NATS__CONNECT_WITHIN_MS": "500",
    }
    code, said, error = site.earmark("operator", "setup", changed=address)
    if code == 0 or "not-this-one" in said + error:
        raise Wrong(f"a wrong password: {code}, {said}{error}")
