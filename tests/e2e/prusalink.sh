#!/usr/bin/env bash
# hotbed printer --prusalink as a person with curl uses it: an MK3S looked at, given a file, printing, paused, resumed,
# stopped and cleaned up; wrong credentials and paths; a row of printers.
set -u
hotbed=$1
. "$(dirname "$0")/lib.sh"
work=$(mktemp -d)
printers=()

end() {
    for pid in "${printers[@]}"; do
        kill -TERM "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$work"
}
trap end EXIT

start() { # LOG OPTION...: printers that say where they are
    local log=$1
    shift
    : >"$log"
    "$hotbed" printer "$@" >"$log" 2>"$log.err" &
    printers+=($!)
    for _ in $(seq 200); do
        [ "$(grep -c 'PrusaLink at' "$log")" -ge "${count:-1}" ] && break
        sleep 0.05
    done
}

address() { # LOG LINE
    sed -n "$2s/.*PrusaLink at \([^,]*\),.*/\1/p" "$1"
}

ask() { # METHOD PATH CURL-OPTION...: the status goes to $status, the body to $work/body
    local method=$1 path=$2
    shift 2
    status=$(curl -sS --max-time 30 --digest -u "maker:$HOTBED_PASSWORD" -X "$method" -o "$work/body" -w '%{http_code}' \
        "$@" "$base$path" 2>"$work/curl")
}

must() { # STATUS METHOD PATH CURL-OPTION...
    local wanted=$1
    shift
    ask "$@"
    if [ "$status" = "$wanted" ]; then pass "$*"; else fail "$*: $status, expected $wanted: $(head -c 200 "$work/body")"; fi
}

has() { # TEXT: in the last body
    check "$1 in $(head -c 120 "$work/body" | tr -d "\0")" grep -qaF -- "$1" "$work/body"
}

wait_for() { # TEXT PATH: in the body within 60 s
    for _ in $(seq 300); do
        ask GET "$2"
        grep -qaF -- "$1" "$work/body" && pass "$1" && return
        sleep 0.2
    done
    fail "no $1 at $2: $(head -c 300 "$work/body")"
}

# A print of some minutes whose moves are short, with a picture of one pixel that says it has more.
{
    echo '; thumbnail begin 160x120 96'
    echo '; iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
    echo '; thumbnail end'
    echo '; estimated printing time (normal mode) = 5m'
    echo 'M73 P0 R5'
    for i in $(seq 3000); do echo "G1 X$((i % 100)) Y10 F600"; done
} >"$work/long.gcode"

export HOTBED_PASSWORD=Sup3rSecret HOTBED_API_KEY=key-of-a-test
start "$work/log" mk3s --prusalink 0
base=$(address "$work/log" 1)
check "a free port" [ -n "$base" ]
check "a password that was given is not repeated" [ "$(grep -c Sup3rSecret "$work/log")" -eq 0 ]

# What it is.
must 503 GET /api/version
wait_for '"state": "IDLE"' /api/v1/status
must 200 GET /api/version
has '"original": "PrusaLink I3MK3S"'
must 200 GET /api/v1/info
has '"serial": "CZPX'
must 204 GET /api/v1/job
must 200 GET /api/v1/storage
has '{"storage_list": [{"type": "LOCAL"'

# Who is let in.
check "no credentials" [ "$(curl -s -o /dev/null -w '%{http_code}' "$base/api/v1/status")" = 401 ]
check "a wrong password" [ "$(curl -s --digest -u maker:wrong -o /dev/null -w '%{http_code}' "$base/api/v1/status")" = 401 ]
check "a key" [ "$(curl -s -H "X-Api-Key: $HOTBED_API_KEY" -o /dev/null -w '%{http_code}' "$base/api/v1/status")" = 200 ]
check "a wrong key" [ "$(curl -s -H 'X-Api-Key: no' -o /dev/null -w '%{http_code}' "$base/api/v1/status")" = 403 ]

# A file comes, is seen, is read back.
type='Content-Type: text/x.gcode'
must 201 PUT /api/v1/files/local/long.gcode -T "$work/long.gcode" -H "$type"
wait_for '"name": "long.gcode"' /api/v1/files/local
has '/api/thumbnails/PrusaLink gcodes/long.gcode.orig.png'
must 409 PUT /api/v1/files/local/long.gcode -T "$work/long.gcode" -H "$type"
must 415 PUT /api/v1/files/local/other.gcode -T "$work/long.gcode" -H 'Content-Type: application/gcode+binary'
must 200 GET '/api/thumbnails/PrusaLink%20gcodes/long.gcode.orig.png'
has PNG
must 200 GET '/api/files/local/PrusaLink%20gcodes/long.gcode/raw'
check "the same bytes" cmp -s "$work/body" "$work/long.gcode"
must 201 PUT /api/v1/files/local/folder -H 'Create-Folder: ?1' -H 'Content-Length: 0'
check "a form" [ "$(curl -s -H "X-Api-Key: $HOTBED_API_KEY" -F path=/folder -F print=false -F "file=@$work/long.gcode;filename=form.gcode" \
    -o /dev/null -w '%{http_code}' "$base/api/files/local")" = 201 ]
wait_for '"name": "form.gcode"' /api/v1/files/local/folder

# Nothing leads out of it.
for path in /../../etc/passwd /%2e%2e/%2e%2e/x.gcode //etc/x.gcode /folder/%2e%2e/%2e%2e/x.gcode /a%2f..%2f..%2fx.gcode; do
    ask PUT "/api/v1/files/local$path" --path-as-is -T "$work/long.gcode" -H "$type"
    check "PUT $path: $status" [ "$status" -ge 400 ]
done

# A print.
must 204 POST /api/v1/files/local/long.gcode
must 200 GET /api/v1/job
has '"state": "PRINTING"'
id=$(sed -n 's/.*"id": \([0-9]*\), "state".*/\1/p' "$work/body")
must 409 DELETE /api/v1/files/local/long.gcode
must 409 POST /api/v1/files/local/folder/form.gcode
must 404 PUT "/api/v1/job/$((id + 1))/pause"
must 204 PUT "/api/v1/job/$id/pause"
wait_for '"state": "PAUSED"' /api/v1/status
must 204 PUT "/api/v1/job/$id/resume"
wait_for '"state": "PRINTING"' /api/v1/status
must 204 DELETE "/api/v1/job/$id"
wait_for '"state": "STOPPED"' /api/v1/status
must 204 GET /api/v1/job
must 204 DELETE /api/v1/files/local/long.gcode
must 409 DELETE /api/v1/files/local/folder
must 204 DELETE /api/v1/files/local/folder -H 'Force: ?1'

# A row of them.
count=3 start "$work/row" mk3s --prusalink 0 --count 3
check "three places" [ "$(sort -u "$work/row" | grep -c 'PrusaLink at')" -eq 3 ]
for line in 1 2 3; do
    check "printer $line" curl -s -o /dev/null "$(address "$work/row" "$line")/"
done

# Cameras, without Connect and with it; a registration by the web; an update.
"$hotbed" mock connect --listen 127.0.0.1:0 >"$work/mock" 2>&1 &
printers+=($!)
count=1 start "$work/eyes" mk3s --prusalink 0 --camera 'Bench cam,TEN_SEC,320x240' --update 0.9.0
base=$(address "$work/eyes" 1)
wait_for '"connected": true' /api/v1/cameras
has '"camera_id": "'
camera=$(sed -n 's/.*"camera_id": "\([^"]*\)".*/\1/p' "$work/body")
must 200 POST "/api/v1/cameras/$camera/snap"
check "a JPEG" [ "$(head -c 3 "$work/body" | od -An -tx1 | tr -d ' ')" = ffd8ff ]
must 200 GET "/api/v1/cameras/$camera/snap"
must 304 GET /api/v1/cameras/snap -H 'If-Modified-Since: Thu, 31 Dec 2099 00:00:00 GMT'
json='Content-Type: application/json'
must 200 PATCH "/api/v1/cameras/$camera/config" -H "$json" -d '{"trigger_scheme": "MANUAL"}'
must 200 GET "/api/v1/cameras/$camera"
has '"trigger_scheme": "MANUAL"'
must 409 DELETE "/api/v1/cameras/$camera"
must 404 GET /api/v1/cameras/nobody
for _ in $(seq 100); do
    grep -q 'http://127' "$work/mock" && break
    sleep 0.1
done
connect=$(grep -o 'http://127.0.0.1:[0-9]*' "$work/mock" | head -1)
must 400 POST /api/connection -H "$json" -d '{"connect": {"hostname": "127.0.0.1", "port": 9, "tls": false}}'
has "Can't Connect"
must 200 POST /api/connection -H "$json" -d "{\"connect\": {\"hostname\": \"127.0.0.1\", \"port\": ${connect##*:}, \"tls\": false}}"
has "$connect/add-printer/connect/1.3.1/"
must 200 GET /api/connection
check "on its way" grep -q '"registration": "\(IN_PROGRESS\|FINISHED\)"' "$work/body"
must 200 DELETE /api/connection
must 200 GET /api/v1/update/prusalink
has '{"new_version": "0.9.0"}'
must 501 GET /api/v1/update/system
must 200 POST /api/v1/update/prusalink
wait_for '"server": "0.9.0"' /api/version
must 204 GET /api/v1/update/prusalink

# One that breaks its protocol is caught over real sockets.
count=1 start "$work/wrong" mk3s --prusalink 0 --misbehave 'set-key=api:"1.0.0"@/api/version' --misbehave lie=500@/api/timelapse
wrong=$(address "$work/wrong" 1)
for _ in $(seq 100); do # it has to be up
    [ "$(curl -s -o /dev/null -w '%{http_code}' "$wrong/api/version")" = 401 ] && break
    sleep 0.2
done
HOTBED_PRUSALINK_PASSWORD=$HOTBED_PASSWORD says 1 'first number of api: at least 2' check prusalink "$wrong" --only PL-INFO-02
check "only where it is told to" [ "$(curl -s -H "X-Api-Key: $HOTBED_API_KEY" -o /dev/null -w '%{http_code}' "$wrong/api/version")" = 200 ]
check "a lie" [ "$(curl -s -H "X-Api-Key: $HOTBED_API_KEY" -o /dev/null -w '%{http_code}' "$wrong/api/timelapse")" = 500 ]
says 0 'null-key=KEY' printer --list-misbehaviours
says 2 'no such misbehaviour' printer mk3s --prusalink 0 --misbehave nonsense
says 2 'and --misbehave need --prusalink' printer mk3s --connect http://127.0.0.1:9 --misbehave open

says 2 'expected PORT or HOST:PORT' printer mk3s --prusalink nonsense
says 2 'need --prusalink' printer mk3s --connect http://127.0.0.1:9 --user maker
says 2 'the password of a PrusaLink' printer mk3s --prusalink 0 --password short
HOTBED_API_KEY=short says 2 'at least 7 characters' printer mk3s --prusalink 0
says 2 'expected 1 to' printer mk3s --prusalink 0 --count 0
finish
