#!/usr/bin/env bash
# The time to bring 100 virtual MK4 into step with 20 files of 1 MB, their upload speed not limited, against curl doing
# the same uploads in 16 processes side by side (without "Expect: 100-continue", which no printer answers and for which
# curl would wait a second each). Both with digest, both to printers in four processes of ours.
#   tests/bench/sync-against-curl.sh [PRINTERS] [FILES]
set -euo pipefail
cd "$(dirname "$0")/../.."
count=${1:-100} files=${2:-20}
hotbed=${HOTBED:-build/release/hotbed}
[ -x "$hotbed" ] || { echo "first: cmake --preset release && cmake --build --preset release" >&2; exit 2; }
work=$(mktemp -d)
printers=()
stop() {
    for pid in "${printers[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    printers=()
}
trap 'stop; rm -rf "$work"' EXIT
export HOTBED_PASSWORD=Bench-secret-1 HOME=$work
mkdir "$work/prints"
for i in $(seq "$files"); do
    head -c 750000 /dev/urandom | base64 -w 60 >"$work/prints/part $i.gcode"
    truncate -s 1000000 "$work/prints/part $i.gcode"
done

# Printers on free ports of their own; their addresses go to $work/hosts.
start() {
    : >"$work/hosts"
    for part in 1 2 3 4; do
        "$hotbed" printer mk4 --prusalink 0 --count $((count / 4)) --seed $part >"$work/log$part" 2>&1 &
        printers+=($!)
    done
    for part in 1 2 3 4; do
        until [ "$(grep -c 'http://' "$work/log$part")" -ge $((count / 4)) ]; do sleep 0.1; done
        grep -o 'http://[^ ,]*' "$work/log$part" >>"$work/hosts"
    done
    sleep 4 # they boot
}

seconds() {
    local from
    from=$(date +%s%N)
    "$@" >"$work/out" 2>&1
    echo $((($(date +%s%N) - from) / 1000000))
}

upload_all() { # file by file, as a printer takes one upload at a time
    for i in $(seq "$files"); do
        while read -r host; do
            printf '%s\0%s\0' "$work/prints/part $i.gcode" "$host/api/v1/files/usb/part%20$i.gcode"
        done <"$work/hosts"
    done | xargs -0 -n 2 -P 16 sh -c \
        'curl -sf --digest -u maker:$HOTBED_PASSWORD -H "Content-Type: text/x.gcode" -H "Expect:" -T "$1" "$2" -o /dev/null || echo failed "$2"' curl
}

start
i=0
while read -r host; do
    i=$((i + 1))
    echo "P$i: {printer_type: MK4, host: '$host', username: maker}"
done <"$work/hosts" >"$work/farm.yml"
ours=$(seconds "$hotbed" sync "$work/farm.yml" "$work/prints" --execute --no-journal)
tail -n 1 "$work/out"
stop
start
theirs=$(seconds upload_all)
grep -c failed "$work/out" >&2 && exit 1
awk -v ours="$ours" -v theirs="$theirs" -v printers="$count" -v files="$files" 'BEGIN {
    printf "%d printers x %d files of 1 MB: hotbed sync %.1f s, curl in 16 processes %.1f s: %.2f of its time\n",
        printers, files, ours / 1000, theirs / 1000, ours / theirs }'
