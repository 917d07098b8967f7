#!/usr/bin/env python3
"""A small careful PrusaLink client of other hands, and with each defect a wrong one: proofs for `hotbed check prusalink-client`.

link_client.py URL USER PASSWORD STORAGE FILE [DEFECT]
"""
import hashlib
import json
import os
import re
import select
import socket
import sys
import time
import urllib.parse

url, user, password, storage, path = sys.argv[1:6]
defect = sys.argv[6] if len(sys.argv) > 6 else ""
place = urllib.parse.urlparse(url)
challenge = None
TIMEOUT = 2 if defect == "hasty" else 60


class Failed(Exception):
    pass


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def authorization(method, target):
    fields = dict((k.lower(), a or b) for k, a, b in re.findall(r'(\w+)\s*=\s*(?:"([^"]*)"|([^",\s]+))', challenge))
    realm, nonce = fields.get("realm", ""), fields.get("nonce", "")
    qop = "auth" if "qop" in fields or defect == "invents-qop" else None
    first, cnonce = md5(f"{user}:{realm}:{password}"), "0a4f113b"
    if fields.get("algorithm", "").lower() == "md5-sess":
        first = md5(f"{first}:{nonce}:{cnonce}")
    middle = f"{nonce}:00000001:{cnonce}:{qop}" if qop else nonce
    response = md5(f"{first}:{middle}:{md5(f'{method}:{target}')}")
    out = f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{target}", response="{response}"'
    if "algorithm" in fields:
        out += f', algorithm={fields["algorithm"]}'
    if "opaque" in fields:
        out += f', opaque="{fields["opaque"]}"'
    if qop:
        out += f', qop={qop}, nc=00000001, cnonce="{cnonce}"'
    return out


def read_reply(connection, method):
    data, head = b"", None
    while True:
        if head is None and b"\r\n\r\n" in data:
            head, data = data.split(b"\r\n\r\n", 1)
            text = head.decode("latin-1")
            if not text.startswith("HTTP/"):
                raise Failed("no HTTP")
            status = int(text.split()[1])
            headers = dict((k.strip().lower(), v.strip()) for k, _, v in (l.partition(":") for l in text.split("\r\n")[1:]))
            length = int(headers["content-length"]) if "content-length" in headers else None
            chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        if head is not None:
            if method == "HEAD" or status in (204, 304):
                return status, headers, b""
            if chunked and data.endswith(b"0\r\n\r\n"):
                body = b""
                while data:
                    size, _, data = data.partition(b"\r\n")
                    count = int(size, 16)
                    body, data = body + data[:count], data[count + 2:]
                    if count == 0:
                        return status, headers, body
            if length is not None and len(data) >= length:
                return status, headers, data[:length]
        try:
            piece = connection.recv(65536)
        except socket.timeout:
            raise Failed("silence")
        if not piece:
            if head is not None and length is None and not chunked:
                return status, headers, data
            raise Failed("the connection ended")
        data += piece


def send_body(connection, body):
    began = time.monotonic()
    for at in range(0, len(body), 65536):
        if defect != "deaf" and select.select([connection], [], [], 0)[0]:
            return  # an answer is there already
        if defect == "hurried-upload" and time.monotonic() - began > 8:
            raise Failed("took too long")
        try:
            connection.sendall(body[at:at + 65536])
        except OSError:
            return


def once(method, target, headers, body, credentials):
    connection = socket.create_connection((place.hostname, place.port), timeout=TIMEOUT)
    lines = [f"{method} {target} HTTP/1.1", f"Host: {place.hostname}:{place.port}", "Connection: close",
             "User-Agent: careful/1", "Accept: application/json"]
    if credentials:
        lines.append("Authorization: " + authorization(method, target))
    lines += [f"{k}: {v}" for k, v in headers.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    try:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        if defect == "hurried-upload" and body:
            connection.settimeout(8)
        send_body(connection, body or b"")
        return read_reply(connection, method)
    except OSError as error:
        raise Failed(str(error))
    finally:
        connection.close()


def ask(method, target, headers=None, body=None):
    """One request; the nonce is renewed once."""
    global challenge
    headers = headers or {}
    if defect == "body-with-get" and method == "GET":
        body = b"{}"
    refused = 0
    while True:
        status, seen, answer = once(method, target, headers, body, challenge is not None)
        if status != 401:
            return status, answer
        had, challenge = challenge, seen.get("www-authenticate", "")
        stale = "stale=true" in challenge
        if had is not None and (defect == "never-renews" or (not stale and defect != "stubborn")):
            return status, answer
        refused += had is not None
        if refused >= (20 if defect == "stubborn" else 2):
            return status, answer


def get(target, needed=()):
    status, answer = ask("GET", target)
    if status == 204:
        if defect == "no-204":
            raise Failed("nothing")
        return None
    if status == 404 and target.startswith(("/thumb", "/api/thumbnails")):
        if defect == "no-404":
            raise Failed("no thumbnail")
        return None
    if status != 200:
        raise Failed(f"{target}: {status}")
    if not target.startswith("/api/v"):
        return answer
    document = json.loads(answer)
    if defect == "strict" and "surprise" in answer.decode():
        raise Failed("a key that nobody knows")
    return document


def upload_form(name, content):
    boundary = "xyz"
    part = (f'--{boundary}\r\nContent-Disposition: form-data; name="path"\r\n\r\n/\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n')
    return ask("POST", "/api/files/local", {"Content-Type": f"multipart/form-data; boundary={boundary}"},
               part.encode() + content + f"\r\n--{boundary}--\r\n".encode())


def upload(name, content, printing):
    target = f"/api/v1/files/{storage}/" + urllib.parse.quote(name)
    headers = {"Content-Type": "text/x.gcode", "Overwrite": "?1", "Print-After-Upload": "?1" if printing else "?0"}
    if defect == "no-type":
        del headers["Content-Type"]
    if defect == "words":
        headers["Overwrite"] = "true"
    if defect == "deletes-first":
        headers["Overwrite"] = "?0"
        ask("DELETE", target)
    if defect == "form":
        return upload_form(name, content)
    status, answer = ask("PUT", target, headers, content)
    if status == 409 and b"print right now" in answer and defect == "again":
        status, answer = ask("PUT", target, headers, content)
    return status, answer


def look(listing):
    for child in listing.get("children", []):
        refs = child.get("refs") or {}
        for ref in filter(None, (refs.get("thumbnail"), refs.get("download"))):
            get(ref if defect == "raw-refs" else urllib.parse.quote(ref, safe="/%"))
        if defect == "tidies":
            ask("DELETE", f"/api/v1/files/{storage}/" + urllib.parse.quote(child["name"]))


def resin():
    """SL1 has the interface of an OctoPrint alone."""
    name = os.path.basename(path)
    with open(path, "rb") as file:
        content = file.read()
    code, _ = upload(name, content, printing=False) if defect == "puts" else upload_form(name, content)
    return 0 if code == 201 else 1


def work():
    version = get("/api/version") if defect != "no-version" else None
    if version and version["text"].startswith("Prusa SLA"):
        return resin()
    status = get("/api/v1/status")
    if defect == "polls":
        for _ in range(5):
            get("/api/v1/status")
    job = get("/api/v1/job")
    get("/api/v1/transfer")
    get("/api/v1/storage")
    look(get(f"/api/v1/files/{storage}"))
    name = os.path.basename(path)
    with open(path, "rb") as file:
        content = file.read()
    code, answer = upload(name, content, printing=True)
    stored = code == 201 or (code == 409 and (b"print right now" in answer or b"Not in state" in answer))
    if defect == "guesses":
        ask("PUT", "/api/v1/job/1/pause", body=b"")
    elif defect == "stops":
        running = get("/api/v1/job")
        if running:
            ask("DELETE", f"/api/v1/job/{running['id']}")
    elif job and job.get("state") == "PRINTING":
        ask("PUT", f"/api/v1/job/{job['id']}/pause", body=b"")
    return 0 if stored and version is not False and status else 1


def main():
    tries = 12 if defect == "hammers" else 1
    for _ in range(tries):
        try:
            return work()
        except (Failed, ValueError, KeyError, OSError) as error:
            print(error, file=sys.stderr)
    if defect == "crashes":
        os.kill(os.getpid(), 11)
    return 1


sys.exit(main())
