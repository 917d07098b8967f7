#!/usr/bin/env bash
# How many GET /api/v1/status with digest a second one virtual printer answers, and how many of the same bytes nginx gives from a
# file, with the same client (wrk) in turn; then the memory of a serving printer.
#   tests/bench/prusalink-against-nginx.sh [MODEL [CONNECTIONS [SECONDS [ROUNDS]]]]
# The Raspberry Pi's server closes behind each answer, and so does nginx then; Buddy's keeps three connections.
set -euo pipefail
cd "$(dirname "$0")/../.."
model=${1:-mk3s} connections=${2:-3} seconds=${3:-5} rounds=${4:-3}
hotbed=build/release/hotbed
[ -x $hotbed ] || { echo "first: cmake --preset release && cmake --build --preset release" >&2; exit 2; }
ulimit -n "$(ulimit -Hn)"
dir=$(mktemp -d)
chmod 755 "$dir" # for the worker of an nginx that root has started
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT

export HOTBED_PASSWORD=bench-Passw0rd-15
start() { # LOG OPTION...
    $hotbed printer "$model" --prusalink 0 "${@:2}" > "$1" &
    pids+=($!)
}

start "$dir/log"
printer=$!
for _ in $(seq 100); do grep -q 'PrusaLink at' "$dir/log" && break; sleep 0.05; done
url=$(sed -n 's/.*PrusaLink at \([^,]*\),.*/\1/p' "$dir/log")/api/v1/status
for _ in $(seq 200); do
    curl -s -A bench --digest -u "maker:$HOTBED_PASSWORD" -D "$dir/head" -o "$dir/body" "$url" || true
    grep -q '"IDLE"' "$dir/body" 2>/dev/null && grep -q temp_nozzle "$dir/body" && break
    sleep 0.2
done

# The same head and body from a file: nginx writes headers of its own, so the body is padded to the whole.
size=$(($(sed -n '/ 200 /,$p' "$dir/head" | wc -c) + $(wc -c < "$dir/body") - 200))
mkdir "$dir/root"
{ cat "$dir/body"; head -c "$((size > $(wc -c < "$dir/body") ? size - $(wc -c < "$dir/body") : 0))" /dev/zero | tr '\0' ' '; } > "$dir/root/status"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
keep=$([ "$(grep -c 'HTTP/1.0' "$dir/head")" -gt 0 ] && echo 0 || echo 65)
cat > "$dir/nginx.conf" <<CONF
worker_processes 1;
pid $dir/nginx.pid;
error_log $dir/error.log;
events { worker_connections 10000; }
http {
    access_log off;
    keepalive_timeout $keep;
    keepalive_requests 1000000000;
    open_file_cache max=10;
    default_type application/json;
    client_body_temp_path $dir/b; proxy_temp_path $dir/p; fastcgi_temp_path $dir/f; uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
    server { listen 127.0.0.1:$port; location = /api/v1/status { alias $dir/root/status; } }
}
CONF
/usr/sbin/nginx -c "$dir/nginx.conf" -g 'daemon off;' &
pids+=($!)
sleep 0.5

credentials() { # as curl sends them now
    curl -sv -A bench --digest -u "maker:$HOTBED_PASSWORD" -o /dev/null "$url" 2>&1 | sed -n 's/^> Authorization: //p' | tr -d '\r' | tail -1
}
rate() { # URL
    wrk -t1 -c"$connections" -d"${seconds}s" -H 'User-Agent: bench' -H "Authorization: $1" "$2" > "$dir/wrk"
    grep Non-2xx "$dir/wrk" >&2 && exit 1
    awk '/Requests\/sec/ { print $2 }' "$dir/wrk"
}
cpu() { # PID: ticks
    awk '{ print $14 + $15 }' "/proc/$1/stat"
}

for round in $(seq "$rounds"); do
    before=$(cpu "$printer")
    ours=$(rate "$(credentials)" "$url")
    ticks=$(($(cpu "$printer") - before))
    theirs=$(rate "$(credentials)" "http://127.0.0.1:$port/api/v1/status")
    awk -v r="$round" -v a="$ours" -v b="$theirs" -v m="$model" -v t="$ticks" -v s="$seconds" 'BEGIN {
        printf "round %d: %s %.0f requests/s (%.1f us CPU each), nginx %.0f, ratio %.2f\n", r, m, a, t * 10000 / (a * s), b, a / b }'
done

memory() { # COUNT: anonymous memory in KiB when all serve
    start "$dir/row" --count "$1"
    for _ in $(seq 400); do [ "$(grep -c 'PrusaLink at' "$dir/row")" -ge "$1" ] && break; sleep 0.05; done
    sleep 15
    awk '/^RssAnon/ { print $2 }' "/proc/$!/status"
    kill $!
}
few=$(memory 100) many=$(memory 1100)
echo "memory of a serving printer: $(((many - few) * 1024 / 1000)) bytes"
