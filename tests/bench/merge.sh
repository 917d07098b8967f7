#!/usr/bin/env bash
# What it costs to join the results of many shards: those of a farm with 40 printers and a minute of seconds, as many
# times as there are shards, each with its own number and checksum.
#   tests/bench/merge.sh [SHARDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
shards=${1:-1000}
hotbed=build/release/hotbed
[ -x $hotbed ] || { echo "first: cmake --preset release && cmake --build --preset release" >&2; exit 2; }
work=$(mktemp -d)
server=
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
$hotbed mock connect --listen 127.0.0.1:0 --control 127.0.0.1:0 --adopt >"$work/server" 2>&1 &
server=$!
until grep -q '^control on' "$work/server"; do sleep 0.05; done
cat >"$work/farm.yaml" <<'YAML'
duration: 60s
warm_up: 10s
groups:
  - {name: sdk, model: mk3s, host: sdk, count: 20, token: 't{printer}', telemetry: {interval: 1s}}
  - {name: buddy, model: mk4, count: 20, token: 'a-token-of-http-{printer}', telemetry: {interval: 1s}}
YAML
$hotbed farm "$work/farm.yaml" --target "connect=$(sed -n 's/^listening on //p' "$work/server")" --shard 0/1 \
    --result "$work/one.json" >/dev/null 2>&1 || true
python3 - "$work" "$shards" <<'PY'
import sys, zlib
work, shards = sys.argv[1], int(sys.argv[2])
text = open(f"{work}/one.json").read()
text = text[:text.rindex(',"crc32"')]
for i in range(shards):
    one = text.replace('"shards":1,"shard":0', f'"shards":{shards},"shard":{i}', 1)
    open(f"{work}/shard-{i}.json", "w").write(f'{one},"crc32":"{zlib.crc32(one.encode()):08x}"}}\n')
PY
printf '%d results of %d KB: ' "$shards" "$(($(stat -c %s "$work/shard-0.json") / 1000))"
find "$work" -name 'shard-*.json' -print0 | sort -z >"$work/list"
/usr/bin/time -f '%U s user, %S s system, %e s in all, %M KB' -o "$work/time" \
    xargs -0 -n "$shards" "$hotbed" merge <"$work/list" >"$work/merged" || true
tail -1 "$work/time"
grep -q "^farm: $((40 * shards)) of" "$work/merged"
