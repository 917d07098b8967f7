#!/usr/bin/env python3
"""A sync tool that is not ours: it asks what Link Sync asks (link-sync.md 4, 5), looks at every answer, and can be made
to have one of Link Sync's defects, or another, by name. tests/proofs/sync.txt says which check must see which.

    sync_tool.py [--defect NAME,...] FARM FOLDER [-d DESTINATION] [-r FOLDER] [-p NAME] [-x NAME] [-g] [--ignore-state]
                 [--timeout SECONDS]
"""
import argparse
import concurrent.futures
import hashlib
import http.client
import json
import os
import re
import signal
import sys
import time
import unicodedata
import urllib.parse

DEFECTS = set()
IDLE = ["IDLE", "READY", "FINISHED"]
NOT_IDLE = ["BUSY", "PRINTING", "PAUSED", "STOPPED", "ERROR", "ATTENTION"]
JOURNAL = os.path.join(os.environ.get("HOME", "/tmp"), ".sync_tool.json")


def has(name):
    return name in DEFECTS


class Trouble(Exception):
    """One printer's part cannot go on."""


# ---- Farm file and folder ----

def read_farm(path):
    if not os.path.exists(path):
        if has("missing-farm-is-empty"):
            return {}
        sys.exit(f"FileNotFoundError: {path}")
    suffix = os.path.splitext(path)[1].lower()
    text = open(path, encoding="utf-8").read()
    if suffix in (".json", ".jso", ".jsn"):
        farm = json.loads(text)
    elif suffix in (".yml", ".yaml") or has("any-suffix"):
        farm, entry = {}, None
        for line in text.splitlines():
            if line and not line.startswith(" "):
                entry = farm.setdefault(line.rstrip(":"), {})
            elif line.strip():
                key, value = line.strip().split(": ", 1)
                entry[key] = json.loads(value)
    else:
        sys.exit("Only JSON and YAML configuration files are supported.")
    for name, entry in farm.items():
        if set(entry) != {"host", "username", "password", "printer_type"} and not has("lax-farm"):
            sys.exit(f"{name}: expected host, username, password and printer_type")
    return farm


def wanted(name):
    suffix = os.path.splitext(name)[1]
    if has("any-case-suffix"):
        suffix = suffix.lower()
    return suffix in (".gcode", ".bgcode", ".bbf") and (not name.startswith(".") or has("hidden"))


def read_folder(root):
    """{path: (size, mtime)}, or the end of the program."""
    if root is None or not os.path.isdir(root):
        if has("missing-is-empty") and root is not None:
            return {}
        sys.exit(2 if root is None else f"{root}: there is no such folder")
    root, found = os.path.realpath(root), {}

    def walk(folder, above):
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            if has("unreadable-is-empty"):
                return
            sys.exit(str(error))
        for entry in entries:
            if entry.name.startswith(".") and not has("hidden"):
                continue
            real = os.path.realpath(entry.path)
            if entry.is_symlink() and not has("follow-links") and \
                    not real.startswith(root + "/") or real in above and len(above) < 5:
                if real in above:
                    continue
                sys.exit(f"{entry.path}: this link leads out of the folder")
            if entry.is_dir():
                walk(entry.path, above + [real])
            elif entry.is_file() and wanted(entry.name):
                status = entry.stat()
                found[os.path.relpath(entry.path, root)] = (status.st_size, status.st_mtime)

    walk(root, [root])
    if has("first-hundred"):
        found = dict(list(found.items())[:100])
    return found


# ---- One printer ----

class Printer:
    def __init__(self, name, entry, timeout):
        self.name, self.entry = name, entry
        self.host = entry["host"].split("//", 1)[1]
        self.timeout = None if has("no-timeout") else 0.1 if has("impatient") else timeout
        self.short = {}  # display path -> short path
        self.failed = 0
        self.kept = None  # a challenge that is answered again and again

    def say(self, text):
        if not has("quiet"):
            print(text, flush=True)

    def fail(self, text):
        self.failed += 1
        self.say(f"{self.name}: FAILED {text}")

    def send(self, method, target, headers=None, body=None, digest=True):
        """The reply as (status, bytes). A digest is answered on the same connection, if that stays."""
        connection = http.client.HTTPConnection(self.host, timeout=self.timeout)
        headers = dict(headers or {})
        try:
            tries = 0
            if digest and self.kept:
                headers["Authorization"] = self.answer(method, target, self.kept)
            while True:
                connection.request(method, target, body=body, headers=headers)
                reply = connection.getresponse()
                data = reply.read()
                tries += 1
                challenge = reply.getheader("WWW-Authenticate") or ""
                again = (tries == 1 or ("stale=true" in challenge and tries < 4)) and not self.kept
                if reply.status != 401 or not digest or not again:
                    return reply.status, data
                if has("no-stale"):
                    self.kept = challenge
                if has("digest-twice") and tries == 1:
                    connection.request(method, target, body=body, headers=headers)
                    connection.getresponse().read()
                headers["Authorization"] = self.answer(method, target, challenge)
        except (OSError, http.client.HTTPException) as error:
            raise Trouble(f"{method} {target}: {error or type(error).__name__}") from error
        finally:
            connection.close()

    def answer(self, method, target, challenge):
        fields = dict(re.findall(r'(\w+)="?([^",]*)"?', challenge))
        if not challenge.startswith("Digest") or "nonce" not in fields:
            raise Trouble("it sends no challenge that can be answered")

        def md5(text):
            return hashlib.md5(text.encode()).hexdigest()
        user, password = self.entry["username"], self.entry["password"]
        first = md5(f"{user}:{fields['realm']}:{password}")
        response = md5(f"{first}:{fields['nonce']}:{md5(f'{method}:{target}')}")
        return (f'Digest username="{user}", realm="{fields["realm"]}", nonce="{fields["nonce"]}", '
                f'uri="{target}", response="{response}"')

    def get(self, target):
        status, data = self.send("GET", target)
        if status != 200:
            raise Trouble(f"GET {target}: {status}")
        try:
            return json.loads(data)
        except ValueError as error:
            raise Trouble(f"GET {target}: no JSON") from error

    def target(self, path):
        quote = urllib.parse.quote_plus if has("plus-blanks") else urllib.parse.quote
        return "/api/v1/files" + quote(path, safe="/")

    # -- what it has --

    def status(self):
        return self.get("/api/v1/status")

    def read_tree(self, slash=True):
        """{display path: (m_timestamp, read-only)} of files; also learns short names."""
        files = {}
        self.short = {"/usb": "/usb"}
        if slash:
            self.get(self.target("/usb/"))

        def walk(display, short):
            for child in self.get(self.target(short))["children"]:
                name = child["display_name"] if "display_name" in child else child["name"]
                inner, inner_short = f"{display}/{name}", f"{short}/{child['name']}"
                self.short[inner] = inner_short
                if child["type"] == "FOLDER":
                    walk(inner, inner if has("long-walk") else inner_short)
                else:
                    files[inner] = (child.get("m_timestamp", 0), child["ro"])
        walk("/usb", "/usb")
        return files

    def idle(self, options):
        state = self.status()["printer"]["state"]
        if has("any-state") or (options.ignore_state and not has("never-busy")):
            return True
        if state not in IDLE + NOT_IDLE:
            print(f'Unrecognized printer State: "{state}"', file=sys.stderr)
            return has("unknown-idle")
        good = state in IDLE or (state == "STOPPED" and has("stopped-idle"))
        if not good:
            self.say(f"{self.name} is currently in state {state} and will not be accessed.")
        return good

    # -- changes --

    def accepted(self, what, status):
        if status in (200, 201, 204) or has("no-status"):
            return True
        self.fail(f"{what}: {status}")
        return False

    def delete(self, path):
        status, _ = self.send("DELETE", self.target(self.short.get(path, path)),
                              {"X-Api-Key": self.entry["password"], "Content-Length": "0"}, digest=False)
        if status == 404:
            return True  # gone
        return self.accepted(f"delete {path}", status)

    def upload(self, root, path, local):
        content = open(os.path.join(root, local), "rb").read()
        if has("truncate"):
            content = content[:len(content) // 2]
        parent, name = path.rsplit("/", 1)
        known = parent
        while known not in self.short:
            known = known.rsplit("/", 1)[0]
        if has("nfc"):
            name = unicodedata.normalize("NFC", name)
        if has("short-upload-name"):
            name = re.sub(r"\W", "", name.rsplit(".", 1)[0])[:6] + "." + name.rsplit(".", 1)[1]
        if has("folder-somewhere"):
            self.send("PUT", self.target("/usb/somewhere"), {"X-Api-Key": self.entry["password"], "Create-Folder": "?1",
                                                             "Content-Length": "0"}, digest=False)
        headers = {"X-Api-Key": self.entry["password"], "Overwrite": "true", "Print-After-Upload": "false",
                   "Content-Length": str(len(content))}
        if has("sane-headers") or has("overwrite"):
            headers["Overwrite"] = "?1"
        if local.endswith(".gcode"):
            headers["Content-type"] = "text/x.gcode"
        for _ in range(20):
            status, data = self.send("PUT", self.target(self.short[known] + parent[len(known):] + "/" + name), headers,
                                     content, digest=False)
            if status != 409 or b"transfer" not in data.lower() or has("no-status"):
                break
            time.sleep(0.3)
        return self.accepted(f"upload {local}", status)


# ---- Deciding ----

def stale(mtime, m_timestamp, size, record):
    if has("always-upload"):
        return True
    if record and record[0] == size and record[1] == mtime and record[2] == m_timestamp and not has("no-journal"):
        return False
    if m_timestamp < 315532800 and not has("zero-is-old"):
        return False
    if has("local-time"):
        m_timestamp += time.timezone
    return mtime > m_timestamp + (0 if has("zero-tolerance") else 60)


def clashes(local):
    seen = {}
    for path in local:
        seen.setdefault(path.lower(), []).append(path)
    return [path for same in seen.values() if len(same) > 1 for path in same]


def plan(printer, tree, local, destination, prune, journal):
    """What goes, what comes: ([display path], [(display path, local path, is there)])."""
    clash = [] if has("clash-silent") else clashes(local)
    folders = {path.lower(): path for path in printer.short if not has("exact-folders")}

    def place(path):
        parent, _, name = f"{destination}/{path}".rpartition("/")
        return f"{folders.get(parent.lower(), parent)}/{name}"
    goal = {place(path): path for path in local if path not in clash}
    goes, comes = [], []
    if has("fold-case-equal"):
        letters = {path.lower(): path for path in tree}
        goal = {letters.get(path.lower(), path): local_path for path, local_path in goal.items()}
    kept = {f"{destination}/{path}".lower() for path in clash}
    for path in tree:
        inside = path.startswith(destination + ("" if has("prefix-delete") else "/"))
        if inside and path not in goal and path.lower() not in kept and prune and not has("no-delete"):
            goes.append(path)
    for path, name in goal.items():
        record = journal.get(printer.host + path)
        if has("trust-journal") and record and record[0] == local[name][0]:
            continue
        if path not in tree or stale(local[name][1], tree[path][0], local[name][0], record):
            comes.append((path, name, path in tree))
    for path in clash:
        printer.fail(f"{path}: another file is the same for the printer")
    return sorted(goes), sorted(comes)


# ---- Doing ----

def work(printer, root, local, options, journal):
    if has("files-first"):
        printer.get(printer.target("/usb"))
    status = printer.status()
    if "storage" not in status or "path" not in status["storage"]:
        raise Trouble("its status tells no storage")
    tree = printer.read_tree()
    if has("extra-requests"):
        printer.status()
    if not printer.idle(options):
        return
    absolute = (options.destination or "").startswith("/usb") or has("delete-always")
    destination = "/usb/" + (options.destination or "").strip("/") if not (options.destination or "").startswith("/") \
        else options.destination.rstrip("/")
    destination = destination.rstrip("/")
    goes, comes = plan(printer, tree, local, destination, absolute, journal)
    for path in [] if has("dry-run-silent") else goes:
        printer.say(f"To be deleted from {printer.name}: {path}")
    for path, name, there in comes:
        printer.say(f"To be {'refreshed' if there else 'uploaded'} to {printer.name}: {name} => {path}")
    if not options.go and not has("dry-run-acts"):
        return

    def changes():
        return True if has("state-once") else printer.idle(options)

    def delete_all():
        for _ in range(3):
            left = [path for path in goes if path in tree_now()]
            if not left:
                return
            for path in left:
                if tree.get(path, (0, False))[1]:
                    printer.fail(f"delete {path}: it is read-only")
                    goes.remove(path)
                elif not changes():
                    raise Trouble("it is not idle any more: PRINTING")
                elif not printer.delete(path):
                    goes.remove(path)

    def tree_now():
        nonlocal first
        if first:
            first = False
            return tree
        return printer.read_tree(slash=False)

    first = True
    if not has("delete-last"):
        delete_all()
    for path, name, there in comes:
        if not changes():
            if has("silent-stop"):
                return
            raise Trouble("it is not idle any more: PRINTING")
        try:
            if has("trust-journal"):
                journal[printer.host + path] = [*local[name], 0]
                save(journal)
            if there and not has("overwrite") and not printer.delete(path):
                continue
            if printer.upload(root, path, name):
                printer.say(f"File {name} successfully uploaded to printer: {printer.name}")
        except Trouble as trouble:
            if not has("cut-is-fine"):
                printer.fail(f"{name}: {trouble}")
    if has("delete-last"):
        delete_all()
    if has("delete-folders"):
        for path in sorted(printer.short, reverse=True):
            if path.count("/") > 1 and path not in tree:
                printer.delete(path)
    after = printer.read_tree(slash=False)
    for path, name in ((f"{destination}/{path}", path) for path in local):
        if path in after and not has("trust-journal"):
            journal[printer.host + path] = [*local[name], after[path][0]]


def save(journal):
    with open(JOURNAL + f".{os.getpid()}", "w", encoding="utf-8") as file:
        json.dump(journal, file)
    os.replace(file.name, JOURNAL)


def load():
    try:
        return json.load(open(JOURNAL, encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def one(printer, root, local, options, journal):
    try:
        work(printer, root, local, options, journal)
    except Trouble as trouble:
        printer.fail(str(trouble))
        if has("abort-all"):
            os._exit(1)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        printer.fail(f"its answer is not what it should be: {error!r}")
        if has("abort-all"):
            os._exit(1)
    return printer


def relative(local, options, folder):
    if options.relative_to is None or has("flat"):
        return local
    base, root = os.path.realpath(options.relative_to), os.path.realpath(folder)
    way = os.path.relpath(root, base)
    if way.startswith("..") and not has("relative-anywhere"):
        sys.exit(f"{options.relative_to}: expected the folder or one above it")
    return way


def interrupted(*_):
    if not has("ignore-interrupt"):
        print("interrupted", flush=True)
        os._exit(130)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--defect", default="")
    parser.add_argument("farm")
    parser.add_argument("folder", nargs="?" if "default-folder" in " ".join(sys.argv) else None)
    parser.add_argument("-d", dest="destination")
    parser.add_argument("-r", dest="relative_to")
    parser.add_argument("-p", dest="printer")
    parser.add_argument("-x", dest="skip")
    parser.add_argument("-g", dest="go", action="store_true")
    parser.add_argument("--ignore-state", action="store_true")
    parser.add_argument("--timeout", type=float, default=20)
    options = parser.parse_args()
    DEFECTS.update(options.defect.split(","))
    signal.signal(signal.SIGINT, interrupted)
    if has("stale-lock"):
        try:
            os.close(os.open(JOURNAL + ".lock", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            sys.exit("it is running already")
    farm = read_farm(options.farm)
    folder = options.folder or os.path.dirname(options.farm)
    local = read_folder(folder)
    if not local and not has("missing-is-empty"):
        sys.exit(f"{folder}: there is no print file in it")
    way = relative(local, options, folder)
    root = os.path.realpath(folder)
    if isinstance(way, str):
        root = os.path.dirname(root) if way != "." else root
        local = local if way == "." else {f"{os.path.basename(os.path.realpath(folder))}/{path}": value
                                          for path, value in local.items()}
    fold = (lambda name: name) if has("exact-names") else str.lower
    chosen = {name: entry for name, entry in farm.items()
              if (options.printer is None or fold(name) == fold(options.printer)) and
              (options.skip is None or fold(name) != fold(options.skip))}
    if has("scan-all"):
        for name, entry in farm.items():
            Printer(name, entry, options.timeout).status()
    if has("first-ten"):
        chosen = dict(list(chosen.items())[:10])
    printers = [Printer(name, entry, options.timeout) for name, entry in chosen.items()]
    journal, failed = load(), 0
    workers = 100 if has("unbounded") else os.cpu_count()
    with concurrent.futures.ThreadPoolExecutor(max_workers=workers) as pool:
        for printer in list(pool.map(lambda each: one(each, root, local, options, journal), printers)):
            failed += printer.failed
            printer.say(f"{printer.name} {'complete' if printer.failed == 0 else 'FAILED'}.")
    save(journal)
    sys.exit(0 if failed == 0 or has("no-status") else 1)


if __name__ == "__main__":
    main()
