#!/usr/bin/env bash
# hotbed check prusalink on printers that somebody else uses: reading harms nothing, writing leaves nothing, a print that
# is not ours goes on, and Ctrl-C cleans up.
set -u
hotbed=$1
. tests/e2e/lib.sh
work=$(mktemp -d)
printers=()
cleanup() {
    for pid in "${printers[@]}"; do
        kill "$pid" 2>/dev/null
    done
    wait 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
export HOTBED_PASSWORD=Check-secret-1 HOTBED_PRUSALINK_PASSWORD=Check-secret-1

serve() { # NAME MODEL [OPTION...]: on a directory of its own; its address goes to $url
    local name=$1 model=$2
    shift 2
    mkdir -p "$work/$name/sub"
    cp scenarios/examples/files/pauses.gcode "$work/$name/"
    cp scenarios/examples/files/resin.sl1 "$work/$name/sub/"
    "$hotbed" printer "$model" --prusalink 0 --directory "$work/$name" "$@" >"$work/$name.log" 2>&1 &
    printers+=($!)
    for _ in $(seq 100); do
        url=$(grep -o 'http://[^ ,]*' "$work/$name.log" | head -n 1)
        [ -n "$url" ] && return
        sleep 0.1
    done
    fail "printer $name did not start: $(cat "$work/$name.log")"
}

tree() { # NAME
    (cd "$work/$1" && find . -printf '%p %y %s\n' | sort && find . -type f -exec sha256sum {} + | sort)
}

judge() { # NAME CODE URL OPTION...: what it saw goes to $work/NAME.out
    local name=$1 code=$2 status
    shift 2
    timeout 300 "$hotbed" check prusalink "$@" >"$work/$name.out" 2>&1
    status=$?
    [ $status -eq "$code" ] && echo ok >"$work/$name.code" || echo "$status" >"$work/$name.code"
}

ended() { # NAME WHAT
    check "$2: it ends as it must" test "$(cat "$work/$1.code")" = ok
    [ "$(cat "$work/$1.code")" = ok ] || grep -A 6 '^fail' "$work/$1.out"
    tree "$1" >"$work/$1.after"
    check "$2: the drive is as it was" cmp "$work/$1.before" "$work/$1.after"
}

serve busy mk4 --print /usb/pauses.gcode
busy=$url
serve pi mk3s
pi=$url
serve resin sl1
resin=$url
serve drive mk4
drive=$url
sleep 13 # the MK3S's program looks for its printer first
for name in busy pi resin drive; do
    tree $name >"$work/$name.before"
done
job() { curl -s --max-time 10 --digest -u "maker:$HOTBED_PASSWORD" "$busy/api/v1/job" | jq -r '"\(.id) \(.file.display_name)"'; }
before=$(job)
check "somebody prints" test "$before" = '1 pauses.gcode'

judge busy 0 "$busy" &
judge pi 0 "$pi" &
judge resin 0 "$resin" &
judge drive 0 "$drive" --allow-write --only PL-FILE-06,PL-FILE-07,PL-FILE-22,PL-UPL-01,PL-UPL-13 &
jobs=($(jobs -p))
wait "${jobs[@]: -4}"
ended busy "reading while somebody prints"
ended pi "reading a Raspberry Pi"
ended resin "reading a resin printer"
ended drive "writing"
check "who printed still does" test "$(job)" = "$before"
check "nothing of it was said to be ours" grep -q 'not allowed\|--allow' "$work/busy.out"
check "writing was judged" grep -q '^pass  PL-FILE-07' "$work/drive.out"

# ---- What is allowed stops before what somebody else prints ----
judge busy 0 "$busy" --allow-write --allow-print --only PL-JOB-05,PL-JOB-07,PL-UPL-05
ended busy "printing where somebody prints"
check "it says so" grep -q 'pauses.gcode, which is not ours' "$work/busy.out"
check "and that goes on" test "$(job)" = "$before"

# ---- Ctrl-C in the middle ----
timeout -s INT 4 "$hotbed" check prusalink "$drive" --allow-write --allow-print >"$work/interrupted" 2>&1
check "an interruption is told" grep -q '^interrupted' "$work/interrupted"
echo ok >"$work/drive.code"
ended drive "an interruption"
check "no secret is told" test -z "$(grep -lF "$HOTBED_PASSWORD" "$work"/*.out "$work/interrupted")"
finish
