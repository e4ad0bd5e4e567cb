"""What clients and operators do, each as its shipped user."""

import datetime
import json
import signal
import urllib.request

from common import Wrong
from stand import wait_until


def event(name, kind, key, **data):
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    return {
        "specversion": "1.0",
        "id": name,
        "source": "check",
        "type": kind,
        "subject": key,
        "time": now,
        "data": data,
    }


def answered(site, publisher, what, wanted):
    """Publishes as the publisher, and hears the answer as the publisher."""
    inbox = f"_INBOX_pub.check.{what['id'].replace('/', '-')}"
    publisher.listen(inbox)
    told = json.dumps(what | {"replyto": inbox})
    site.must("publisher", "publish", "-", stdin=f"{told}\n")
    answer = json.loads(publisher.message())
    if answer["data"]["status"] != wanted:
        raise Wrong(f"the answer to {what['id']} is {answer}")


def post(site, what):
    headers = {
        "Content-Type": "application/cloudevents+json",
        "Authorization": f"Bearer {site.environment('pod')['EARMARK__HTTP__TOKEN']}",
        "Prefer": "wait=30",
    }
    body = json.dumps(what).encode()
    posted = urllib.request.Request(f"http://127.0.0.1:{site.http}/v1/events", body, headers)
    with urllib.request.urlopen(posted, timeout=60) as answer:
        if answer.status != 200:
            raise Wrong(f"the door answers {answer.status}")


def state(site, kind, key):
    return json.loads(site.must("operator", "inspect", kind, key, "--json"))["state"]


def stream(client, name):
    said = client.ask(f"$JS.API.STREAM.INFO.{name}", "_INBOX_op.check.1")
    return json.loads(said)["state"]


def serves_everything(site):
    """The pod says so itself: leases of one that was killed look like its own for a while."""

    def does():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{site.http}/readyz", timeout=10) as told:
                return all(of["serving"] for of in json.load(told)["partitions"])
        # Not ready, or not there.
        except OSError:
            return False

    wait_until("the pod serves everything", does)


def partitions(site):
    """What the operator is shown of all of them; some may have lost something."""
    code, said, error = site.earmark("operator", "partition", "show", "--json")
    if code not in (0, 1):
        raise Wrong(f"partition show as operator: {said}{error}")
    return json.loads(said)


def leave(pod):
    pod.send_signal(signal.SIGTERM)
    if (code := pod.wait(timeout=60)) != 0:
        raise Wrong(f"the pod left with {code}")
