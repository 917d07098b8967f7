#!/bin/bash
# One scenario, two processes, real time: `hotbed mock connect --run` is the server, `hotbed printer` the printer, over TCP
# and over TLS with verification. Then certificates that must not be trusted. Ports are the system's choice.
hotbed=$1
source "$(dirname "$0")/lib.sh"
scenario=$(dirname "$0")/scripts/two_processes.lua
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT

{
    echo "M73 P0 R0"
    echo "G90"
    echo "M83"
    echo "G1 X100 F1500"
    echo "G1 X0 F1500"
    echo "M73 P100 R0"
} >"$work/strokes.gcode"

# A certificate of 127.0.0.1 by a CA of our own, and a CA that has signed nothing.
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" \
        -keyout "$work/$1.key" -out "$work/$1.pem" 2>/dev/null
}
authority ours
authority stranger
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=mock -keyout "$work/mock.key" \
    -out "$work/mock.csr" 2>/dev/null
printf 'subjectAltName=IP:127.0.0.1\n' >"$work/names"
openssl x509 -req -in "$work/mock.csr" -CA "$work/ours.pem" -CAkey "$work/ours.key" -CAcreateserial -days 2 \
    -extfile "$work/names" -out "$work/mock.pem" 2>/dev/null
check "a certificate was made" test -s "$work/mock.pem"

# address NAME WORDS: where the process of that name listens, once it has said so
address() {
    local url=
    for _ in $(seq 200); do
        url=$(sed -n "s/^$2 //p" "$work/$1.out")
        [ -n "$url" ] && break
        sleep 0.05
    done
    echo "$url"
}

# server NAME OPTION...: the scenario, waiting for its printer
server() {
    local name=$1
    shift
    timeout 100 "$hotbed" mock connect --run "$scenario" --listen 127.0.0.1:0 "$@" >"$work/$name.out" 2>&1 &
    eval "${name}_server=$!"
}

# printer NAME URL OPTION...
printer() {
    local name=$1 url=$2
    shift 2
    timeout 100 "$hotbed" printer mk3s --connect "$url" --file "$work/strokes.gcode" "$@" \
        >"$work/$name.printer" 2>&1 &
    eval "${name}_printer=$!"
}

server tcp
server tls --tls-cert "$work/mock.pem" --tls-key "$work/mock.key"
"$hotbed" mock connect --listen 127.0.0.1:0 --control 127.0.0.1:0 --tls-cert "$work/mock.pem" \
    --tls-key "$work/mock.key" --for 60s >"$work/closed.out" 2>&1 &
closed_server=$!

tcp=$(address tcp "waiting for a printer at")
tls=$(address tls "waiting for a printer at")
closed=$(address closed "listening on")
check "TCP: an address" grep -q '^http://127' <<<"$tcp"
check "TLS: an address" grep -q '^https://127' <<<"$tls"

printer tcp "$tcp"
printer tls "$tls" --ca "$work/ours.pem"
printer closed "$closed" --ca "$work/stranger.pem" --duration 16s
HOTBED_TOKEN=0123456789abcdefghij printer system "$closed" --duration 10s

for name in tcp tls; do
    server=${name}_server
    wait "${!server}"
    status=$?
    if [ "$status" -eq 0 ] && grep -q "^1 passed, 0 failed, 0 skipped" "$work/$name.out"; then
        pass "$name: the scenario holds across two processes"
    else
        fail "$name: exit code $status"
        tail -n 20 "$work/$name.out" "$work/$name.printer"
    fi
    printer=${name}_printer
    kill "${!printer}"
done

wait "$closed_printer" "$system_printer"
for name in closed system; do
    check "$name: the printer says that it does not trust the certificate" grep -qi "certificate" "$work/$name.printer"
    check "$name: the printer never registered" bash -c "! grep -q registered '$work/$name.printer'"
done
kill "$closed_server"
wait "$closed_server"
check "nothing of them reached the server" grep -q "^0 printers, 0 requests" "$work/closed.out"

says 2 "no.pem: No such file" mock connect --run "$scenario" --listen 127.0.0.1:0 --tls-cert "$work/no.pem" --tls-key "$work/mock.key"
says 2 "--tls-cert and --tls-key go together" mock connect --run "$scenario" --tls-key "$work/mock.key"
says 2 "with --run go --listen" mock connect --run "$scenario" --auto-add never
says 0 "1 passed, 0 failed, 0 skipped" run "$scenario"

finish
