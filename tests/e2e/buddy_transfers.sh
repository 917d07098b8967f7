#!/bin/bash
# Downloads of a Buddy printer through the real binary, over TCP: encrypted, over a WebSocket, cut, and after a power cut
# (a printer that is killed). What arrived is compared with what was served, byte for byte.
hotbed=$1
source "$(dirname "$0")/lib.sh"
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT

head -c 2300000 /dev/urandom | base64 >"$work/model.gcode"
head -c 700001 /dev/urandom >"$work/model.bgcode"

"$hotbed" mock connect --listen 127.0.0.1:0 --control 127.0.0.1:0 --token mk4 --token ws --serve "$work/model.gcode" \
    --serve "$work/model.bgcode" >"$work/mock" 2>&1 &
mock=$!
for _ in $(seq 200); do
    grep -q '^control on' "$work/mock" && break
    sleep 0.05
done
url=$(sed -n 's/^listening on //p' "$work/mock")
control=$(sed -n 's/^control on //p' "$work/mock")
[ -n "$control" ] || { cat "$work/mock"; fail "the mock did not start"; finish; }

# printer TOKEN OPTION...: one with a drive of its own in the folder of its token
printer() {
    local token=$1
    shift
    mkdir -p "$work/$token"
    "$hotbed" printer mk4 --connect "$url" --token "$token" --directory "$work/$token" --duration 2m "$@" \
        >"$work/$token.printer" 2>&1 &
    printer=$!
}

get() {
    curl -s "$control/$1"
}

# hash NAME: of a file that is served
hash() {
    get files | tr -d '\t' | grep -B3 "\"name\":\"$1\"" | sed -n 's/.*"hash":"\([^"]*\)".*/\1/p'
}

# fetch NUMBER NAME HOW PATH: the printer of that number is told to
fetch() {
    curl -s "$control/printers/$1/downloads" -d "{\"hash\": \"$(hash "$2")\", \"path\": \"$4\", \"how\": \"$3\"}" >"$work/command"
}

# until TEXT COMMAND...: within 30 s
until_true() {
    local text=$1
    shift
    for _ in $(seq 300); do
        "$@" >/dev/null 2>&1 && { pass "$text"; return; }
        sleep 0.1
    done
    fail "$text"
    tail -5 "$work"/*.printer
}

idle() { # NUMBER: it has looked through its drive
    get "printers/$1" | tr -d ' \t' | grep -q '"transfer_paused":false'
}

# ---- encrypted ----
printer mk4
until_true "the printer is ready" idle 1
fetch 1 model.gcode encrypted /usb/model.gcode
until_true "an encrypted file arrives as it was sent" cmp "$work/model.gcode" "$work/mk4/model.gcode"
check "all of it went out, in two ranges" grep -q '"requests": *2' <(get files | tr -d '\t')
check "the server knows that it was whole" grep -q '"whole": *true' <(get files | tr -d '\t')
check "nothing else is left on the drive" test "$(ls -A "$work/mk4")" = model.gcode

# ---- cut, then after a power cut ----
curl -s -X PUT "$control/files/$(hash model.bgcode)/manner" -d '{"cut": 200000, "times": 2}' >/dev/null
fetch 1 model.bgcode encrypted /usb/cut.bgcode
until_true "a file that is cut twice arrives" cmp "$work/model.bgcode" "$work/mk4/cut.bgcode"
curl -s -X PUT "$control/files/$(hash model.bgcode)/manner" -d '{"bytes_per_second": 200000}' >/dev/null
fetch 1 model.bgcode encrypted /usb/power.bgcode
until_true "it begins to arrive" test -s "$work/mk4/power.bgcode/d"
sleep 1.5
kill -KILL "$printer"
wait "$printer" 2>/dev/null
check "the drive holds a part of it" test -f "$work/mk4/power.bgcode/p"
curl -s -X PUT "$control/files/$(hash model.bgcode)/manner" -d '{}' >/dev/null
printer mk4
until_true "it goes on after the power cut" cmp "$work/model.bgcode" "$work/mk4/power.bgcode"

# ---- over a WebSocket ----
printer ws --websocket
until_true "the printer with a WebSocket is ready" idle 2
fetch 2 model.gcode inline /usb/inline.gcode
until_true "an inline file arrives as it was sent" cmp "$work/model.gcode" "$work/ws/inline.gcode"

# ---- the endpoint ----
check "a file can be handed in" grep -q '"size":5' <(printf 'G28\nX' | curl -s "$control/files?name=home.gcode" --data-binary @- | tr -d '\t')
check "a manner that is none is refused" grep -q 'no such member' <(curl -s -X PUT "$control/files/$(hash home.gcode)/manner" -d '{"cute": 1}')
check "a file that is none is refused" grep -q 'no file' <(curl -s "$control/printers/1/downloads" -d '{"hash": "x", "path": "/usb/x.gcode"}')
says 2 "--serve: /nonexistent" mock connect --listen 127.0.0.1:0 --control 127.0.0.1:0 --serve /nonexistent
kill -TERM "$mock"
wait "$mock"
check "both printers kept the contract" test $? -eq 0
finish
