#!/usr/bin/env bash
# hotbed printer --prusalink in the dialects of firmware, as a person with curl uses it: an MK4, an XL and an SL1, each
# on a real directory, so that what a cut or refused upload leaves behind would be seen.
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

start() { # MODEL OPTION...: its address goes to $base, its directory to $drive
    local model=$1
    shift
    drive=$work/$model.drive
    mkdir "$drive"
    "$hotbed" printer "$model" --prusalink 0 --directory "$drive" "$@" >"$work/$model" 2>"$work/$model.err" &
    printers+=($!)
    for _ in $(seq 200); do
        grep -q 'PrusaLink at' "$work/$model" && break
        sleep 0.05
    done
    base=$(sed -n 's/.*PrusaLink at \([^,]*\),.*/\1/p' "$work/$model")
    check "$model at a free port" [ -n "$base" ]
    [ -n "$base" ] || { cat "$work/$model.err"; finish; }
}

ask() { # METHOD PATH CURL-OPTION...: the status goes to $status, the body to $work/body, the head to $work/head
    local method=$1 path=$2
    shift 2
    [ "$method" = HEAD ] && set -- -I "$@" || set -- -X "$method" "$@"
    status=$(curl -sS --max-time 30 --digest -u "maker:$HOTBED_PASSWORD" -o "$work/body" -D "$work/head" \
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

wait_for() { # TEXT PATH: in the body within 12 s
    for _ in $(seq 60); do
        ask GET "$2"
        grep -qaF -- "$1" "$work/body" && pass "$1" && return
        sleep 0.2
    done
    fail "no $1 at $2: $(head -c 300 "$work/body")"
}

holds() { # NAME...: all that is in the directory, what is hidden or temporary too
    local wanted found
    wanted=$(printf '%s\n' "$@" | sort)
    found=$(cd "$drive" && find . -mindepth 1 | sed 's|^\./||' | sort)
    if [ "$wanted" = "$found" ]; then pass "$*"; else fail "the drive holds $(echo $found), expected $*"; fi
}

cut() { # PATH: an upload that ends before it is whole, and what the printer makes of it
    local place=${base#http://}
    exec 9<>"/dev/tcp/${place%:*}/${place#*:}"
    printf 'PUT %s HTTP/1.1\r\nX-Api-Key: %s\r\nContent-Length: 99999\r\n\r\nG28\nG1 X1' "$1" "$HOTBED_PASSWORD" >&9
    wait_for '"type":"FROM_' /api/v1/transfer
    exec 9>&-
    for _ in $(seq 60); do
        ask GET /api/v1/transfer
        [ "$status" = 204 ] && pass "given up" && return
        sleep 0.2
    done
    fail "an upload that was cut is still going on"
}

{
    echo '; thumbnail begin 16x16 96'
    echo '; iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
    echo '; thumbnail end'
    echo 'M73 P0 R5'
    for i in $(seq 3000); do echo "G1 X$((i % 100)) Y10 F600"; done
} >"$work/long.gcode"

export HOTBED_PASSWORD=Sup3rSecret # which is the key as well

firmware() { # MODEL TEXT
    start "$1"
    wait_for '"state":"IDLE"' /api/v1/status
    must 200 GET /api/version
    has '"text":"PrusaLink"'
    must 200 GET /api/v1/info
    has '"serial":"'
    must 200 GET /api/printer
    has '"telemetry":{'
    must 204 GET /api/v1/job
    must 204 GET /api/v1/transfer
    must 200 GET /api/v1/storage
    has '"path":"/usb/"'

    # Who is let in: a key, or a digest without qop.
    local code='-s -o /dev/null -w %{http_code}'
    check "no credentials" [ "$(curl $code "$base/api/v1/status")" = 401 ]
    check "a wrong password" [ "$(curl $code --digest -u maker:wrong "$base/api/v1/status")" = 401 ]
    check "a key" [ "$(curl $code -H "X-Api-Key: $HOTBED_PASSWORD" "$base/api/v1/status")" = 200 ]
    check "a wrong key" [ "$(curl $code -H 'X-Api-Key: no' "$base/api/v1/status")" = 401 ]

    # A file comes, is seen, is read back.
    must 201 PUT '/api/v1/files/usb/long%20part%20name.gcode' -T "$work/long.gcode"
    holds 'long part name.gcode'
    check "the same bytes on the drive" cmp -s "$work/long.gcode" "$drive/long part name.gcode"
    must 409 PUT '/api/v1/files/usb/long%20part%20name.gcode' -T "$work/long.gcode"
    must 201 PUT '/api/v1/files/usb/long%20part%20name.gcode' -T "$work/long.gcode" -H 'Overwrite: ?1'
    must 415 PUT /api/v1/files/usb/part.txt -T "$work/long.gcode"
    must 200 GET /api/v1/files/usb
    has '"display_name":"long part name.gcode"'
    local short
    short=$(sed -n 's/.*"name":"\(LONG[^"]*\)".*/\1/p' "$work/body")
    check "a short name" [ "$short" = LONGPA~1.GCO ]
    must 200 HEAD '/api/v1/files/usb/long%20part%20name.gcode'
    must 404 HEAD /api/v1/files/usb/none.gcode
    must 200 GET "/usb/$short"
    check "the same bytes" cmp -s "$work/body" "$work/long.gcode"
    must 201 PUT /api/v1/files/usb/folder -H 'Create-Folder: ?1' -H 'Content-Length: 0'
    must 201 PUT /api/v1/files/usb/folder/deep.gcode -T "$work/long.gcode"
    must 404 DELETE /api/v1/files/usb/folder # as of a full folder
    must 201 PUT /api/v1/files/usb/form.gcode -T "$work/long.gcode"
    must 410 POST /api/files/usb -F "file=@$work/long.gcode;filename=other.gcode"

    # Nothing leads out of the drive, nothing half-written stays on it.
    local path
    for path in /../../x.gcode /%2e%2e/%2e%2e/x.gcode /folder/%2e%2e/%2e%2e/x.gcode /a%2f..%2f..%2fx.gcode \
        '/%5c..%5cx.gcode' /%00x.gcode; do
        ask PUT "/api/v1/files/usb$path" --path-as-is -T "$work/long.gcode"
        check "PUT $path: $status" [ "$status" -ge 400 ]
    done
    must 404 GET '/usb/../../etc/passwd' --path-as-is
    cut /api/v1/files/usb/cut.gcode
    holds 'long part name.gcode' folder folder/deep.gcode form.gcode
    check "nothing beside it" [ -z "$(find "$work" -maxdepth 1 -name '*x.gcode*')" ]

    # A print.
    must 204 POST '/api/v1/files/usb/long%20part%20name.gcode'
    wait_for '"state":"PRINTING"' /api/v1/status
    wait_for '"display_name":"long part name.gcode"' /api/v1/job
    local id
    id=$(sed -n 's/^{"id":\([0-9]*\),.*/\1/p' "$work/body")
    check "a job" [ -n "$id" ]
    must 409 DELETE '/api/v1/files/usb/long%20part%20name.gcode'
    must 409 POST /api/v1/files/usb/form.gcode
    must 404 PUT "/api/v1/job/$((id + 1))/pause"
    must 204 PUT "/api/v1/job/$id/pause"
    wait_for '"state":"PAUSED"' /api/v1/status
    must 204 PUT "/api/v1/job/$id/resume"
    wait_for '"state":"PRINTING"' /api/v1/status
    must 204 DELETE "/api/v1/job/$id"
    wait_for '"state":"STOPPED"' /api/v1/status
    must 204 DELETE '/api/v1/files/usb/long%20part%20name.gcode'
    must 204 DELETE /api/v1/files/usb/folder/deep.gcode
    must 204 DELETE /api/v1/files/usb/folder
    holds form.gcode
}

firmware mk4
firmware xl

# The resin printer: its projects are archives, its paths have the name of the storage in them.
start sl1
for _ in $(seq 100); do
    ask GET /api/version
    [ "$status" = 200 ] && break
    sleep 0.2
done
must 200 GET /api/version
has '"api":"0.1"'
must 200 GET /api/printer
has '"temperature":{'
must 200 GET /api/job
must 200 GET /api/files
check "no credentials" [ "$(curl -s -o /dev/null -w '%{http_code}' "$base/api/printer")" = 401 ]
must 404 GET /api/v1/status
project=$(dirname "$0")/../../../shared/data/Shape-Box.sl1
if [ -f "$project" ]; then
    must 201 POST /api/files/local -F "file=@$project;filename=box.sl1" -F print=false
    check "a project in its folder" cmp -s "$project" "$(find "$drive" -name box.sl1)"
    must 409 POST /api/files/local -F "file=@$project;filename=box.sl1" -F print=false
    must 200 GET /api/files
    has '"name":"box.sl1"'
    must 200 GET /api/downloads/local/box.sl1
    check "the same archive" cmp -s "$work/body" "$project"
else
    printf 'SKIPPED %s is not there\n' "$project"
fi
must 415 POST /api/files/local -F "file=@$work/long.gcode;filename=long.gcode" -F print=false
must 400 POST /api/files/local -F "file=@$work/long.gcode;filename=../x.sl1" -F print=false
check "nothing of what was refused" [ -z "$(find "$work" -mindepth 2 \( -name x.sl1 -o -name long.gcode \))" ]
finish
