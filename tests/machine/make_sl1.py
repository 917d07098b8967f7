#!/usr/bin/env python3
"""Makes scenarios/examples/files/resin.sl1 and resin-sl1s.sl1: make_sl1.py FILE [SL1S]. A disc of 40 layers for the SL1
or SL1S, 12 of them large enough to be peeled slowly, as a slicer writes it: config.json, config.ini, pictures of the
panel's size, one preview."""
import json, struct, sys, zipfile, zlib

MODEL = sys.argv[2] if len(sys.argv) > 2 else "SL1"
WIDTH, HEIGHT, LAYERS = {"SL1": 1440, "SL1S": 1620}[MODEL], 2560, 40


def png(width, height, row):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    data = b"".join(b"\0" + row(y) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def block(wide, high):
    blank, lit = bytes(WIDTH), bytes((WIDTH - wide) // 2) + b"\xff" * wide + bytes((WIDTH - wide) // 2)
    return lambda y: lit if abs(y - HEIGHT // 2) < high // 2 else blank


settings = {
    "action": "print", "jobDir": "resin", "expTime": 6.5, "expTimeFirst": 35.0, "expUserProfile": 0,
    "fileCreationTimestamp": "2026-01-01 at 12:00:00 UTC", "hollow": 0, "layerHeight": 0.05,
    "materialName": "Tough @0.05", "numFade": 10, "numFast": LAYERS, "numSlow": 0, "printProfile": "0.05 Normal",
    "printTime": 640.0, "printerModel": MODEL, "printerProfile": f"Original Prusa {MODEL}", "printerVariant": "default",
    "prusaSlicerVersion": "hotbed make_sl1.py", "usedMaterial": 3.2114,
}
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
    def add(name, data):
        out.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 12, 0, 0)), data, zipfile.ZIP_DEFLATED, 9)
    add("config.ini", "".join(f"{key} = {value}\n" for key, value in sorted(settings.items())))
    add("config.json", json.dumps(dict(settings, version=1, total_layers=LAYERS, total_height=LAYERS * 0.05)))
    small, large = png(WIDTH, HEIGHT, block(600, 600)), png(WIDTH, HEIGHT, block(1200, 1300))
    for layer in range(LAYERS):
        add(f"resin{layer:05}.png", large if layer >= 28 else small)
    add("thumbnail/thumbnail400x400.png", png(400, 400, lambda y: (b"\xff" if 100 <= y < 300 else b"\x40") * 400))
