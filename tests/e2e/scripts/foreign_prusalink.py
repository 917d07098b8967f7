"""python3-requests as a PrusaLink client: foreign_prusalink.py MODEL URL PASSWORD KEY [PROJECT]

Digest authentication, the streaming of bodies and the parsing of multipart answers are those of requests and urllib3,
written by people who never saw hotbed. PROJECT is an archive for an SL1.
"""

import hashlib
import io
import sys

import requests
from requests.auth import HTTPDigestAuth

from foreign import check, equal, finish, until

MODEL, BASE, PASSWORD, KEY = sys.argv[1:5]
TIMEOUT = 30
FORM = "formulář (žluť).gcode"
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def long_print():
    """Minutes of printing in short moves, with a picture that says it has 16 or 160 pixels in a row."""
    size = "160x120" if MODEL == "mk3s" else "16x16"
    lines = [f"; thumbnail begin {size} 96", "; " + PICTURE, "; thumbnail end", "M73 P0 R5"]
    lines += [f"G1 X{i % 100} Y10 F600" for i in range(3000)]
    lines += ["; " + hashlib.sha256(str(i).encode()).hexdigest() for i in range(40000)]
    return ("\n".join(lines) + "\n").encode()


class Client:
    """One session: connections are reused where the server lets them, nonces always."""

    def __init__(self, password=PASSWORD):
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy, no .netrc
        self.session.auth = HTTPDigestAuth("maker", password)

    def ask(self, method, path, **options):
        return self.session.request(method, BASE + path, timeout=TIMEOUT, **options)

    def must(self, status, method, path, **options):
        answer = self.ask(method, path, **options)
        equal(f"{MODEL}: {method} {path}", answer.status_code, status)
        return answer

    def state(self):
        answer = self.ask("GET", "/api/v1/status")
        return answer.json()["printer"]["state"] if answer.status_code == 200 else None

    def becomes(self, state):
        until(f"{MODEL}: {state}", lambda: self.state() == state)


class Pieces:
    """A body that comes in pieces and has a length: what requests streams without reading it first."""

    def __init__(self, data):
        self.data, self.file = data, io.BytesIO(data)
        self.largest = 0

    def __len__(self):
        return len(self.data)

    def read(self, size=-1):
        piece = self.file.read(min(size, 7000) if size > 0 else -1)
        self.largest = max(self.largest, len(piece))
        return piece

    def seek(self, *where):
        return self.file.seek(*where)

    def tell(self):
        return self.file.tell()


def let_in(path):
    """Who is let in, and what becomes of a nonce that is no longer good."""
    plain = requests.Session()
    plain.trust_env = False
    equal(f"{MODEL}: nobody", plain.get(BASE + path, timeout=TIMEOUT).status_code, 401)
    wrong = Client("wrong")
    answer = wrong.must(401, "GET", path)
    equal(f"{MODEL}: a wrong password is tried once, not for ever", len(answer.history), 1)
    equal(f"{MODEL}: Basic", plain.get(BASE + path, timeout=TIMEOUT, auth=("maker", PASSWORD)).status_code, 401)

    client = Client()
    first = client.must(200, "GET", path)
    equal(f"{MODEL}: one challenge", [r.status_code for r in first.history], [401])
    again = client.must(200, "GET", path)
    equal(f"{MODEL}: the nonce is used again without another challenge", len(again.history), 0)
    spoil(client)
    late = client.must(200, "GET", path)
    equal(f"{MODEL}: a nonce that is no longer good is challenged", [r.status_code for r in late.history], [401])
    if late.history:
        challenge = late.history[0].headers["WWW-Authenticate"].lower()
        check(f"{MODEL}: and said to be stale", "stale=true" in challenge.replace('"', ""), challenge)


def spoil(client):
    """Let the nonce be one that the server does not take any more: of another program, or of a time long ago."""
    if MODEL == "mk3s":  # bound to the User-Agent (prusalink.md 2.2)
        client.session.headers["User-Agent"] = "another/1.0"
        return
    challenge = client.session.auth._thread_local.chal  # where requests keeps it
    if MODEL == "sl1":
        challenge["nonce"] = "0" * len(challenge["nonce"])
    else:  # 8 digits of the boot, 8 of the time since: one that is still to come
        challenge["nonce"] = challenge["nonce"][:8] + "7fffffff"


def storage_of(client):
    answer = client.must(200, "GET", "/api/v1/storage").json()["storage_list"][0]
    return answer["path"].strip("/")


def upload(client, place, data):
    """By PUT, streamed in pieces; the type is what PrusaSlicer says (prusalink.md 3.9)."""
    headers = {"Content-Type": "text/x.gcode", "Print-After-Upload": "?0"}
    body = Pieces(data)
    fresh = Client()  # it has no nonce, so the body goes twice: once for the challenge
    answer = fresh.must(201, "PUT", place, data=body, headers=headers)
    equal(f"{MODEL}: the body went again after the challenge", [r.status_code for r in answer.history], [401])
    check(f"{MODEL}: it was streamed", 0 < body.largest <= 7000, body.largest)
    client.must(409, "PUT", place, data=Pieces(data), headers=headers)
    client.must(201, "PUT", place, data=Pieces(data), headers={**headers, "Overwrite": "?1"})
    chunked = client.must(411, "PUT", place + ".gcode", data=iter([b"G28\n", b"G1 X1\n"]), headers=headers)
    check(f"{MODEL}: a body of no known length is refused", "Transfer-Encoding" in chunked.request.headers)


def listed(client, storage, name):
    answer = client.ask("GET", f"/api/v1/files/{storage}")
    children = answer.json().get("children", []) if answer.status_code == 200 else []
    return next((child for child in children if child.get("display_name") == name), None)


def read_back(client, place, data):
    told = until(f"{MODEL}: the file is told of", lambda: (lambda a: a.status_code == 200 and a.json())(client.ask("GET", place)))
    equal(f"{MODEL}: its size", told["size"], len(data))
    answer = client.must(200, "GET", requests.utils.quote(told["refs"]["download"]))
    check(f"{MODEL}: the same bytes", answer.content == data, len(answer.content))
    # No shipped server knows ranges (prusalink.md 3.8): all of it comes, and 206 would be a lie.
    answer = client.ask("GET", requests.utils.quote(told["refs"]["download"]), headers={"Range": "bytes=100-199"})
    equal(f"{MODEL}: a range", (answer.status_code, len(answer.content)), (200, len(data)))
    with client.ask("GET", requests.utils.quote(told["refs"]["download"]), stream=True) as answer:
        check(f"{MODEL}: a download that is left", next(answer.iter_content(4096)) == data[:4096])
    client.must(200, "GET", "/api/version")
    # An older MK4 has a picture of 16 pixels only, under icon; the Pi has one for all.
    ref = told["refs"]["thumbnail" if MODEL == "mk3s" else "icon"]
    picture = client.must(200, "GET", requests.utils.quote(ref))
    check(f"{MODEL}: a picture", picture.content.startswith(b"\x89PNG"), picture.content[:8])


def form(client, storage, data):
    """POST of a form as PrusaSlicer does where there is no PUT. Firmware is gone from there (prusalink.md 4.5)."""
    parts = {"file": (FORM, io.BytesIO(data), "application/octet-stream")}
    status = 201 if MODEL == "mk3s" else 410
    client.must(status, "POST", f"/api/files/{storage}", files=parts, data={"path": "", "print": "false"})
    if status == 201:
        until(f"{MODEL}: a file of a form, its name in UTF-8", lambda: listed(client, storage, FORM))


def one_print(client, place):
    client.becomes("IDLE")
    client.must(204, "GET", "/api/v1/job")
    client.must(204, "POST", place)
    client.becomes("PRINTING")
    job = until(f"{MODEL}: a job", lambda: (lambda a: a.status_code == 200 and a.json())(client.ask("GET", "/api/v1/job")))
    client.must(409, "DELETE", place)
    client.must(404, "PUT", f"/api/v1/job/{job['id'] + 1}/pause")
    client.must(204, "PUT", f"/api/v1/job/{job['id']}/pause")
    client.becomes("PAUSED")
    client.must(409, "PUT", f"/api/v1/job/{job['id']}/pause")

    def resumed():  # Buddy answers 409 as long as the head parks (prusalink.md 5.2)
        return client.ask("PUT", f"/api/v1/job/{job['id']}/resume").status_code == 204

    until(f"{MODEL}: resumed", resumed)
    client.becomes("PRINTING")
    client.must(204, "DELETE", f"/api/v1/job/{job['id']}")
    client.becomes("STOPPED")
    client.must(204, "GET", "/api/v1/job")


def fdm():
    client = Client()
    until(f"{MODEL}: it is there", lambda: client.state() == "IDLE")
    let_in("/api/v1/status")
    version = client.must(200, "GET", "/api/version").json()
    equal(f"{MODEL}: api", version["api"], "2.0.0")
    check(f"{MODEL}: it takes PUT", version["capabilities"]["upload-by-put"] is True, version)
    check(f"{MODEL}: a serial number", client.must(200, "GET", "/api/v1/info").json().get("serial"))
    equal(f"{MODEL}: a key", requests.get(BASE + "/api/v1/info", headers={"X-Api-Key": KEY}, timeout=TIMEOUT).status_code, 200)
    data = long_print()
    storage = storage_of(client)
    place = f"/api/v1/files/{storage}/foreign part (1).gcode"
    upload(client, place, data)
    until(f"{MODEL}: it is listed", lambda: listed(client, storage, "foreign part (1).gcode"))
    read_back(client, place, data)
    form(client, storage, data)
    one_print(client, place)
    client.must(204, "DELETE", place)
    until(f"{MODEL}: it is gone", lambda: client.ask("GET", place).status_code == 404)


def resin():
    """The SL1's HTTP program has the older paths only."""
    client = Client()
    until(f"{MODEL}: it is there", lambda: client.ask("GET", "/api/version").status_code == 200)
    let_in("/api/printer")
    equal(f"{MODEL}: api", client.must(200, "GET", "/api/version").json()["api"], "0.1")
    client.must(404, "GET", "/api/v1/status")
    client.must(200, "GET", "/api/job")
    if len(sys.argv) < 6:
        print("SKIPPED no project for the SL1")
        return
    with open(sys.argv[5], "rb") as file:
        data = file.read()
    parts = {"file": ("foreign.sl1", io.BytesIO(data), "application/octet-stream")}
    client.must(201, "POST", "/api/files/local", files=parts, data={"path": "", "print": "false"})
    files = client.must(200, "GET", "/api/files?recursive=true").text
    check(f"{MODEL}: it is listed", "foreign.sl1" in files, files)
    answer = client.must(200, "GET", "/api/downloads/local/foreign.sl1")
    check(f"{MODEL}: the same archive", answer.content == data, len(answer.content))
    client.must(204, "DELETE", "/api/files/local/foreign.sl1")


resin() if MODEL == "sl1" else fdm()
finish()
