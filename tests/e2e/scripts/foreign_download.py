"""http.server as a Prusa Connect server that sends a Buddy printer encrypted files: foreign_download.py HOTBED FOLDER

The printer speaks the HTTP build's POSTs in chunks, which are taken apart here by hand; the files are encrypted by
`openssl enc` (../shared/protocols/connect-buddy.md 7.2) and compared with what is on the drive then.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from foreign import check, equal, finish, until

TOKEN = "abcdefghij1234567890"
POST_HEADERS = ["Host", "Connection", "Transfer-Encoding", "Content-Type", "Fingerprint", "Token", "User-Agent-Printer",
                "User-Agent-Version"]
FILE_HEADERS = ["Host", "Content-Encryption-Mode", "Range"]


class Connect(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def chunks(self):
        """The body, and whether each chunk is written as firmware writes it: four digits, at most 248 bytes."""
        body, firmware = b"", True
        while True:
            line = self.rfile.readline()
            size = int(line, 16)
            firmware = firmware and len(line) == 6 and size <= 248 and line == line.upper()
            body += self.rfile.read(size)
            if self.rfile.readline() != b"\r\n":
                raise ValueError("no end of line behind a chunk")
            if size == 0:
                return body, firmware

    def do_POST(self):
        body, firmware = self.chunks()
        message = json.loads(body)
        equal("the headers of a POST and their order", list(self.headers.keys()), POST_HEADERS)
        check("the chunks are those of firmware", firmware)
        self.server.messages.append((self.path, message))
        self.server.connections.add(self.client_address)
        command = None
        if self.path == "/p/telemetry":
            try:
                command = self.server.commands.get_nowait()
            except queue.Empty:
                pass
        if command is None:
            self.send_response(204)
            self.end_headers()
            return
        body = json.dumps(command[1]).encode()
        self.send_response(200)
        self.send_header("command-id", str(command[0]))
        self.send_header("content-type", "application/json; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        equal("the headers of a download and their order", list(self.headers.keys()), FILE_HEADERS)
        data = self.server.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        first, last = self.headers["Range"].removeprefix("bytes=").split("-")
        piece = data[int(first):int(last) + 1 if last else None]
        self.server.ranges.append((self.path, self.headers["Range"]))
        cut = self.server.cuts.pop() if self.server.cuts else len(piece)
        self.send_response(206)
        self.send_header("Content-Length", str(len(piece)))
        self.send_header("Content-Range", f"bytes {first}-{int(first) + len(piece) - 1}/{len(data)}")
        self.send_header("content-encryption-mode", "aes-ctr")  # neither case matters (7.3)
        self.end_headers()
        self.wfile.write(piece[:cut])
        if cut < len(piece):
            self.close_connection = True

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Connect)
        self.messages, self.ranges, self.connections, self.cuts = [], [], set(), []
        self.commands, self.files = queue.Queue(), {}

    def event(self, name, **wanted):
        """The first event of that name with these members, if it came."""
        for path, message in list(self.messages):
            if path == "/p/events" and message["event"] == name and wanted.items() <= message.items():
                return message
        return None


def encrypted(data, key, iv):
    """AES-128-CTR of openssl: the counter begins at 0, whatever the last 4 bytes of the iv are; padded to 16."""
    padded = data + bytes(-len(data) % 16)
    command = ["openssl", "enc", "-aes-128-ctr", "-nopad", "-K", key, "-iv", iv[:24] + "00000000"]
    return subprocess.run(command, input=padded, capture_output=True, check=True).stdout


def fetch(server, folder, number, name, data):
    key, iv = os.urandom(16).hex().upper(), os.urandom(16).hex()
    server.files[f"/f/{iv}/raw"] = encrypted(data, key, iv)
    kwargs = {"path": f"/usb/{name}", "key": key, "iv": iv.upper(), "orig_size": len(data), "port": server.server_port}
    server.ranges.clear()
    server.commands.put((number, {"command": "START_ENCRYPTED_DOWNLOAD", "args": [], "kwargs": kwargs}))
    until(f"{name}: taken", lambda: server.event("TRANSFER_INFO", command_id=number))
    transfer = server.event("TRANSFER_INFO", command_id=number) or {}
    until(f"{name}: finished", lambda: server.event("TRANSFER_FINISHED", transfer_id=transfer.get("transfer_id")))
    with open(os.path.join(folder, name), "rb") as file:
        check(f"{name}: the same bytes", file.read() == data)
    return [wanted for _, wanted in server.ranges]


def main():
    hotbed, folder = sys.argv[1:3]
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    command = [hotbed, "printer", "mk4", "--connect", url, "--directory", folder, "--duration", "3m"]
    with subprocess.Popen(command, env={**os.environ, "HOTBED_TOKEN": TOKEN}) as printer:
        try:
            # Not ready for files before it has looked through its drive (7.8).
            until("it is ready", lambda: any(not m.get("data", {}).get("transfer_paused", True) for _, m in server.messages))
            equal("one connection for all of it", len(server.connections), 1)
            ranges = fetch(server, folder, 9, "head-and-tail.gcode", os.urandom(1000003))
            equal("the tail first, then the head (7.5)", ranges, ["bytes=949760-", "bytes=0-949759"])
            ranges = fetch(server, folder, 10, "whole.bgcode", os.urandom(600001))
            equal("from the front", ranges, ["bytes=0-"])
            server.cuts = [100001]
            ranges = fetch(server, folder, 11, "cut.bgcode", os.urandom(300007))
            # What was written are blocks of 4096 (7.9); the rest of the last one was never on the drive.
            equal("after a cut it goes on behind its last block", ranges, ["bytes=0-", f"bytes={100001 // 4096 * 4096}-"])
            fetch(server, folder, 12, "small.gcode", b"G28\n")
        finally:
            printer.terminate()
    equal("the printer ended when told to", printer.returncode, 130)


main()
finish()
