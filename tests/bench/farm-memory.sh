#!/usr/bin/env bash
# User-space memory of one printer in a farm's worker, its plain connection, its seat in the farm and its timers included:
# the difference in anonymous memory of a worker with 5,000 printers and one with 1,000, by 4,000, all of them idle or all
# printing, one full telemetry a second each, against nginx (204 to everything).
#   tests/bench/farm-memory.sh [MODEL...]     default mk4 mk3s; all: every model
set -euo pipefail
cd "$(dirname "$0")/../.."
hotbed=${HOTBED:-build/release/hotbed}
[ -x "$hotbed" ] || { echo "first: cmake --preset release && cmake --build --preset release" >&2; exit 2; }
ulimit -n "$(ulimit -Hn)"
[ $# -gt 0 ] || set -- mk4 mk3s
# Resin printers print another kind of file.
[ "$1" != all ] || mapfile -t models < <("$hotbed" models | awk '$1 ~ /^[a-z]/ && $1 !~ /^sl1/ { print $1 }')
[ "$1" != all ] || set -- "${models[@]}"

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill $server 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
cp scenarios/examples/files/cube.gcode "$work"
. tests/bench/nginx.sh

worker_bytes() { # MODEL STATE PRINTERS
    local states= farm kib
    [ "$2" = idle ] || states=', files: [cube.gcode], states: [{weight: 1, print: cube.gcode}]'
    cat > "$work/farm.yaml" <<YAML
duration: 45s
arrival: {ramp: 10s}
telemetry: {style: full, interval: 1s}
groups: [{name: all, model: $1, count: $3, token: 'a-token-of-{printer}'$states}]
YAML
    "$hotbed" farm "$work/farm.yaml" --quiet --target "connect=http://127.0.0.1:$port" --result "$work/result.json" > "$work/report" 2>&1 &
    farm=$!
    sleep 40
    kib=$(awk '/^RssAnon/ { print $2 }' "/proc/$(tr -d ' ' < /proc/$farm/task/$farm/children)/status")
    kill -INT $farm
    wait $farm || true
    echo $((kib * 1024))
}

echo "| model | idle: bytes | printing: bytes |"
echo "|---|---|---|"
for model in "$@"; do
    line="| $model |"
    for state in idle printing; do
        few=$(worker_bytes "$model" $state 1000) many=$(worker_bytes "$model" $state 5000)
        line="$line $(((many - few) / 4000)) |"
    done
    echo "$line"
done
