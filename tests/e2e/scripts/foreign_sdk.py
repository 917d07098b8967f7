"""python3-requests and http.client as printers of the SDK at `hotbed mock connect`: foreign_sdk.py sdk|odd URL CONTROL

As `sdk` it is what the SDK is, a program on requests.Session, and keeps the contract, so that the judge must say so;
`odd` says the same in ways that RFC 9112 allows and the SDK never uses.
"""

import hashlib
import http.client
import json
import os
import socket
import sys
import time
import urllib.request
from urllib.parse import urlsplit

from foreign import check, equal, finish, until

MODE, URL, CONTROL = sys.argv[1:4]
PLACE = urlsplit(URL)
SERIAL = "CZPX4720X004XC34242"
FINGERPRINT = hashlib.sha256(SERIAL.encode()).hexdigest()
INFO = {"state": "IDLE", "source": "CONNECT", "event": "INFO",
        "data": {"type": 1, "version": 3, "subversion": 1, "firmware": "3.13.1", "sdk": "0.8.1", "sn": SERIAL,
                 "fingerprint": FINGERPRINT, "files": {"type": "DIR", "name": "/", "read_only": True, "children": [
                     {"type": "DIR", "name": "local", "read_only": False, "size": 0, "children": []}]},
                 "network_info": {"hostname": "pi", "lan_ipv4": "127.0.0.1"}}}


def control(path, body=None, method=None):
    """What the server says of itself; no proxy is asked for loopback."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    with opener.open(urllib.request.Request(CONTROL + path, data, method=method), timeout=30) as answer:
        text = answer.read().decode()
    return [json.loads(line) for line in text.splitlines()] if path.startswith("/log") else json.loads(text)


def headers():
    """Those of the SDK (connect-sdk.md 1.3, 1.4), in its order."""
    return {"Fingerprint": FINGERPRINT, "Timestamp": str(int(time.time() * 10) / 10), "User-Agent-Printer": "1.3.1",
            "User-Agent-Version": "0.8.1"}


class Sdk:
    def __init__(self):
        import requests

        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["User-Agent"] = "Prusa-Connect-SDK-Printer/0.8.1"
        self.token = {}

    def post(self, path, body):
        return self.session.post(URL + path, headers={**headers(), **self.token}, json=body, timeout=10)

    def get(self, path, **more):
        return self.session.get(URL + path, headers={**headers(), **self.token, **more}, timeout=10)

    def registers(self):
        body = {"sn": SERIAL, "fingerprint": FINGERPRINT, "printer_type": "1.3.1", "firmware": "3.13.1"}
        answer = self.post("/p/register", body)
        equal("registered", answer.status_code, 200)
        code = answer.headers["code"]
        for _ in range(10):
            answer = self.get("/p/register", Code=code)
            if answer.status_code != 202:
                break
            time.sleep(1)  # the SDK's own pace (3.3)
        equal("a token", answer.status_code, 200)
        self.token = {"Token": answer.headers["token"]}

    def commanded(self):
        """The command on the answer to the next telemetries, one each second as the contract wants."""
        for _ in range(20):
            answer = self.post("/p/telemetry", {"temp_nozzle": 24.123456, "state": "IDLE"})
            if answer.status_code == 200:
                return int(answer.headers["Command-Id"]), answer
            time.sleep(0.25)
        check("a command", False)
        return 0, None

    def event(self, event, **members):
        answer = self.post("/p/events", {"event": event, "source": "CONNECT", "state": "IDLE", **members})
        equal(event, answer.status_code, 204)


def as_sdk():
    sdk = Sdk()
    sdk.registers()
    equal("INFO", sdk.post("/p/events", INFO).status_code, 204)
    equal("telemetry", sdk.post("/p/telemetry", {"temp_bed": 24.5, "state": "IDLE"}).status_code, 204)
    order = control("/printers/1/commands", {"command": "SEND_INFO"})
    identity, answer = sdk.commanded()
    equal("a command", (identity, answer.json()["command"]), (order["id"], "SEND_INFO"))
    sdk.event("ACCEPTED", command_id=identity, data={})
    sdk.post("/p/events", {**INFO, "command_id": identity})
    until("it is finished", lambda: control(f"/commands/{order['id']}")["status"] == "finished")
    equal("all over one connection", len({exchange["connection"] for exchange in control("/log?since=0")}), 1)
    files(sdk)


def files(sdk):
    """A file that is offered comes as it is, and as gzip that requests takes off."""
    data = b"G1 X10\n" * 50000 + os.urandom(1000)
    offered = control("/files?name=foreign.gcode", data)
    for number, manner in enumerate(({}, {"gzip": True})):
        control(f"/files/{offered['hash']}/manner", manner, "PUT")
        order = control("/printers/1/downloads", {"hash": offered["hash"], "path": f"/local/{number}.gcode", "how": "connect"})
        identity, answer = sdk.commanded()
        wanted = answer.json()["kwargs"]
        equal("a download", (identity, answer.json()["command"]), (order["id"], "START_CONNECT_DOWNLOAD"))
        sdk.event("ACCEPTED", command_id=identity, data={})
        sdk.event("FINISHED", command_id=identity, data={})
        got = sdk.get(f"/p/teams/{wanted['team_id']}/files/{wanted['hash']}/raw")
        check(f"the same bytes, {manner}", (got.status_code, got.content) == (200, data), (got.status_code, len(got.content)))
        equal("sent as", got.headers.get("Content-Encoding"), "gzip" if manner else None)


class Raw:
    """A socket whose requests are bytes of our own; http.client reads the answers."""

    def __init__(self):
        self.socket = socket.create_connection((PLACE.hostname, PLACE.port), timeout=20)
        self.file = self.socket.makefile("rb")

    def send(self, *pieces):
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            self.socket.sendall(piece)

    def makefile(self, *_):
        return self.file

    def answer(self, method="POST"):
        """One answer; the file stays open behind it, for the next."""
        reply = http.client.HTTPResponse(_Kept(self.file), method=method)
        reply.begin()
        reply.body = reply.read()
        return reply

    def ended(self):
        return self.file.read(1) == b""


class _Kept:
    """http.client closes the file of an answer that it has read; this one lets it stay open."""

    def __init__(self, file):
        self.file = file

    def makefile(self, *_):
        return self

    def __getattr__(self, name):
        return getattr(self.file, name)

    def close(self):
        pass


def head(token, *fields, target="/p/telemetry", version="HTTP/1.1"):
    lines = [f"POST {target} {version}", f"host: {PLACE.netloc}", f"token: {token}", f"fingerprint: {FINGERPRINT}",
             f"timestamp: {int(time.time())}.0", "content-type: application/json", *fields, "", ""]
    return "\r\n".join(lines).encode()


def as_odd():
    sdk = Sdk()
    sdk.registers()
    token = sdk.token["Token"]
    body = b'{"state": "IDLE"}'
    length = f"content-length: {len(body)}"
    raw = Raw()

    def must(text, *pieces, status=204):
        raw.send(*pieces)
        equal(text, raw.answer().status, status)

    must("names in small letters", head(token, length) + body)
    must("again on the same connection", head(token, length) + body)
    # Not behind the length: libmicrohttpd takes it for no number there.
    must("blanks and tabs around values (RFC 9112, 5.1)", head("\t " + token + " \t", f"content-length:\t {len(body)}") + body)
    must("an empty line before a request (2.2)", b"\r\n" + head(token, length) + body)
    must("an absolute target (3.2.2)", head(token, length, target=URL + "/p/telemetry") + body)
    must("one byte at a time", *[bytes([byte]) for byte in head(token, length) + body])
    must("chunks", head(token, "Transfer-Encoding: Chunked") + b"5\r\n" + body[:5] + b"\r\n000C\r\n" + body[5:] + b"\r\n0\r\n\r\n")
    must("chunks with extensions and a trailer (7.1.1, 7.1.2)", head(token, "transfer-encoding: chunked", "trailer: x-sum")
         + b"11;name=value;quoted=\"a;b\"\r\n" + body + b"\r\n0;last\r\nx-sum: 1\r\n\r\n")
    raw.send(head(token, length) + body + head(token, length) + body)
    equal("two at once are answered one behind the other", [raw.answer().status, raw.answer().status], [204, 204])
    equal("all of them were understood", control("/printers/1")["telemetry_count"], 10)
    ends(token, body, length)
    expects(token, body, length)


def ends(token, body, length):
    for text, field, version in (("close", "connection: close", "HTTP/1.1"), ("1.0", "x-none: 1", "HTTP/1.0")):
        raw = Raw()
        raw.send(head(token, length, field, version=version) + body)
        equal(f"{text}: an answer", raw.answer().status, 204)
        check(f"{text}: then the end", raw.ended())
    raw = Raw()
    raw.send(head(token, length, "content-length: 3") + body)
    equal("two lengths that differ (6.3)", raw.answer().status, 400)
    check("two lengths: then the end", raw.ended())
    raw = Raw()
    raw.send(head(token, length).replace(b"host: ", b"x-host: ") + body)
    equal("no Host (3.2)", raw.answer().status, 400)


def expects(token, body, length):
    """100 before the body, or a final status: never silence (RFC 9110, 10.1.1)."""
    raw = Raw()
    raw.send(head(token, length, "expect: 100-continue"))
    line = raw.file.readline()
    if check("the server asks for the body", line.startswith(b"HTTP/1.1 100"), line):
        while raw.file.readline() not in (b"\r\n", b""):
            pass
        raw.send(body)
        equal("and takes it", raw.answer().status, 204)


as_odd() if MODE == "odd" else as_sdk()
finish()
