#!/usr/bin/env bash
# Uploads that do not go well, at the firmware's servers and an SL1's: no room, cut, of a wrong length, of a type that is
# refused, two of one name at once. The status is the documented one, what is told of the room is right before and after,
# and the drive holds what it held.
set -u
hotbed=$1
. "$(dirname "$0")/lib.sh"
work=$(mktemp -d)
touch "$work/body"
printers=()

end() {
    for pid in "${printers[@]}"; do
        kill -TERM "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$work"
}
trap end EXIT

start() { # MODEL OPTION...: its address goes to $base, $host and $port
    "$hotbed" printer "$@" --prusalink 0 >"$work/log" 2>"$work/err" &
    printers+=($!)
    for _ in $(seq 200); do
        grep -q 'PrusaLink at' "$work/log" && break
        sleep 0.05
    done
    base=$(sed -n 's/.*PrusaLink at \([^,]*\),.*/\1/p' "$work/log")
    [ -n "$base" ] || { fail "$* does not serve"; cat "$work/err"; finish; }
    host=${base#http://} port=${base##*:}
    host=${host%:*}
}

ask() { # METHOD PATH CURL-OPTION...: the status goes to $status, the body to $work/body
    local method=$1 path=$2
    shift 2
    status=$(curl -sS --max-time 60 --digest -u "maker:$HOTBED_PASSWORD" -X "$method" -o "$work/body" \
        -w '%{http_code}' "$@" "$base$path" 2>"$work/curl")
}

must() { # STATUS METHOD PATH CURL-OPTION...
    local wanted=$1
    shift
    ask "$@"
    if [ "$status" = "$wanted" ]; then pass "$*"; else fail "$*: $status, expected $wanted: $(head -c 200 "$work/body")"; fi
}

has() { # TEXT: in the last body
    if grep -qaF -- "$1" "$work/body"; then pass "$1"; else fail "no $1 in $(head -c 300 "$work/body" | tr -d '\0')"; fi
}

# raw HEAD [BYTES]: a request by hand, so much of a body, and the first line that comes back within 5 s
raw() {
    exec 9<>"/dev/tcp/$host/$port"
    printf '%b' "$1" >&9
    [ $# -gt 1 ] && head -c "$2" /dev/zero | tr '\0' ';' >&9
    timeout 5 head -n 1 <&9 | tr -d '\r' >"$work/line"
    exec 9>&-
}

given_up() { # PATH: of what tells of a transfer
    for _ in $(seq 50); do
        ask GET "$1"
        [ "$status" = 204 ] && break
        sleep 0.2
    done
    check "a cut upload is given up" [ "$status" = 204 ]
}

line() { # TEXT: what a request by hand was answered with
    if grep -qF -- "$1" "$work/line"; then pass "$1"; else fail "$(cat "$work/line"), expected $1"; fi
}

head -c 200000 /dev/zero | tr '\0' ';' >"$work/200.gcode"
head -c 100000 /dev/zero | tr '\0' ':' >"$work/100.gcode"
head -c 350000 /dev/zero | tr '\0' ';' >"$work/350.gcode"
head -c 16 /dev/zero >"$work/notes.txt"
export HOTBED_PASSWORD=Sup3rSecret # which is a firmware's key as well

# ---- the firmware's own server ----

# All that is on the drive, "NAME SIZE", by long names.
drive() {
    for name in $(curl -s -H "X-Api-Key: $HOTBED_PASSWORD" "$base/api/v1/files/usb" |
        grep -o '"display_name":"[^"]*"' | cut -d'"' -f4); do
        printf '%s %s, ' "$name" "$(curl -s -H "X-Api-Key: $HOTBED_PASSWORD" "$base/api/v1/files/usb/$name" |
            grep -o '"size":[0-9]*' | cut -d: -f2)"
    done
}

holds() { # TEXT
    local found
    found=$(drive)
    if [ "$found" = "$1" ]; then pass "$1"; else fail "the drive holds: $found, expected: $1"; fi
}

put() { # NAME HEADERS...: the head of an upload by hand
    local name=$1
    shift
    printf 'PUT /api/v1/files/usb/%s HTTP/1.1\\r\\nX-Api-Key: %s\\r\\n%s\\r\\n' "$name" "$HOTBED_PASSWORD" "$*"
}

firmware() { # MODEL
    cat >"$work/$1.yaml" <<YAML
title: A small drive
base: $1
storages: [{name: usb, kind: usb, total_bytes: 1000000, free_bytes: 400000}]
YAML
    start --model-file "$work/$1.yaml" --upload-rate board
    for _ in $(seq 100); do
        ask GET /api/v1/status
        grep -q '"IDLE"' "$work/body" && break
        sleep 0.2
    done
    # Room for one, not for the next, and again for one when that is gone.
    must 201 PUT /api/v1/files/usb/a.gcode -T "$work/200.gcode"
    raw "$(put b.gcode 'Content-Length: 350000\r\n')" # without a byte of it
    line 'HTTP/1.1 507 Insufficient Storage'
    must 507 PUT /api/v1/files/usb/b.gcode -T "$work/350.gcode"
    has 'USB drive full'
    must 204 GET /api/v1/transfer
    holds 'a.gcode 200000, '
    must 507 PUT /api/v1/files/usb/a.gcode -T "$work/350.gcode" -H 'Overwrite: ?1'
    holds 'a.gcode 200000, '
    must 201 PUT /api/v1/files/usb/b.gcode -T "$work/100.gcode"
    must 204 DELETE /api/v1/files/usb/a.gcode
    must 204 DELETE /api/v1/files/usb/b.gcode
    must 201 PUT /api/v1/files/usb/c.gcode -T "$work/350.gcode"
    must 204 DELETE /api/v1/files/usb/c.gcode
    holds ''

    # Lengths.
    raw "$(put a.gcode '')"
    line 'HTTP/1.1 411 Length Required'
    raw "$(put a.gcode 'Transfer-Encoding: chunked\r\n')5\r\nG28\\n\\n\r\n0\r\n\r\n"
    line 'HTTP/1.1 411 Length Required'
    raw "$(put a.gcode 'Content-Length: 0\r\n')"
    line 'HTTP/1.1 501 Not Implemented'
    raw "$(put a.gcode 'Content-Length: many\r\n')"
    line 'HTTP/1.1 400 Bad Request'
    raw "$(put a.gcode 'Content-Length: 99999999999999999999\r\n')"
    line 'HTTP/1.1 4'
    raw "$(put a.gcode 'Content-Length: 4294967296\r\n')" # more than FAT has
    line 'HTTP/1.1 507 Insufficient Storage'
    raw "$(put short.gcode 'Content-Length: 1000\r\nConnection: close\r\n')" 5000 # what is behind is another's
    line 'HTTP/1.1 201 Created'
    holds 'short.gcode 1000, '
    must 204 DELETE /api/v1/files/usb/short.gcode

    # Cut in the middle, by a client that is gone and by one that has only ended its side.
    (exec 9<>"/dev/tcp/$host/$port" && printf '%b' "$(put cut.gcode 'Content-Length: 100000\r\n')" >&9 && head -c 50000 /dev/zero >&9)
    given_up /api/v1/transfer
    curl -s -o "$work/body" --max-time 1 --limit-rate 20k -H "X-Api-Key: $HOTBED_PASSWORD" -T "$work/350.gcode" \
        "$base/api/v1/files/usb/cut.gcode"
    given_up /api/v1/transfer
    holds ''

    # Types.
    for name in notes.txt none part.bbf part.gcode.txt .gcode/; do
        ask PUT "/api/v1/files/usb/$name" -T "$work/notes.txt"
        check "$name is refused: $status" [ "$status" = 415 ]
    done
    holds ''

    # Two of one name: one at a time, then no second without being told to replace.
    curl -s -o "$work/first" -w '%{http_code}' -H "X-Api-Key: $HOTBED_PASSWORD" -T "$work/350.gcode" \
        "$base/api/v1/files/usb/same.gcode" >"$work/first.status" &
    local first=$!
    for _ in $(seq 100); do
        ask GET /api/v1/transfer
        [ "$status" = 200 ] && break
        sleep 0.02
    done
    must 409 PUT /api/v1/files/usb/same.gcode -T "$work/100.gcode"
    has 'Another transfer in progress'
    wait "$first"
    check "the first is taken" [ "$(cat "$work/first.status")" = 201 ]
    must 507 PUT /api/v1/files/usb/same.gcode -T "$work/100.gcode" # room is looked for before names
    must 409 PUT /api/v1/files/usb/same.gcode -T "$work/notes.txt"
    must 200 GET /usb/same.gcode
    check "and whole" cmp -s "$work/body" "$work/350.gcode"
    holds 'same.gcode 350000, '
    must 201 PUT /api/v1/files/usb/same.gcode -T "$work/notes.txt" -H 'Overwrite: ?1'
    holds 'same.gcode 16, '
}

firmware mk4
firmware mini

# ---- an SL1's ----

free() { # what /api/files says is left
    ask GET /api/files
    grep -o '"free":[0-9]*' "$work/body" | cut -d: -f2
}

left() { # BYTES
    local found
    found=$(free)
    if [ "$found" = "$1" ]; then pass "$1 bytes are left"; else fail "$found bytes are left, expected $1"; fi
}

form() { # STATUS TEXT FILE NAME: an upload, its status and something in the answer
    must "$1" POST /api/files/local -H 'Accept: application/json' -F "file=@$3;filename=$4" -F select=false
    has "$2"
}

resin() { # MODEL EXTENSION
    cat >"$work/$1.yaml" <<YAML
title: A small memory
base: $1
storages: [{name: local, kind: local, total_bytes: 1000000, free_bytes: 400000}]
YAML
    start --model-file "$work/$1.yaml" --upload-rate 200000
    for _ in $(seq 100); do
        ask GET /api/version
        [ "$status" = 200 ] && break
        sleep 0.2
    done
    left 400000
    form 201 '"done":true' "$work/200.gcode" "a.$2"
    left 200000
    form 409 '#10516' "$work/350.gcode" "b.$2"
    left 200000
    form 409 '#10520' "$work/100.gcode" "a.$2"
    left 200000
    form 415 '#10519' "$work/100.gcode" a.gcode
    form 415 '#10519' "$work/100.gcode" a
    form 400 '#10407' "$work/100.gcode" "..$2/../x.$2"
    must 404 POST /api/files/sdcard -F "file=@$work/100.gcode;filename=a.$2"
    must 400 POST /api/files/local -H 'Content-Type: text/plain' --data-binary "@$work/100.gcode"
    left 200000
    raw "POST /api/files/local HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n"
    line 'HTTP/1.1 400 Bad Request'
    must 413 POST /api/files/local -H 'Content-Length: 600000000' -F "file=@$work/notes.txt;filename=c.$2"

    # Cut: the client is gone, and nothing of it is left.
    curl -s --max-time 1 --limit-rate 20k --digest -u "maker:$HOTBED_PASSWORD" \
        -F "file=@$work/100.gcode;filename=cut.$2" "$base/api/files/local" >/dev/null
    given_up /api/transfer
    left 200000

    # Two of one name.
    curl -s -o "$work/first" -w '%{http_code}' --digest -u "maker:$HOTBED_PASSWORD" \
        -F select=false -F "file=@$work/100.gcode;filename=same.$2" "$base/api/files/local" >"$work/first.status" &
    local first=$!
    for _ in $(seq 100); do
        ask GET /api/transfer
        [ "$status" = 200 ] && break
        sleep 0.02
    done
    form 409 '#10506' "$work/notes.txt" "same.$2"
    wait "$first"
    check "the first is taken" [ "$(cat "$work/first.status")" = 201 ]
    must 200 GET "/api/downloads/local/same.$2"
    check "and whole" cmp -s "$work/body" "$work/100.gcode"
    left 100000
    must 204 DELETE "/api/files/local/same.$2"
    must 204 DELETE "/api/files/local/a.$2"
    left 400000
}

resin sl1 sl1
resin sl1s sl1s

# ---- what is said of a rate ----
says 2 'expected bytes per second, "board", "ethernet" or "wifi"' printer mk4 --prusalink 0 --upload-rate fast
says 2 'the model mk3s says nothing of "ethernet"' printer mk3s --prusalink 0 --upload-rate ethernet
says 2 'need --prusalink' printer mk4 --connect http://127.0.0.1:9 --upload-rate board
finish
