"""As much of a NATS client as it takes to ask a server whether it allows something."""

import json
import socket


class Client:
    """One connection, as one user."""

    def __init__(self, port, user, password):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.socket.makefile("rb")
        self.lines.readline()  # INFO
        self._send(
            "CONNECT "
            + json.dumps(
                {
                    "user": user,
                    "pass": password,
                    "verbose": False,
                    "pedantic": False,
                    "name": "check",
                }
            )
        )
        self.refusals()

    def _send(self, line, payload=None):
        body = "" if payload is None else f"{payload}\r\n"
        self.socket.sendall(f"{line}\r\n{body}".encode())

    def refusals(self):
        """What the server has refused so far: it answers in order, so after a PONG all is said."""
        self._send("PING")
        refused = []
        while (line := self.lines.readline()) != b"PONG\r\n":
            if not line:
                raise ConnectionError("the server closed the connection")
            if line.startswith(b"-ERR"):
                refused.append(line.decode().strip())
            if line.startswith(b"MSG"):
                self.lines.read(int(line.split()[-1]) + 2)
        return refused

    def may_publish(self, subject, payload=""):
        self._send(f"PUB {subject} {len(payload.encode())}", payload)
        return not self.refusals()

    def may_subscribe(self, subject):
        self._send(f"SUB {subject} 1")
        allowed = not self.refusals()
        self._send("UNSUB 1")
        return allowed

    def listen(self, subject):
        """To this one, and no longer to another; the server knows it before this returns."""
        self._send("UNSUB 2")
        self._send(f"SUB {subject} 2")
        self.refusals()

    def message(self):
        """The next one that comes."""
        while not (line := self.lines.readline()).startswith(b"MSG"):
            if line.startswith(b"-ERR") or not line:
                raise ConnectionError(line.decode())
        return self.lines.read(int(line.split()[-1]) + 2).decode()

    def ask(self, subject, inbox):
        """The answer to a request."""
        self.listen(inbox)
        self._send(f"PUB {subject} {inbox} 0", "")
        return self.message()
