"""The servers, as compose.yaml has them: three nats-server, a Redis and its replica, and a pod.

Only addresses and directories differ. The pod is started in the image's file system (image.py).
"""

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
from common import BUILT, DEPLOY, ROOT, WORK, Wrong, environment
from wire import Client

SERVERS = ROOT / "target/servers"
RUN = WORK / "run"
NATS = ("nats-1", "nats-2", "nats-3")


class Site:
    """The servers, and what is needed to reach them. They end with the `with`."""

    def __enter__(self):
        shutil.rmtree(RUN, ignore_errors=True)
        RUN.mkdir(parents=True)
        self.started = {}
        free = free_ports(12)
        self.clients, self.routes, self.monitors = free[0:3], free[3:6], free[6:9]
        self.redis, self.replica, self.http = free[9:12]
        return self

    def __exit__(self, *_):
        self.kill(*reversed(self.started))

    def start(self, name, command, **options):
        with open(RUN / f"{name}.log", "ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, **options)
        self.started[name] = process
        return process

    def kill(self, *names):
        for name in names:
            self.started[name].kill()
        for name in names:
            self.started[name].wait()

    def start_nats(self):
        for name in NATS:
            copy_nats(name)
        self.run_nats()

    def run_nats(self):
        routes = ",".join(f"nats://127.0.0.1:{port}" for port in self.routes)
        ports = zip(self.clients, self.routes, self.monitors)
        for name, (client, route, monitor) in zip(NATS, ports):
            command = (
                f"{SERVERS}/nats-server --config {RUN / name}/cluster.conf --addr 127.0.0.1 "
                f"--port {client} --http_port {monitor} "
                f"--cluster nats://127.0.0.1:{route} --routes {routes}"
            )
            self.start(name, command.split(), env=os.environ | {"NATS_SERVER_NAME": name})
        for port in self.monitors:
            wait_until(f"nats-server at {port} is well", lambda: get(port, "/healthz"))

    def copy_jetstream(self):
        """What all three have on disk at one moment."""
        shutil.rmtree(RUN / "copy", ignore_errors=True)
        for name in NATS:
            self.started[name].send_signal(signal.SIGSTOP)
        for name in NATS:
            shutil.copytree(RUN / name / "data", RUN / "copy" / name)
            self.started[name].send_signal(signal.SIGCONT)

    def put_jetstream_back(self):
        """All three are as they were copied; what they acknowledged since is lost."""
        self.kill(*NATS)
        for name in NATS:
            shutil.rmtree(RUN / name / "data")
            shutil.copytree(RUN / "copy" / name, RUN / name / "data")
        self.run_nats()
        # Servers are well before all streams have their leaders.
        wait_until("the streams are there", lambda: self.earmark("operator", "check")[0] == 0)

    def start_redis(self):
        """Both, with nothing in them."""
        settings = RUN / "redis"
        settings.mkdir(exist_ok=True)
        for file in [*(DEPLOY / "redis").glob("*.conf"), *(DEPLOY / "local").glob("redis-*.conf")]:
            text = file.read_text().replace(
                "replicaof redis 6379", f"replicaof 127.0.0.1 {self.redis}"
            )
            (settings / file.name).write_text(text)
        for name, port in (("redis-primary", self.redis), ("redis-replica", self.replica)):
            shutil.rmtree(RUN / name, ignore_errors=True)
            (RUN / name).mkdir()
            command = (
                f"{SERVERS}/redis-server {name}.conf --dir {RUN / name} "
                f"--port {port} --bind 127.0.0.1"
            )
            self.start(name, command.split(), cwd=settings)

    def start_pod(self, ready=True):
        variables = {
            "PATH": os.environ["PATH"],
            "EARMARK__ENGINE__POD": "pod-1",
            "EARMARK__HTTP__LISTEN": f"127.0.0.1:{self.http}",
            # So that it is seen to purge, to archive, and to trim the journal.
            "EARMARK__SUPERVISOR__PURGE_EVERY_MS": "200",
            "EARMARK__ENGINE__SNAPSHOT_INTERVAL_MS": "200",
            "EARMARK__ARCHIVE__LOOK_EVERY_MS": "200",
            "EARMARK__ARCHIVE__INTERVAL_MS": "500",
            "EARMARK__STREAMS__JOURNAL_KEEP_S": "0",
        }
        told = image.settings() | self.environment("pod") | variables
        pod = self.start("pod", image.command(), env=told)
        if ready:
            wait_until("the pod is ready", lambda: get(self.http, "/readyz"))
        return pod

    def environment(self, user):
        """What compose.yaml tells a container, with the addresses of this machine."""
        said = environment("local/earmark.env") | environment(f"local/{user}.env")
        for name, value in said.items():
            for number, port in enumerate(self.clients, start=1):
                value = value.replace(f"nats-{number}:4222", f"127.0.0.1:{port}")
            said[name] = value.replace("redis:6379", f"127.0.0.1:{self.redis}")
        return said

    def earmark(self, user, *arguments, changed=None, stdin=""):
        """A command as a user: its exit code, and all that it says."""
        done = subprocess.run(
            [BUILT, *arguments],
            env=self.environment(user) | (changed or {}),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done.returncode, done.stdout, done.stderr

    def must(self, user, *arguments, stdin=""):
        code, said, error = self.earmark(user, *arguments, stdin=stdin)
        if code != 0:
            raise Wrong(f"earmark {' '.join(arguments)} as {user}: {said}{error}")
        return said

    def client(self, user):
        return Client(self.clients[0], user, f"local-{user}")


def metric(port, name):
    """The sum of a metric's samples."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if re.match(rf"{name}\b", line))


def copy_nats(name):
    """The files as they are mounted, but for the store's directory; returns where they are."""
    settings = RUN / name
    settings.mkdir(parents=True)
    for file in [*(DEPLOY / "nats").glob("*.conf"), DEPLOY / "local/passwords.conf"]:
        text = file.read_text().replace('"/data/jetstream"', json.dumps(str(settings / "data")))
        (settings / file.name).write_text(text)
    return settings


def refusals():
    """What NATS says that it refused; the clients only waited."""
    lines = [line for log in RUN.glob("nats-*.log") for line in log.read_text().splitlines()]
    return [line for line in lines if "Violation" in line]


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def wait_until(what, is_so, within_s=60):
    until = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > until:
            refused = "".join(f"\n  {line}" for line in refusals())
            raise Wrong(f"in {within_s} s it did not come to be that {what}; see {RUN}{refused}")
        time.sleep(0.1)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
