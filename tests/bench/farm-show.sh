#!/usr/bin/env bash
# The whole of it: 10,000 printers at one telemetry a second each against hotbed mock connect, which keeps its view of all
# of them: a half MK4 (a fifth of these over WebSockets), a half MK3S, half of each printing, every printer told to
# SEND_INFO each 30 s. Then what a farm must survive: the server is killed and started again; a worker is killed.
#   tests/bench/farm-show.sh [SECONDS [PRINTERS [PART...]]]     PART: load, restart, killed; default all
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-300} printers=${2:-10000}
shift $(($# < 2 ? $# : 2))
parts=${*:-load restart killed}
hotbed=${HOTBED:-build/release/hotbed}
[ -x $hotbed ] || { echo "first: cmake --preset release && cmake --build --preset release" >&2; exit 2; }
ulimit -n "$(ulimit -Hn)"
work=$(mktemp -d)
mock=
trap '[ -z "$mock" ] || kill "$mock" 2>/dev/null || true; wait 2>/dev/null; rm -rf "$work"' EXIT
cp scenarios/examples/files/cube.gcode "$work"

warm_up=60 # a ramp of 40 s, then the printers' INFO and file lists
plan() { # PRINTERS SECONDS
    local half='{weight: 1}, {weight: 1, print: cube.gcode}' fifth=$(($1 / 10))
    cat > "$work/farm.yaml" <<YAML
duration: $((warm_up + $2))s
warm_up: ${warm_up}s
arrival: {ramp: 40s}
telemetry: {interval: 1s}
groups:
  - {name: mk4, model: mk4, count: $(($1 / 2 - fifth)), token: 'a-token-of-http-{printer}', files: [cube.gcode], states: [$half]}
  - {name: websocket, model: mk4, count: $fifth, websocket: true, token: 'a-token-of-sock-{printer}', files: [cube.gcode], states: [$half]}
  - {name: mk3s, model: mk3s, count: $(($1 - $1 / 2)), telemetry: {style: full, interval: 1s}, token: 'k{printer}', files: [cube.gcode], states: [$half]}
commands: [{command: SEND_INFO, every: 30s}]
thresholds: [telemetry.failed == 0, telemetry.skipped == 0, telemetry.unfinished == 0, command.failed == 0]
YAML
}

serve() { # sets $mock; the second time at the address of the first
    : > "$work/mock"
    $hotbed mock connect --listen "${at:-127.0.0.1:0}" --control "${control:-127.0.0.1:0}" --adopt > "$work/mock" 2>&1 &
    mock=$!
    until grep -q '^control on' "$work/mock"; do
        kill -0 $mock || { cat "$work/mock"; exit 1; }
        sleep 0.05
    done
    url=$(sed -n 's/^listening on //p' "$work/mock")
    control=$(sed -n 's/^control on //p' "$work/mock")
    at=${url#http://} control=${control#http://}
}

stop() {
    kill -9 "$mock"
    wait "$mock" 2>/dev/null || true
    mock=
}

begin() { # ARGUMENT...
    $hotbed farm "$work/farm.yaml" --quiet --target "connect=$url" --control "http://$control" --json "$work/result.json" \
        "$@" > "$work/report" 2>&1 &
    farm=$!
}

processor_s() { # PID
    awk -v hertz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / hertz }' "/proc/$1/stat"
}

anonymous_kib() { # PID...
    local pid
    for pid in "$@"; do awk '/^RssAnon/ { print $2 }' "/proc/$pid/status"; done | awk '{ sum += $1 } END { print sum }'
}

children() { # PID
    cat "/proc/$1/task/$1/children"
}

load() {
    plan "$printers" "$seconds"
    serve
    begin
    sleep $((warm_up + 1))
    local before rss_kib server_kib server_s
    before=$(processor_s "$mock")
    sleep $((seconds - 3))
    # shellcheck disable=SC2046
    rss_kib=$(anonymous_kib $(children $farm)) server_kib=$(anonymous_kib "$mock")
    server_s=$(awk -v a="$before" -v b="$(processor_s "$mock")" 'BEGIN { print b - a }')
    wait $farm && code=0 || code=$?
    stop
    jq -r --argjson rss "$rss_kib" --argjson server "$server_kib" --argjson server_s "$server_s" \
        --argjson seconds "$((seconds - 3))" --argjson code "$code" '
        def round2: . * 100 | round / 100;
        def ms: . / 10 | round / 100;
        ([.groups[].steps.telemetry.ok] | add) as $ok |
        "\(.printers) printers, \($seconds + 3) s: \($ok / .measured_us * 1e6 | round) telemetry/s, exit code \($code)",
        "  farm: \(.cpu_us / .measured_us * 100 | round) % of a core, \(.cpu_us / $ok | round2) us a telemetry, \($rss / .printers | round2) KiB a printer; " +
        "lateness p99 \(.lateness.p99_us | ms) ms",
        "  server: \($server_s / $seconds * 100 | round) % of a core, \($server / .printers | round2) KiB a printer",
        (.groups[] | .name as $name | .steps | to_entries[] | select(.value.planned > 0) |
            "  \($name) \(.key): \(.value.ok) good, \(.value.failed | add // 0) failed, \(.value.skipped) skipped, \(.value.unfinished) unfinished; " +
            "p50 \(.value.latency.p50_us // 0 | ms) p99 \(.value.latency.p99_us // 0 | ms) ms")' "$work/result.json"
}

restart() {
    plan "$printers" 120
    serve
    begin
    sleep $((warm_up + 30))
    stop
    sleep 5
    serve
    curl -sf -X PUT "http://$control/exercise" -d '[{"command": "SEND_INFO", "every": "30s"}]' > /dev/null
    wait $farm && code=0 || code=$?
    jq -r --argjson code "$code" --argjson gap "$((warm_up + 30))" '
        "killed after \($gap) s and started again after 5 s: \(.printers) printers, exit code \($code)",
        "  connected, second by second: \([.seconds[$gap - 2:$gap + 40][][1]] | map(tostring) | join(" "))",
        "  at the end \(.seconds[-15:][0][1]); \(.reconnects) connections beyond the first of their printers",
        "  failed: \([.groups[].steps | to_entries[] | .key as $step | .value.failed | to_entries[] | {key: "\($step) \(.key)", value}] |
            group_by(.key) | map("\(.[0].key) \(map(.value) | add)") | join(", "))",
        "  every telemetry accounted for: \([.groups[].steps.telemetry | .planned == .ok + .skipped + .unfinished + (.failed | add // 0)] | all)"' "$work/result.json"
    curl -s "http://$control/printers" | jq -r '"  the server knows \(length) printers, of \([.[].fingerprint] | unique | length) fingerprints"'
    stop
}

killed() {
    plan $((printers / 10)) 20
    serve
    begin --workers 2
    sleep $((warm_up + 5))
    local workers
    workers=$(children $farm)
    kill -9 "${workers%% *}"
    wait $farm && code=0 || code=$?
    stop
    echo "a worker of two killed: exit code $code, and the report says: $(grep -m1 INCOMPLETE "$work/report")"
}

for part in $parts; do
    $part
    at='' control=''
done
