#!/usr/bin/env bash
# What the generator costs and how late it is, with 1,000 and with 10,000 printers at one telemetry a second each, half of
# them printing, against hotbed mock connect on the same machine.
#   tests/bench/farm.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-20}
hotbed=build/release/hotbed
[ -x $hotbed ] || { echo "first: cmake --preset release && cmake --build --preset release" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp scenarios/examples/files/cube.gcode "$work"

for count in 1000 10000; do
    cat > "$work/farm.yaml" <<YAML
duration: $((30 + seconds))s
warm_up: 30s
arrival: {ramp: 20s}
telemetry: {style: full, interval: 1s}
groups:
  - {name: idle, model: mk3s, count: $((count / 2)), host: sdk, token: 'k{printer}'}
  - {name: printing, model: mk3, count: $((count / 2)), host: sdk, token: 'k{printer}', files: [cube.gcode],
     states: [{weight: 1, print: cube.gcode}]}
thresholds: [telemetry.failed == 0, telemetry.skipped == 0, telemetry.unfinished == 0]
YAML
    $hotbed mock connect --listen 127.0.0.1:0 --control 127.0.0.1:0 --adopt --bare-sdk > "$work/mock" 2>&1 &
    mock=$!
    until grep -q '^control on' "$work/mock"; do sleep 0.05; done
    $hotbed farm "$work/farm.yaml" --quiet --target connect="$(sed -n 's/^listening on //p' "$work/mock")" \
        --json "$work/result.json" > "$work/text" &
    farm=$!
    sleep $((30 + seconds - 2))
    worker=$(tr -d ' ' < /proc/$farm/task/$farm/children)
    rss_kib=$(awk '/^RssAnon/ { print $2 }' "/proc/$worker/status")
    server_kib=$(awk '/^RssAnon/ { print $2 }' "/proc/$mock/status")
    wait $farm && code=0 || code=$?
    kill $mock
    wait $mock 2>/dev/null || true
    jq -r --argjson rss "$rss_kib" --argjson server "$server_kib" --argjson code "$code" '
        ([.groups[].steps.telemetry.ok] | add) as $ok |
        "\(.printers) printers: \($ok / .measured_us * 1e6 | round) telemetry/s, " +
        "\(.cpu_us / $ok * 100 | round / 100) us CPU each, \($rss / .printers * 100 | round / 100) KiB each" +
        " (server \($server / .printers * 100 | round / 100)), lateness p99 \(.lateness.p99_us / 1000) ms," +
        " latency p50 \(.groups[0].steps.telemetry.latency.p50_us / 1000) p99" +
        " \(.groups[0].steps.telemetry.latency.p99_us / 1000) ms, exit code \($code)"' "$work/result.json"
done
