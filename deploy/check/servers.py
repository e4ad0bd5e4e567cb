"""NATS and Redis start with the shipped settings, and Earmark does its work on them as the shipped users.

Three servers and a Redis with its replica stand on this machine as compose.yaml has them; only
addresses and directories differ. The pod is started in the image's file system (image.py).
"""

import datetime
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

import image
import rights
from common import BUILT, DEPLOY, ROOT, WORK, Wrong, environment
from wire import Client

SERVERS = ROOT / "target/servers"
RUN = WORK / "run"
USERS = ("pod", "publisher", "operator")
INBOX = {"pod": "_INBOX_pod", "publisher": "_INBOX_pub", "operator": "_INBOX_op"}


def run():
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir(parents=True)
    started = []
    try:
        return everything(Site(started))
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


def everything(site):
    site.start_redis()
    site.start_nats()
    set_up(site)
    pod = site.start_pod()
    decide(site)
    nobody_was_refused(site)
    image.is_confined(pod.pid)
    leave(pod)
    asked = try_rights(site)
    strangers(site)
    return [
        "three nats-server and a Redis with its replica start with the shipped settings; "
        "single.conf is valid",
        "the operator set everything up, once, and `earmark check` as operator finds nothing wrong",
        "a pod in the image's file system, read-only, as nonroot, without capabilities, decided what "
        "came from the publisher and by HTTP, kept a dead letter too large for a message, wrote its "
        "snapshots to Redis, and left within 10 s; NATS refused it, the publisher and the operator "
        "nothing",
        f"{asked} times a user was allowed or refused as nats/users.conf promises; nobody gets in "
        "without a password, and a wrong one is not repeated in the error",
    ]


class Site:
    """The servers, and what is needed to reach them."""

    def __init__(self, started):
        self.started = started
        free = free_ports(13)
        self.clients, self.routes, self.monitors = free[0:3], free[3:6], free[6:9]
        self.redis, self.replica, self.http = free[9:12]

    def start(self, name, command, **options):
        log = open(RUN / f"{name}.log", "wb")
        process = subprocess.Popen(
            [str(part) for part in command], stdout=log, stderr=subprocess.STDOUT, **options)
        self.started.append(process)
        return process

    def start_nats(self):
        for index in range(3):
            home = RUN / f"nats-{index + 1}"
            settings = self.copy_nats(home)
            self.start(home.name, [
                SERVERS / "nats-server", "--config", settings / "cluster.conf",
                "--addr", "127.0.0.1", "--port", self.clients[index],
                "--http_port", self.monitors[index],
                "--cluster", f"nats://127.0.0.1:{self.routes[index]}",
                "--routes", ",".join(f"nats://127.0.0.1:{port}" for port in self.routes),
            ], env={**os.environ, "NATS_SERVER_NAME": home.name})
        single = self.copy_nats(RUN / "single") / "single.conf"
        tried = subprocess.run([SERVERS / "nats-server", "-t", "-c", single], capture_output=True)
        if tried.returncode != 0:
            raise Wrong(f"single.conf: {tried.stderr.decode()}")
        for port in self.monitors:
            wait_until(f"http://127.0.0.1:{port}/healthz is well", lambda: get(port, "/healthz"))

    def copy_nats(self, home):
        """The files as they are mounted; the store's directory is another."""
        settings = home / "etc"
        settings.mkdir(parents=True)
        for file in [*(DEPLOY / "nats").glob("*.conf"), DEPLOY / "local/passwords.conf"]:
            text = file.read_text().replace('"/data/jetstream"', json.dumps(str(home / "data")))
            (settings / file.name).write_text(text)
        return settings

    def start_redis(self):
        settings = RUN / "redis"
        settings.mkdir()
        for file in [*(DEPLOY / "redis").glob("*.conf"), *(DEPLOY / "local").glob("redis-*.conf")]:
            text = file.read_text().replace("replicaof redis 6379", f"replicaof 127.0.0.1 {self.redis}")
            (settings / file.name).write_text(text)
        for name, port in (("redis-primary", self.redis), ("redis-replica", self.replica)):
            (RUN / name).mkdir()
            self.start(name, [
                SERVERS / "redis-server", f"{name}.conf", "--dir", RUN / name,
                "--port", port, "--bind", "127.0.0.1",
            ], cwd=settings)

    def environment(self, user):
        """What compose.yaml tells a container, with the addresses of this machine."""
        said = environment("local/earmark.env") | environment(f"local/{user}.env")
        for name, value in said.items():
            for index, port in enumerate(self.clients):
                value = value.replace(f"nats-{index + 1}:4222", f"127.0.0.1:{port}")
            said[name] = value.replace("redis:6379", f"127.0.0.1:{self.redis}")
        return said

    def earmark(self, user, *arguments, changed=None, stdin=""):
        done = subprocess.run([BUILT, *arguments], env=self.environment(user) | (changed or {}),
                              input=stdin, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def must(self, user, *arguments, stdin=""):
        code, said, error = self.earmark(user, *arguments, stdin=stdin)
        if code != 0:
            raise Wrong(f"earmark {' '.join(arguments)} as {user}: {said}{error}")
        return said

    def start_pod(self):
        variables = image.settings() | self.environment("pod") | {
            "EARMARK__ENGINE__POD": "pod-1", "EARMARK__HTTP__LISTEN": f"127.0.0.1:{self.http}"}
        pod = self.start("pod", image.command(), env=variables | {"PATH": os.environ["PATH"]})
        wait_until("the pod is ready", lambda: get(self.http, "/readyz"))
        return pod

    def client(self, user):
        return Client(self.clients[0], user, f"local-{user}")


def set_up(site):
    first = json.loads(site.must("operator", "setup", "--json"))
    again = json.loads(site.must("operator", "setup", "--json"))
    if not first["changes"] or again["changes"] or again["seeded"]:
        raise Wrong(f"set-up is not done once: {first}, then {again}")
    site.must("operator", "check")


def decide(site):
    event = {
        "specversion": "1.0", "id": "po-1/1", "source": "wms", "type": "stock.received.v1",
        "subject": "CUP", "time": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        "data": {"location": "east", "quantity": 10, "reference": "po-1"},
    }
    publisher = site.client("publisher")
    publisher.listen("_INBOX_pub.check.1")
    told = event | {"replyto": "_INBOX_pub.check.1"}
    site.must("publisher", "publish", "-", stdin=json.dumps(told) + "\n")
    if (answer := json.loads(publisher.message()))["data"]["status"] != "accepted":
        raise Wrong(f"the publisher's answer is {answer}")
    token = site.environment("pod")["EARMARK__HTTP__TOKEN"]
    posted = urllib.request.Request(
        f"http://127.0.0.1:{site.http}/v1/events", json.dumps(event | {"id": "po-1/2"}).encode(),
        {"Content-Type": "application/cloudevents+json", "Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(posted, timeout=20) as answer:
        if answer.status != 200:
            raise Wrong(f"the door answers {answer.status}")
    state = json.loads(site.must("operator", "inspect", "sku", "CUP", "--json"))["state"]
    if state["total"]["on_hand"] != 20:
        raise Wrong(f"ten and ten is {state}")
    # No message can quote so much: it becomes an object.
    if not publisher.may_publish("earmark.in.demand.sku.CUP", "?" * 780_000):
        raise Wrong("the publisher may not publish")
    operator = site.client("operator")
    for stream in ("EARMARK_DLQ", "OBJ_EARMARK_OBJECTS"):
        wait_until(f"{stream} has something", lambda: messages(operator, stream) > 0)
    wait_until("Redis has a snapshot", lambda: snapshots(site) > 0)
    site.must("operator", "status")


def messages(client, stream):
    said = json.loads(client.ask(f"$JS.API.STREAM.INFO.{stream}", "_INBOX_op.check.1"))
    return said["state"]["messages"]


def snapshots(site):
    """Positions of partitions that Redis knows, asked of the replica."""
    with socket.create_connection(("127.0.0.1", site.replica), timeout=5) as connection:
        connection.sendall(b"AUTH earmark local-earmark\r\nDBSIZE\r\nQUIT\r\n")
        said = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    return int(re.search(r":(\d+)", said).group(1))


def nobody_was_refused(site):
    for log in RUN.glob("nats-*.log"):
        for line in log.read_text().splitlines():
            if "Violation" in line:
                raise Wrong(f"NATS refused what is needed: {line}")


def leave(pod):
    pod.send_signal(signal.SIGTERM)
    try:
        code = pod.wait(timeout=10)
    except subprocess.TimeoutExpired:
        raise Wrong("the pod did not leave within 10 s")
    if code != 0:
        raise Wrong(f"the pod left with {code}")


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
    address = {"EARMARK_NATS_URL": f"nats://operator:not-this-one@127.0.0.1:{site.clients[0]}",
               "EARMARK__NATS__CONNECT_WITHIN_MS": "500"}
    code, said, error = site.earmark("operator", "setup", changed=address)
    if code == 0 or "not-this-one" in said + error:
        raise Wrong(f"a wrong password: {code}, {said}{error}")


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def wait_until(what, is_so, within_s=30):
    until = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > until:
            raise Wrong(f"in {within_s} s it did not come to be that {what}; see {RUN}")
        time.sleep(0.1)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
