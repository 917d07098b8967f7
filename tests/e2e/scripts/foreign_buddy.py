"""python3-websockets as a Buddy printer at `hotbed mock connect`: foreign_buddy.py firmware|odd URL CONTROL TOKEN

The library makes the handshake and the frames, each with a mask of its own, and takes those of the server apart; what
is said is that of an MK4 (../shared/protocols/connect-buddy.md 1.6, 4, 5). CONTROL is asked what the server understood.
As `firmware` it keeps the contract, so that the judge must say so; `odd` is what RFC 6455 allows and no firmware does.
"""

import json
import socket
import sys
import urllib.request
from urllib.parse import urlsplit

from websockets.client import ClientConnection
from websockets.connection import State
from websockets.datastructures import Headers
from websockets.frames import OP_BINARY, OP_CLOSE, OP_CONT, OP_PING, OP_PONG, OP_TEXT
from websockets.http11 import Request
from websockets.uri import parse_uri

from foreign import check, equal, finish, until

MODE, URL, CONTROL, TOKEN = sys.argv[1:5]
PLACE = urlsplit(URL)
FINGERPRINT = "DFETTFKBQQTMBQP3TULO7O2LCBI6GUE7BM7S360KQD78JTRUR5"
INFO = {"firmware": "6.3.0+10073", "printer_type": "1.4.0", "sn": "10859-3472414637128135", "appendix": False,
        "fingerprint": FINGERPRINT, "nozzle_diameter": 0.4, "transfer_paused": False, "api_key": "abcdefgh",
        "storages": [{"mountpoint": "/usb", "type": "USB", "read_only": False, "free_space": 15518924800, "is_sfn": True}],
        "network_info": {"hostname": "prusa-mk4"},
        "tools": {"1": {"nozzle_diameter": 0.4, "high_flow": False, "hardened": False, "material": "PLA"}},
        "mmu": {"enabled": False, "version": "0.0.0"}, "slots": 1}
# As text: firmware writes temperatures with one decimal, axes with two (4.1), and Python's json would not.
FULL = ('{"temp_nozzle":25.0,"temp_bed":25.0,"target_nozzle":0.0,"target_bed":0.0,"speed":100,"flow":100,'
        '"material":"PLA","axis_x":0.00,"axis_y":0.00,"axis_z":0.00,"state":"IDLE"}')


def control(path, body=None):
    """What the server says of itself; no proxy is asked for loopback."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    data = None if body is None else json.dumps(body).encode()
    with opener.open(CONTROL + path, data, timeout=30) as answer:
        return json.loads(answer.read())


def firmware_headers(key):
    return [("Host", PLACE.hostname), ("Connection", "upgrade"), ("Fingerprint", FINGERPRINT[:16]), ("Token", TOKEN),
            ("User-Agent-Printer", "Buddy_MK4"), ("User-Agent-Version", "6.3.0+10073"), ("Upgrade", "websocket"),
            ("Sec-WebSocket-Key", key), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Protocol", "prusa-connect")]


def odd_headers(key, token=TOKEN, version="13"):
    """Lists, letters of another size, another order, a port: all the same to RFC 6455, 4.2.1."""
    return [("host", PLACE.netloc), ("sec-websocket-protocol", "other, prusa-connect"), ("sec-websocket-version", version),
            ("upgrade", "WebSocket"), ("connection", "keep-alive, Upgrade"), ("token", token),
            ("fingerprint", FINGERPRINT[:16]), ("user-agent-printer", "Buddy_MK4"), ("user-agent-version", "6.3.0+10073"),
            ("sec-websocket-key", key)]


class Printer:
    def __init__(self, headers=firmware_headers):
        self.socket = socket.create_connection((PLACE.hostname, PLACE.port), timeout=30)
        self.library = ClientConnection(parse_uri(URL.replace("http", "ws", 1) + "/p/ws"), subprotocols=["prusa-connect"])
        self.frames = []
        made = self.library.connect()
        fields = headers(made.headers["Sec-WebSocket-Key"])
        self.library.send_request(Request("/p/ws", Headers(fields)))
        self.flush()
        self.response = self.take()

    def flush(self):
        for data in self.library.data_to_send():
            if data:
                self.socket.sendall(data)

    def take(self):
        """The next event of the library: a response, then frames; None at the end of the connection."""
        while not self.frames:
            data = self.socket.recv(65536)
            if not data:
                self.library.receive_eof()
                return None
            self.library.receive_data(data)
            self.flush()
            self.frames += self.library.events_received()
        return self.frames.pop(0)

    def say(self, message, between=None):
        """One text message in frames of at most 512 bytes, as firmware's buffer makes them."""
        text = message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))
        data = text.encode()
        pieces = [data[at:at + 512] for at in range(0, len(data), 512)]
        for number, piece in enumerate(pieces):
            last = number == len(pieces) - 1
            if number == 0:
                self.library.send_text(piece, fin=last)
            else:
                self.library.send_continuation(piece, fin=last)
            if between is not None and not last:
                self.library.send_ping(between)
        self.flush()

    def event(self, name, data=None, **more):
        self.say({**({} if data is None else {"data": data}), "state": "IDLE", **more, "event": name})

    def pong(self, data):
        while True:
            frame = self.take()
            if frame is None or frame.opcode == OP_PONG:
                return equal("the server's pong", frame and bytes(frame.data), data)

    def command(self):
        """The next message of the server: its letter, its id, its payload."""
        data = b""
        while True:
            frame = self.take()
            if frame is None or frame.opcode == OP_CLOSE:
                return None
            if frame.opcode in (OP_TEXT, OP_BINARY, OP_CONT):
                data += frame.data
                if frame.fin:
                    return data[:1].decode(), int(data[1:9], 16), data[9:]
            elif frame.opcode not in (OP_PING, OP_PONG):
                check("a frame of the server", False, frame)


def speaks(headers):
    printer = Printer(headers)
    equal("the handshake", printer.response.status_code, 101)
    equal("the library is content with it", (printer.library.state, printer.library.handshake_exc), (State.OPEN, None))
    equal("the subprotocol", printer.library.subprotocol, "prusa-connect")
    equal("the first token of Connection (1.6)", printer.response.headers["Connection"].split(",")[0].strip().lower(), "upgrade")
    printer.event("INFO", INFO)
    printer.say(FULL)
    until("the server believes what it said", lambda: control("/printers/1")["state"] == "IDLE")
    return printer


def obeys(printer, between=None):
    order = control("/printers/1/commands", {"command": "SEND_INFO"})
    letter, identity, payload = printer.command()
    equal("a command", (letter, identity, json.loads(payload)["command"]), ("J", order["id"], "SEND_INFO"))
    printer.say({"data": INFO, "state": "IDLE", "command_id": identity, "event": "INFO"}, between)
    if between is not None:
        printer.pong(between)
    until("it is answered", lambda: control(f"/commands/{order['id']}")["status"] == "finished")
    order = control("/printers/1/commands", {"gcode": "G28"})
    letter, identity, payload = printer.command()
    equal("g-code", (letter, identity, payload.strip()), ("G", order["id"], b"G28"))
    printer.event("ACCEPTED", command_id=identity)
    until("it is accepted", lambda: control(f"/commands/{order['id']}")["status"] == "accepted")
    printer.event("FINISHED", {}, command_id=identity)
    until("it is finished", lambda: control(f"/commands/{order['id']}")["status"] == "finished")


def tries(printer):
    """What no firmware does."""
    printer.library.send_ping(b"")
    printer.flush()
    printer.pong(b"")
    printer.library.send_ping(b"x" * 125)
    printer.flush()
    printer.pong(b"x" * 125)
    printer.library.send_pong(b"nobody asked")  # RFC 6455, 5.5.3: no answer is expected
    printer.library.send_text(b"", fin=False)  # empty frames are frames
    printer.library.send_continuation(FULL.replace("IDLE", "READY").encode(), fin=False)
    printer.library.send_continuation(b"", fin=True)
    printer.flush()
    until("a message with empty frames", lambda: control("/printers/1")["state"] == "READY")


def refused():
    """401 or 403 for a token that is nobody's, 426 or 400 for a version that is none: in HTTP, not after a 101."""
    answer = Printer(lambda key: odd_headers(key, token="nobody")).response
    check("nobody's token", answer.status_code in (401, 403), answer)
    answer = Printer(lambda key: odd_headers(key, version="8")).response
    check("version 8", answer.status_code in (400, 426), answer)


def leaves(printer):
    """RFC 6455, 5.5.1: a close is answered with a close of the same code, then the server ends TCP."""
    printer.library.send_close(1000, "bye")
    printer.flush()
    frame = printer.take()
    while frame is not None and frame.opcode != OP_CLOSE:
        frame = printer.take()
    equal("a close is answered", frame and bytes(frame.data)[:2], (1000).to_bytes(2, "big"))
    equal("then TCP ends", printer.take(), None)


def main():
    odd = MODE == "odd"
    printer = speaks(odd_headers if odd else firmware_headers)
    obeys(printer, b"between" if odd else None)
    if odd:
        tries(printer)
        leaves(printer)
        refused()


main()
finish()
