#!/usr/bin/env bash
# CPU per telemetry of `hotbed farm` and of wrk with the very bytes of one such telemetry, in turn, against the same nginx
# (one worker, 204 to everything) on loopback. wrk asks as fast as it is answered; the farm keeps its pace, so give it one
# that it just holds: RATE is the telemetry a second of all printers together. At a slower one both it and nginx sleep and
# wake each other for each message, which wrk never does.
#   tests/bench/farm-against-wrk.sh [CONNECTIONS [SECONDS [ROUNDS [MODEL [STATE [RATE]]]]]]     STATE: idle, printing
set -euo pipefail
cd "$(dirname "$0")/../.."
connections=${1:-1000} seconds=${2:-8} rounds=${3:-3} model=${4:-mk3s} state=${5:-idle} rate=${6:-60000}
hotbed=${HOTBED:-build/release/hotbed}
[ -x "$hotbed" ] || { echo "first: cmake --preset release && cmake --build --preset release" >&2; exit 2; }
ulimit -n "$(ulimit -Hn)"

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill $server 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
cp scenarios/examples/files/cube.gcode "$work"

states=
[ "$state" = idle ] || states=', files: [cube.gcode], states: [{weight: 1, print: cube.gcode}]'
plan() { # PRINTERS INTERVAL_US RAMP WARM_UP SECONDS
    cat <<YAML
duration: $(($4 + $5))s
warm_up: ${4}s
arrival: {ramp: ${3}s}
telemetry: {style: full, interval: ${2}us}
groups: [{name: all, model: $model, count: $1, token: 'a-token-of-{printer}'$states}]
YAML
}

# One printer talks to a server that keeps its 50th telemetry.
cat > "$work/keep.py" <<'PYTHON'
import re, socket, sys
server = socket.create_server(("127.0.0.1", 0))
server.settimeout(60)
print(server.getsockname()[1], flush=True)
connection, _ = server.accept()
connection.settimeout(60)
waiting, telemetry = b"", 0
while telemetry < 50:
    piece = connection.recv(65536)
    if not piece:
        sys.exit("the printer has gone")
    waiting += piece
    while (head := waiting.find(b"\r\n\r\n") + 4) > 3:
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", waiting[:head])
        last = re.compile(rb"\r\n0+\r\n\r\n").search(waiting, head)
        if length is None and last is None or length and len(waiting) < head + int(length[1]):
            break
        end = head + int(length[1]) if length else last.end()
        request, waiting = waiting[:end], waiting[end:]
        telemetry += b" /p/telemetry " in request
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
open(sys.argv[1], "wb").write(request)
PYTHON
python3 "$work/keep.py" "$work/telemetry" > "$work/port" &
keeper=$!
until [ -s "$work/port" ]; do sleep 0.05; done
plan 1 100000 1 1 40 > "$work/one.yaml"
timeout 60 "$hotbed" farm "$work/one.yaml" --quiet --target "connect=http://127.0.0.1:$(cat "$work/port")" > "$work/one" 2>&1 &
one=$!
wait $keeper || { cat "$work/one"; exit 1; }
kill $one
wait $one || true

. tests/bench/nginx.sh

# Made once: no Lua runs for a request.
cat > "$work/telemetry.lua" <<LUA
local file = io.open("$work/telemetry", "rb")
local request, init = file:read("*a"), wrk.init
file:close()
function wrk.init(arguments)
    init(arguments)
    wrk.request = function() return request end
end
LUA

ramp=$((connections / 2000 + 3)) warm_up=$((connections / 2000 + 20))
plan "$connections" $((connections * 1000000 / rate)) "$ramp" "$warm_up" "$seconds" > "$work/farm.yaml"
echo "$connections $model, $state, $(wc -c < "$work/telemetry") bytes a telemetry"
for round in $(seq "$rounds"); do
    "$hotbed" farm "$work/farm.yaml" --quiet --target "connect=http://127.0.0.1:$port" --json "$work/farm.json" > "$work/report" 2>&1 || true
    TIMEFORMAT='%U %S'
    { time wrk -t1 -c"$connections" -d"${seconds}s" --timeout 30s -s "$work/telemetry.lua" "http://127.0.0.1:$port" > "$work/wrk.txt"; } 2> "$work/time.txt"
    theirs=$(awk 'NR == FNR { cpu = $1 + $2; next } / requests in / { printf "%d %.2f", $1, cpu / $1 * 1e6 }' "$work/time.txt" "$work/wrk.txt")
    jq -r --arg round "$round" --arg wrk "$theirs" --argjson seconds "$seconds" '
        ($wrk | split(" ") | map(tonumber)) as $wrk |
        .groups[0].steps.telemetry as $telemetry | (.cpu_us / $telemetry.ok) as $us |
        def round2: . * 100 | round / 100;
        "round \($round): hotbed \($us | round2) us, wrk \($wrk[1]) us CPU each, ratio \($us / $wrk[1] | round2)   " +
        "(\($telemetry.ok / .measured_us * 1e6 | round)/s of \($telemetry.planned / .measured_us * 1e6 | round) planned, \($telemetry.skipped) skipped, " +
        "lateness p99 \(.lateness.p99_us / 1000 | round2) ms; wrk \($wrk[0] / $seconds | round)/s)"' "$work/farm.json"
done
