"""python3-websockets as a Prusa Connect server for one Buddy printer: foreign_websocket.py HOTBED FOLDER [CERT KEY]

The handshake, the frames and their masks are held against RFC 6455 by the library, whose Sans-I/O side hands out frames
one by one; what of them Buddy firmware may use is ../shared/protocols/connect-buddy.md 1.6. With CERT and KEY by TLS.
"""

import json
import os
import socket
import ssl
import subprocess
import sys

from websockets.exceptions import ProtocolError
from websockets.frames import OP_CONT, OP_PING, OP_PONG, OP_TEXT
from websockets.server import ServerConnection

from foreign import check, equal, finish

TOKEN = "abcdefghij1234567890"
HEADERS = ["Host", "Connection", "Fingerprint", "Token", "User-Agent-Printer", "User-Agent-Version", "Upgrade",
           "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol"]
SEGMENT = 262144


class Link:
    """One connection of the printer, from its handshake on."""

    def __init__(self, listener):
        self.socket = listener.accept()[0]
        self.socket.settimeout(30)
        self.library = ServerConnection(subprotocols=["prusa-connect"], max_size=None)
        self.frames = []
        self.pongs = []
        request = self.frame()
        equal("the target", request.path, "/p/ws")
        equal("the headers and their order", [name for name, _ in request.headers.raw_items()], HEADERS)
        equal("the token", request.headers["Token"], TOKEN)
        response = self.library.accept(request)
        equal("the library takes the handshake", response.status_code, 101)
        equal("and the subprotocol", response.headers.get("Sec-WebSocket-Protocol"), "prusa-connect")
        self.library.send_response(response)
        self.flush()

    def flush(self):
        for data in self.library.data_to_send():
            if data:
                self.socket.sendall(data)

    def frame(self):
        """The next frame (first of all: the request); None when the printer has closed TCP."""
        while not self.frames:
            data = self.socket.recv(65536)
            if not data:
                return None
            self.library.receive_data(data)
            self.flush()
            if getattr(self.library, "parser_exc", None):
                raise self.library.parser_exc
            self.frames += self.library.events_received()
        return self.frames.pop(0)

    def message(self):
        """The next text message: its JSON and how many frames it came in."""
        data, count = b"", 0
        while True:
            frame = self.frame()
            if frame is None:
                return None, 0
            if frame.opcode == OP_PONG:
                self.pongs.append(bytes(frame.data))
                continue
            if frame.opcode == OP_PING:
                equal("a ping of the printer is empty", bytes(frame.data), b"")
                continue
            equal("its opcode", frame.opcode, OP_CONT if count else OP_TEXT)
            check("at most 512 bytes in a frame", len(frame.data) <= 512, len(frame.data))
            data += frame.data
            count += 1
            if frame.fin:
                return json.loads(data), count

    def answer(self, identity, event):
        """The event that answers a command, whatever comes before it."""
        while True:
            message, _ = self.message()
            if message is None:
                check(f"{event} of {identity}", False, "the printer has left")
                return {}
            if message.get("command_id") == identity and "event" in message:
                equal(f"the answer to {identity}", message["event"], event)
                return message

    def send(self, *pieces, between=None):
        """One message in as many frames as there are pieces, a ping in the middle of it."""
        for number, piece in enumerate(pieces):
            last = number == len(pieces) - 1
            if number == 0:
                self.library.send_text(piece, fin=last)
            else:
                self.library.send_continuation(piece, fin=last)
            self.flush()
            if between is not None and not last:
                self.library.send_ping(between)
                self.flush()


def begins(link):
    message, count = link.message()
    equal("INFO comes first (BUD-PLN-01)", (message["event"], "command_id" in message), ("INFO", False))
    check("in several frames (BUD-WS-04)", count >= 2, count)
    seen = []
    while True:
        message, _ = link.message()
        if "event" not in message:
            break
        seen.append(message["event"])
    check("then a full telemetry", "temp_nozzle" in message and message["state"] == "IDLE", (seen, message))


def commands(link):
    link.send(b'J0000000b{"command":"SEND_INFO"}')
    link.answer(11, "INFO")
    link.send(b"J000", b"0000C{\"comm", b'and":"SEND_STATE_INFO"}', between=b"between")
    link.answer(12, "STATE_CHANGED")
    equal("a pong for each ping, also between fragments (BUD-WS-06)", link.pongs, [b"between"] * 2)
    link.send(b"G0000000dM104 S0\n")
    link.answer(13, "ACCEPTED")
    link.answer(13, "FINISHED")
    link.send(b"short")
    equal("too short", link.answer(0, "REJECTED").get("reason"), "Message too short to contain header")
    link.send(b"Z0000000e")
    equal("no such type", link.answer(14, "REJECTED").get("reason"), "Unrecognized type of message")
    link.send(b'J0000000f{"command":"SEND_INFO","x":"' + b"y" * 600 + b'"}')
    equal("too long", link.answer(15, "REJECTED").get("reason"), "Oversized command")
    link.send(b'J00000010{"command":"SEND_TRANSFER_INFO"}')
    link.answer(16, "TRANSFER_INFO")


def download(link, folder):
    """A file through the socket, its pieces in messages of one or of several frames (connect-buddy.md 7.4)."""
    data = os.urandom(SEGMENT + 70001)
    order = {"command": "START_INLINE_DOWNLOAD",
             "kwargs": {"path": "/usb/inline.bgcode", "team_id": 42, "hash": "hash-of-a-file", "orig_size": len(data)}}
    link.send(b"J00000011" + json.dumps(order).encode())
    sent, asked, ended, told = 0, [], False, False
    while not ended:
        message, _ = link.message()
        if message is None:
            break
        told = told or message.get("command_id") == 17 and message.get("event") == "TRANSFER_INFO"
        if message.get("transfer") == "inline":
            asked.append((message["start"], message["end"], message.get("hash"), message.get("team_id")))
            sent += serve(link, message, data)
        ended = message.get("event", "").startswith("TRANSFER_") and message["event"] != "TRANSFER_INFO" and message
    check("the command was answered with TRANSFER_INFO", told)
    equal("the requests", asked, [(0, SEGMENT - 1, "hash-of-a-file", 42), (SEGMENT, len(data) - 1, None, None)])
    equal("all of it went", sent, len(data))
    equal("the end of the transfer", ended and ended["event"], "TRANSFER_FINISHED")
    with open(os.path.join(folder, "inline.bgcode"), "rb") as file:
        check("the same bytes", file.read() == data)


def serve(link, request, data):
    """Pieces of sizes that fit no buffer, every third message in two frames."""
    head = b"T%08x" % request["file_id"]
    start, number = request["start"], 0
    while start <= request["end"]:
        piece = data[start:min(start + 5003, request["end"] + 1)]
        if number % 3 == 2:
            link.send(head + piece[:1000], piece[1000:] or b"")
        else:
            link.library.send_binary(head + piece)
            link.flush()
        start += len(piece)
        number += 1
    return request["end"] + 1 - request["start"]


def closes(listener, link):
    link.library.send_close(1000)
    link.flush()
    while link.frame() is not None:
        pass
    check("a close ends TCP", True)
    again = Link(listener)
    message, _ = again.message()
    check("and it is back with a full telemetry, no INFO (BUD-WS-08)", "event" not in message and "temp_nozzle" in message, message)
    again.send(b'J00000020{"command":"SEND_INFO"}')
    again.answer(32, "INFO")


def main():
    hotbed, folder = sys.argv[1:3]
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(30)
    scheme, options = "http", []
    if len(sys.argv) > 4:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[3], sys.argv[4])
        listener = context.wrap_socket(listener, server_side=True)
        scheme, options = "https", ["--ca", sys.argv[3]]
    url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    command = [hotbed, "printer", "mk4", "--websocket", "--connect", url, "--directory", folder, "--duration", "2m"]
    with subprocess.Popen(command + options, env={**os.environ, "HOTBED_TOKEN": TOKEN}) as printer:
        try:
            link = Link(listener)
            begins(link)
            commands(link)
            download(link, folder)
            closes(listener, link)
        except (ProtocolError, OSError) as error:
            check("the protocol", False, error)
        finally:
            printer.terminate()
    equal("the printer ended when told to", printer.returncode, 130)


main()
finish()
