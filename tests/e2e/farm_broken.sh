#!/usr/bin/env bash
# hotbed farm when everything breaks: the server is killed and comes again, freezes, ends WebSockets in every way; workers
# are killed; the disk is full; somebody loses patience. Waits for events, with a limit for those that never come.
set -u
hotbed=$1
. "$(dirname "$0")/lib.sh"
work=$(mktemp -d)
programs=()
trap 'kill -CONT "${programs[@]}" 2>/dev/null; kill "${programs[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT

serve() { # NAME OPTION...: sets $server, $at, $control; comes again where it was, if $at and $control say so
    local out=$work/server-$1 name=$1
    shift
    : >"$out"
    "$hotbed" mock connect --listen "${at:-127.0.0.1:0}" --control "${control:-127.0.0.1:0}" --adopt "$@" >"$out" 2>&1 &
    server=$!
    programs+=("$server")
    until_true "$name listens" grep -q '^control on' "$out"
    url=$(sed -n 's/^listening on //p' "$out")
    at=${url#*://} control=$(sed -n 's/^control on http:..//p' "$out")
}

another() {
    at='' control=''
    serve "$@"
}

until_true() { # WHAT COMMAND...: within 60 s
    local what=$1 i
    shift
    for i in $(seq 600); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    fail "$what within 60 s"
}

begin() { # NAME ARGUMENT...: sets $farm; a signal reaches it as one from a terminal would
    local name=$1
    shift
    env --default-signal=INT "$hotbed" farm "$@" --quiet --json "$work/$name.json" >"$work/$name.txt" 2>&1 </dev/null &
    farm=$!
    programs+=("$farm")
}

ends() { # CODE NAME: $farm
    wait "$farm"
    local status=$?
    check "$2: exit code $status, expected $1" test "$status" = "$1"
}

says_file() { # NAME WORDS
    check "$1 says: $2" grep -qF -- "$2" "$work/$1.txt"
}

of() { # NAME EXPRESSION: of the whole result
    check "$1: $2" jq -e "$2" "$work/$1.json"
}

children() { # PID
    tr -d '\n' <"/proc/$1/task/$1/children"
}

heard() { # COUNT: so many printers have told the server telemetry
    test "$(curl -s "http://$control/printers" | jq '[.[] | select(.telemetry_count > 0)] | length')" = "$1"
}

accounted='[.groups[].steps[] | .planned == .ok + .skipped + .unfinished + (.failed | add // 0)] | all'
cat > "$work/farm.yaml" <<'YAML'
name: broken
duration: 1h
arrival: {ramp: 1s}
telemetry: {interval: 500ms}
groups:
  - {name: http, model: mk4, count: 60, token: 'a-token-of-http-{printer}'}
  - {name: socket, model: xl, count: 60, websocket: true, token: 'a-token-of-sock-{printer}'}
  - {name: sdk, model: mk3s, count: 60, host: sdk, token: 't{printer}'}
generator: {lateness: 1m, cpu: 100}
YAML
sed 's/duration: .*/duration: 5s/; s/count: 60/count: 5/' "$work/farm.yaml" > "$work/short.yaml"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" \
    -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>/dev/null
tls=(--tls-cert "$work/cert.pem" --tls-key "$work/key.pem")

# ---- killed without a word, and again there, knowing nobody: each printer comes back, once; then a person has seen enough
for codec in microhttpd wire; do
    another "$codec" --codec $codec
    begin "again-$codec" "$work/farm.yaml" --target "connect=$url"
    until_true "all are heard by $codec" heard 180
    kill -KILL "$server"
    wait "$server" 2>/dev/null
    serve "$codec" --codec $codec
    until_true "all are heard by $codec again" heard 180
    kill -INT "$farm"
    ends 130 "again-$codec"
    says_file "again-$codec" INTERRUPTED
    of "again-$codec" "$accounted"
    of "again-$codec" '.reconnects >= 180'
    check "$codec knows each once" test "$(curl -s "http://$control/printers" | jq '[.[].fingerprint] | unique | length')" = 180
done

# ---- a server that freezes takes connections and says nothing; one without TLS can't shake hands ----
another frozen
kill -STOP "$server"
begin frozen "$work/short.yaml" --target "connect=$url"
frozen=$farm
another frozen-tls "${tls[@]}"
kill -STOP "$server"
begin frozen-tls "$work/short.yaml" --target "connect=$url" --ca "$work/cert.pem"
frozen_tls=$farm
another plain
begin plain "$work/short.yaml" --target "connect=https://$at"
ends 3 plain
farm=$frozen
ends 3 frozen
farm=$frozen_tls
ends 3 frozen-tls
of frozen '[.groups[] | select(.name == "sdk") | .steps.event.failed.timeout] | add > 0'
of frozen "$accounted"
of frozen-tls "$accounted"
of frozen-tls '[.groups[].steps.tls.ok // 0] | add == 0'
of plain '[.groups[].steps.tls | .failed.tls > 0 and .ok == 0] | all'

# ---- WebSockets that the server ends, the first of each printer ----
i=0 runs=()
for way in ws-close:missing\ reply ws-drop:missing\ reply ws-reset:reset; do
    for secure in '' tls; do
        ca=() options=(--misbehave "${way%%:*}:5")
        [ -z $secure ] || { options+=("${tls[@]}"); ca=(--ca "$work/cert.pem"); }
        another "ends$((++i))" "${options[@]}"
        begin "ends$i" "$work/short.yaml" --target "connect=$url" "${ca[@]}"
        runs+=("$farm")
    done
done
i=0
for way in ws-close:missing\ reply ws-drop:missing\ reply ws-reset:reset; do
    for secure in '' tls; do
        farm=${runs[i]}
        ends 0 "ends$((++i))"
        # Over TLS libmicrohttpd has the connection: that it is broken shows as its end.
        of "ends$i" "[.groups[] | select(.name == \"socket\") | .steps.connect.failed | add] | add == 5"
        [ -n $secure ] || of "ends$i" ".groups[] | select(.name == \"socket\") | .steps.connect.failed[\"${way#*:}\"] == 5"
        of "ends$i" '.groups[] | select(.name == "socket") | .steps.telemetry.ok > 0'
        of "ends$i" "$accounted"
    done
done

# ---- workers that are killed: one of three, then all of them ----
another workers
begin one-dies "$work/short.yaml" --target "connect=$url" --workers 3 --duration 15s
until_true "some are heard" heard 15
read -r first _ <<<"$(children "$farm")"
kill -KILL "$first"
ends 4 one-dies
says_file one-dies "INCOMPLETE: 1 of 3 workers died before their end"
of one-dies "$accounted"
begin all-die "$work/farm.yaml" --target "connect=$url" --workers 2
two_work() {
    test "$(children "$farm" | wc -w)" = 2
}
until_true "its workers run" two_work
kill -KILL $(children "$farm")
ends 4 all-die
says_file all-die "INCOMPLETE: 2 of 2 workers died before their end"

# ---- a disk without room for the result: what was written before stays whole ----
if unshare -rm true 2>/dev/null; then
    mkdir "$work/disk"
    cat > "$work/full.sh" <<'SH'
mount -t tmpfs -o size=256k none "$1/disk" || exit 99
"$2" farm "$1/short.yaml" --target "connect=$3" --quiet --result "$1/disk/result.json" >"$1/full.txt" 2>&1 &
farm=$!
for _ in $(seq 100); do [ -s "$1/disk/result.json" ] && break; sleep 0.1; done
cp "$1/disk/result.json" "$1/before.json"
cat /dev/zero >"$1/disk/rest" 2>/dev/null
wait $farm
code=$?
cp "$1/disk/result.json" "$1/after.json"
ls "$1/disk" >"$1/left"
exit $code
SH
    unshare -rm bash "$work/full.sh" "$work" "$hotbed" "$url"
    status=$?
    check "a full disk: exit code $status, expected 2" test $status = 2
    says_file full "No space left on device"
    check "a full disk: what was there stays" cmp "$work/before.json" "$work/after.json"
    check "a full disk: nothing half lies about" diff <(printf 'rest\nresult.json\n') "$work/left"
else
    echo "skipped: a full disk (no mounts here)"
fi
finish
