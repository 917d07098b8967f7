#!/bin/bash
# A printer with cameras at the mock Connect server, in real time over TCP: one named on the command line, one of the ini
# file. Both are registered and their pictures come. Then what is no camera.
hotbed=$1
source "$(dirname "$0")/lib.sh"
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
token=abcdefghij1234567890

"$hotbed" mock connect --for 40s --listen 127.0.0.1:0 --control 127.0.0.1:0 --token $token --trace "$work/trace" >"$work/server" 2>&1 &
place() { # WORDS: an address that the server has told
    for _ in $(seq 200); do
        grep -q "^$1 on " "$work/server" && break
        sleep 0.05
    done
    sed -n "s/^$1 on //p" "$work/server" | head -1
}
server=$(place listening) control=$(place control)
host=${server#http://}
cat >"$work/ini" <<END
[printer]
type = MK3S
[service::connect]
hostname = ${host%:*}
port = ${host##*:}
tls = false
token = $token
[camera::backyard]
name = Backyard
driver = V4L2Driver
trigger_scheme = TEN_SEC
resolution = 320x240
rotation = 90
END
"$hotbed" printer mk3s --ini "$work/ini" --camera "Bench cam,TEN_SEC,160x120" --duration 35s >"$work/printer" 2>&1 &

wait # until both have ended: then the trace is whole
requests() { # TEXT: of those that begin like that
    grep -a "\"kind\": \"request\", \"text\": \"$1" "$work/trace"
}
check "both cameras are registered" [ "$(requests "POST /p/camera" | wc -l)" -eq 2 ]
check "pictures of both come" [ "$(requests "PUT /c/snapshot" | grep -ao 'Fingerprint: [0-9a-f]*' | sort -u | wc -l)" -eq 2 ]
check "the size of the ini file" bash -c "grep -qa 320 <<<'$(requests "POST /p/camera")'"
check "no token in the trace" bash -c "! grep -qa $token '$work/trace'"

says 2 "is no trigger scheme" printer mk3s --connect http://127.0.0.1:1 --camera "Bench,NOW"
says 2 "expected one like 640x480" printer mk3s --connect http://127.0.0.1:1 --camera "Bench,MANUAL,4x4"
says 2 "there is a camera" printer mk3s --connect http://127.0.0.1:1 --camera Bench --camera Bench
says 2 "no host program beside it" printer mk4 --connect http://127.0.0.1:1 --camera Bench
says 2 "are of one printer" printer mk3s --connect http://127.0.0.1:1 --camera Bench --count 2
sed 's/rotation = 90/rotation = 45/' "$work/ini" >"$work/turned"
says 2 "expected 0, 90, 180 or 270" printer mk3s --ini "$work/turned"
finish
