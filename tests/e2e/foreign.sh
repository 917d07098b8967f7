#!/usr/bin/env bash
# What hotbed serves and speaks, against implementations that are not ours: PrusaLink under python3-requests, a virtual MK4
# at a Connect server of python3-websockets and at one of http.server that encrypts by openssl, printers of both styles of
# python3-websockets, python3-requests and http.client at the mock server. The programs are scripts/foreign_*.py.
set -u
hotbed=$(realpath "$1")
. "$(dirname "$0")/lib.sh"
scripts=$(cd "$(dirname "$0")" && pwd)/scripts
project=${HOTBED_SHARED:-../shared}/data/Shape-Box.sl1
work=$(mktemp -d)
pids=()
names=()

end() {
    kill "${pids[@]}" 2>/dev/null
    wait 2>/dev/null
    rm -rf "$work"
}
trap end EXIT
export PYTHONDONTWRITEBYTECODE=1 HOTBED_PASSWORD=Sup3rSecret
token=abcdefghij1234567890

# with MODULE NAME: the first Python that has it; the system's may not be the first on the path
with() {
    local python
    for python in python3 /usr/bin/python3; do
        "$python" -c "from $1 import $2" 2>/dev/null && echo "$python" && return
    done
    echo "SKIPPED python3 has no $1.$2" >&2
}
requests=$(with requests Session)
websockets=$(with websockets.server ServerConnection)

# said FILE WORDS: what stands behind these words, once they are there
said() {
    local text=
    for _ in $(seq 400); do
        text=$(sed -n "s/.*$2 \([^ ,]*\).*/\1/p" "$1" 2>/dev/null | head -1)
        [ -n "$text" ] && break
        sleep 0.05
    done
    echo "$text"
}

# run NAME PYTHON PROGRAM ARGUMENT...: in the background; its counts are taken up by `counted`
run() {
    local name=$1 python=$2 program=$3
    shift 3
    "$python" "$scripts/$program.py" "$@" >"$work/$name.counts" 2>&1 &
    pids+=($!)
    names+=("$name")
    declare -g "pid_$name=$!"
}

# counted NAME: it has ended; what it counted is ours
counted() {
    local pid=pid_$1 counts
    wait "${!pid}"
    counts=$(grep -o '^[0-9]* passed, [0-9]* failed$' "$work/$1.counts")
    grep '^SKIPPED' "$work/$1.counts"
    if [ -z "$counts" ]; then
        fail "$1 came to no end"
        tail -n 20 "$work/$1.counts"
        return
    fi
    passed=$((passed + ${counts%% *}))
    counts=${counts#*, }
    failed=$((failed + ${counts%% *}))
    grep '^FAIL' "$work/$1.counts" | sed "s/^FAIL/FAIL $1:/"
}

# printer MODEL: with PrusaLink, looked at and used by requests
printer() {
    local model=$1 key=$HOTBED_PASSWORD
    [ "$model" = mk3s ] && key=key-of-a-test
    HOTBED_API_KEY=$key "$hotbed" printer "$model" --prusalink 0 --duration 5m >"$work/$model.out" 2>&1 &
    pids+=($!)
    run "$model" "$requests" foreign_prusalink "$model" "$(said "$work/$model.out" 'PrusaLink at')" "$HOTBED_PASSWORD" "$key" \
        $([ -f "$project" ] && echo "$project")
}

# server NAME PYTHON PROGRAM MODE OPTION...: a mock server and the program that plays a printer at it
server() {
    local name=$1 python=$2 program=$3 mode=$4
    shift 4
    "$hotbed" mock connect --listen 127.0.0.1:0 --control 127.0.0.1:0 --for 5m "$@" >"$work/$name.mock" 2>&1 &
    pids+=($!)
    declare -g "mock_$name=$!"
    run "$name" "$python" "$program" "$mode" "$(said "$work/$name.mock" 'listening on')" \
        "$(said "$work/$name.mock" 'control on')" $token
}

# judged NAME: the program's counts, and the judge's word about a printer that is not ours
judged() {
    local mock=mock_$1
    counted "$1"
    kill -TERM "${!mock}"
    wait "${!mock}"
    if [ $? -eq 0 ]; then
        pass "$1 kept the contract"
    else
        fail "$1 kept the contract"
        cat "$work/$1.mock"
    fi
}

mkdir "$work/plain" "$work/secure" "$work/files"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null

run files "$(command -v python3)" foreign_download "$hotbed" "$work/files"
if [ -n "$requests" ]; then
    for model in mk3s mk4 xl sl1; do
        printer $model
    done
    for codec in microhttpd wire; do
        server sdk_$codec "$requests" foreign_sdk sdk --codec $codec
        server sdk_odd_$codec "$requests" foreign_sdk odd --codec $codec
    done
fi
if [ -n "$websockets" ]; then
    run plain "$websockets" foreign_websocket "$hotbed" "$work/plain"
    run secure "$websockets" foreign_websocket "$hotbed" "$work/secure" "$work/cert.pem" "$work/key.pem"
    for codec in microhttpd wire; do
        server buddy_$codec "$websockets" foreign_buddy firmware --codec $codec --token $token
        server buddy_odd_$codec "$websockets" foreign_buddy odd --codec $codec --token $token
    done
fi
for name in "${names[@]}"; do
    case $name in
    *_odd_*) counted "$name" ;; # which breaks the contract of firmware on purpose
    sdk_* | buddy_*) judged "$name" ;;
    *) counted "$name" ;;
    esac
done
finish
