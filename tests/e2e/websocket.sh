#!/bin/bash
# A Buddy printer over a WebSocket at the mock Connect server, as two processes in real time: over TCP with either codec and
# over TLS with verification; a command goes out at once and is answered; the trace of neither side has the token. Then a
# server that breaks the protocol, which the printer leaves and comes back to. Ports are the system's choice.
hotbed=$1
source "$(dirname "$0")/lib.sh"
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
token=abcdefghij1234567890

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
check "a certificate was made" test -s "$work/cert.pem"

# address NAME WORDS: where the server of that name listens, once it has said so
address() {
    local url=
    for _ in $(seq 200); do
        url=$(sed -n "s/^$2 on //p" "$work/$1.out" | head -1)
        [ -n "$url" ] && break
        sleep 0.05
    done
    echo "$url"
}

# begin NAME OPTION...: a server and its printer
begin() {
    local name=$1
    shift
    "$hotbed" mock connect --for 60s --listen 127.0.0.1:0 --control 127.0.0.1:0 --token $token \
        --trace "$work/$name.server" "$@" >"$work/$name.out" 2>&1 &
    eval "${name}_server=$!"
    "$hotbed" printer mk4 --duration 60s --websocket --connect "$(address "$name" listening)" --token $token \
        --ca "$work/cert.pem" --trace "$work/$name.client" >"$work/$name.printer" 2>&1 &
    eval "${name}_printer=$!"
}

# status NAME: of the server's first command
status() {
    curl -s "$(address "$1" control)/printers/1/commands" | tr -d ' \t\n' | sed 's/.*"status":"\([a-z]*\)".*/\1/'
}

# asked NAME: SEND_INFO, until it is answered
asked() {
    local control answer=
    control=$(address "$1" control)
    for _ in $(seq 200); do
        curl -sf "$control/printers/1" 2>/dev/null | grep -q '"state":[[:space:]]*"IDLE"' && break
        sleep 0.05
    done
    curl -s "$control/printers/1/commands" -d '{"command": "SEND_INFO"}' >/dev/null
    for _ in $(seq 100); do
        answer=$(status "$1")
        [ "$answer" = finished ] && return 0
        sleep 0.05
    done
    echo "the command is $answer"
    return 1
}

# ended NAME: both end; what they say of each other
ended() {
    local name=$1 server printer
    eval "server=\$${name}_server printer=\$${name}_printer"
    kill -INT "$printer" 2>/dev/null
    wait "$printer"
    kill -INT "$server" 2>/dev/null
    wait "$server"
    check "$name: the printer kept the contract" test $? -eq 0
    check "$name: the judge saw frames" grep -q 'rules of the contract held' "$work/$name.out"
    for side in client server; do
        check "$name: the $side's trace has the messages" grep -q '"kind": "message", "frames": 2' "$work/$name.$side"
        check "$name: the $side's trace has no token" test "$(grep -c $token "$work/$name.$side")" -eq 0
        check "$name: the $side's trace has no key of the printer" \
            test "$(grep -c 'api_key\\": *\\"[^<]' "$work/$name.$side")" -eq 0
    done
}

begin plain
begin wire --codec wire
begin secure --tls-cert "$work/cert.pem" --tls-key "$work/key.pem"
begin broken --misbehave ws-masked:1 --misbehave ws-accept:1
for name in plain wire secure broken; do
    check "$name: a command goes out and is answered" asked $name
done
for name in plain wire secure broken; do
    ended $name
done
check "broken: the printer came back" test "$(grep -c 'GET /p/ws' "$work/broken.client")" -ge 3
check "plain: no request but the one for the WebSocket" test "$(grep -c '"kind": "request"' "$work/plain.client")" -eq 1

says 2 "MK3S speaks HTTP only" printer mk3s --websocket --connect http://127.0.0.1:1
finish
