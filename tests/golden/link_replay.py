#!/usr/bin/env python3
"""A PrusaLink server made of captures: answers a recorded request with its recorded reply, byte for byte.

link_replay.py FOLDER    prints its port, serves until SIGTERM, then prints what it was asked and has no record of

Only who may ask is decided here, by the recorded challenge, user, password and key.
"""
import hashlib
import os
import re
import signal
import socket
import sys
import threading

USER, PASSWORD, KEY = "maker", "secret1A", "kitkey1234"
# What a printer that idles answers; the other files are of moments that pass.
FILES = ("01-", "03-", "06-", "08-", "10-", "11-", "12-", "27-", "28-", "31-", "32-", "60-", "61-", "62-")


def exchanges(path):
    """(request, reply) pairs of a capture, as bytes with their line ends."""
    asked = {}
    for block in open(path, encoding="utf-8").read().split("\n=== T+")[1:]:
        head, _, text = block.partition("\n")
        where = head.split()
        if len(where) < 4 or where[1] not in "<>":
            continue
        if where[1] == ">":
            asked[where[3]] = text
        elif where[3] in asked:
            yield asked.pop(where[3]), text


def fields(head):
    lines = head.split("\n")
    return lines[0], {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:]) if k}


def as_sent(reply):
    head, _, body = reply.partition("\n\n")
    _, headers = fields(head)
    length = int(headers.get("content-length", 0))
    if re.fullmatch(r"<\d+ bytes, sha256 \w+>\n?", body):
        return None  # its bytes are not in the record
    bytes_ = body.encode()[:length]
    if len(bytes_) < length:
        return None
    return (head.replace("\n", "\r\n") + "\r\n\r\n").encode() + bytes_


class Peer:
    def __init__(self, folder):
        self.known, self.unknown = {}, []
        self.refused = self.stale = self.bad_key = None
        for name in sorted(os.listdir(folder)):
            if name.startswith(FILES):
                for request, reply in exchanges(os.path.join(folder, name)):
                    self.learn(request, reply)
        fresh = re.search(r'nonce="(\w+)",opaque="(\w+)"', self.refused.decode())
        self.nonce, self.opaque = fresh.groups()

    def learn(self, request, reply):
        line, headers = fields(request.partition("\n\n")[0])
        parts, bytes_ = line.split(" "), as_sent(reply)
        status = reply.split(" ")[1] if reply.startswith("HTTP/") else ""
        if bytes_ is None or len(parts) != 3:
            return
        if status == "401":
            if "stale=true" in reply:
                self.stale = self.stale or bytes_
            else:
                self.refused = self.refused or bytes_
        elif status == "403" and "Bad X-Api-Key" in reply:
            self.bad_key = self.bad_key or bytes_
        else:
            unusual = tuple((k, headers[k]) for k in ("if-none-match", "if-modified-since") if k in headers)
            self.known.setdefault((parts[0], parts[1], unusual), {}).setdefault(headers.get("accept", ""), bytes_)

    def gate(self, method, target, headers):
        """What a request without the right credentials is answered; None: it may pass."""
        if "x-api-key" in headers:
            return None if headers["x-api-key"] == KEY else self.bad_key
        text = headers.get("authorization", "")
        given = dict((k.lower(), a or b) for k, a, b in re.findall(r'(\w+)\s*=\s*(?:"([^"]*)"|([^",\s]+))', text))
        if not text.startswith("Digest "):
            return self.refused
        if given.get("nonce") != self.nonce or headers.get("user-agent") != self.agent:
            return self.stale
        md5 = lambda t: hashlib.md5(t.encode()).hexdigest()
        first = md5(f'{md5(f"{USER}:Administrator:{PASSWORD}")}:{self.nonce}:{given.get("cnonce")}')
        right = md5(f'{first}:{self.nonce}:{given.get("nc")}:{given.get("cnonce")}:auth:{md5(f"""{method}:{given.get("uri")}""")}')
        good = given.get("response") == right and given.get("opaque") == self.opaque and given.get("algorithm") == "MD5-sess"
        return None if good and given.get("uri") == target else self.refused

    agent = "hotbed-check"

    def answer(self, method, target, headers):
        unusual = tuple((k, headers[k]) for k in ("if-none-match", "if-modified-since") if k in headers)
        by_accept = self.known.get((method, target, unusual)) or self.known.get((method, target, ()), {})
        if not (method == "HEAD" and (target == "/" or target.startswith("/api/v1/files/"))):
            refusal = self.gate(method, target, headers)
            if refusal is not None:
                return refusal
        accept = headers.get("accept", "")
        for known, reply in by_accept.items():
            if known == accept or known in ("", "*/*", "application/json"):
                return reply
        self.unknown.append(f"{method} {target}")
        return b"HTTP/1.0 599 Not Recorded\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n"

    def serve(self, connection):
        with connection:
            connection.settimeout(30)
            data = b""
            while b"\r\n\r\n" not in data:
                piece = connection.recv(65536)
                if not piece:
                    return
                data += piece
            line, headers = fields(data.partition(b"\r\n\r\n")[0].decode("latin-1").replace("\r\n", "\n"))
            parts = line.split(" ")
            if len(parts) != 3:
                return
            left = int(headers.get("content-length", 0)) - len(data.partition(b"\r\n\r\n")[2])
            while left > 0:
                left -= len(connection.recv(65536)) or left
            connection.sendall(self.answer(parts[0], parts[1], headers))


def main():
    peer = Peer(sys.argv[1])
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=peer.serve, args=(connection,), daemon=True).start()

    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    threading.Thread(target=accept, daemon=True).start()
    signal.sigwait(ends)
    print("\n".join(sorted(set(peer.unknown))))


main()
