#!/usr/bin/env bash
# CPU per telemetry of hotbed's printers and of wrk with the same bytes, in turn, against the same nginx on loopback.
#   tests/bench/wire-against-wrk.sh [CONNECTIONS [SECONDS [ROUNDS]]]
set -euo pipefail
cd "$(dirname "$0")/../.."
connections=${1:-1000} seconds=${2:-5} rounds=${3:-3}
bench=build/release/tests/bench_wire
[ -x $bench ] || { echo "first: cmake --preset release && cmake --build --preset release" >&2; exit 2; }
ulimit -n "$(ulimit -Hn)"

dir=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat > "$dir/nginx.conf" <<CONF
worker_processes 1;
pid $dir/nginx.pid;
error_log $dir/error.log;
worker_rlimit_nofile 60000;
events { worker_connections 30000; }
http {
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path $dir/body; proxy_temp_path $dir/proxy; fastcgi_temp_path $dir/fastcgi;
    uwsgi_temp_path $dir/uwsgi; scgi_temp_path $dir/scgi;
    server { listen 127.0.0.1:$port backlog=20000; location / { return 204; } }
}
CONF
/usr/sbin/nginx -c "$dir/nginx.conf" -g 'daemon off;' &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$dir"' EXIT
for _ in $(seq 100); do curl -s -o /dev/null "http://127.0.0.1:$port/" && break; sleep 0.05; done

cat > "$dir/telemetry.lua" <<'LUA'
wrk.method = "POST"
wrk.path = "/p/telemetry"
wrk.body = '{"state": "IDLE"}'
wrk.headers["User-Agent"] = "Prusa-Connect-SDK-Printer/0.8.1"
wrk.headers["Accept-Encoding"] = "gzip, deflate"
wrk.headers["Accept"] = "*/*"
wrk.headers["Connection"] = "keep-alive"
wrk.headers["Fingerprint"] = ("0123456789abcdef"):rep(4)
wrk.headers["Timestamp"] = "1795228971.7"
wrk.headers["User-Agent-Printer"] = "1.3.1"
wrk.headers["User-Agent-Version"] = "0.8.1"
wrk.headers["Token"] = "0123456789abcdef"
wrk.headers["Content-Type"] = "application/json"
LUA

for round in $(seq "$rounds"); do
    ours=$($bench "http://127.0.0.1:$port" "$connections" "$seconds" 1)
    TIMEFORMAT='%U %S'
    { time wrk -t1 -c"$connections" -d"${seconds}s" -s "$dir/telemetry.lua" "http://127.0.0.1:$port" > "$dir/wrk.txt"; } 2> "$dir/time.txt"
    theirs=$(awk 'NR == FNR { cpu = $1 + $2; next } / requests in / { printf "%d %.2f", $1, cpu / $1 * 1e6 }' "$dir/time.txt" "$dir/wrk.txt")
    awk -v round="$round" -v ours="$ours" -v theirs="$theirs" 'BEGIN {
        match(ours, /[0-9.]+ us/); us = substr(ours, RSTART, RLENGTH - 3); split(theirs, wrk, " ")
        printf "round %d: hotbed %s us, wrk %s us CPU per request, ratio %.2f   (%s; wrk: %s requests)\n", round, us, wrk[2], us / wrk[2], ours, wrk[1] }'
done
