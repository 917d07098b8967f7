#!/usr/bin/env bash
# Both servers behind nginx as a reverse proxy, as it is from the package (HTTP/1.0 towards us, bodies buffered) and as people
# set it up for WebSockets and uploads (HTTP/1.1, kept connections, nothing buffered): PrusaLink of each dialect judged, used by
# curl and brought into step through it; printers of Connect over HTTP and WebSocket that register, obey and fetch a file.
set -u
hotbed=$(realpath "$1")
. "$(dirname "$0")/lib.sh"
nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || {
    echo "SKIPPED there is no nginx" >&2
    exit 0
}
work=$(mktemp -d)
chmod 755 "$work" # for the workers of an nginx that root has started
pids=()
end() {
    kill "${pids[@]}" 2>/dev/null
    wait 2>/dev/null
    rm -rf "$work"
}
trap end EXIT
export HOTBED_PASSWORD=Sup3rSecret

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# said FILE WORDS: the address that stands behind these words, once it is there
said() {
    local text=
    for _ in $(seq 400); do
        text=$(sed -n "s,.*$2 http://\([^ /\,]*\).*,\1,p" "$1" 2>/dev/null | head -1)
        [ -n "$text" ] && break
        sleep 0.05
    done
    echo "$text"
}

# proxy NAME PLACE: plain_NAME and kept_NAME become the ports of an nginx in front of it
proxy() {
    local plain kept
    plain=$(free_port)
    kept=$(free_port)
    declare -g "plain_$1=$plain" "kept_$1=$kept"
    cat >"$work/$1.conf" <<CONF
daemon off;
pid $work/$1.pid;
error_log $work/$1.err;
events {}
http {
    access_log off;
    client_max_body_size 0;
    client_body_temp_path $work/$1.body;
    proxy_temp_path $work/$1.proxy;
    fastcgi_temp_path $work/$1.fastcgi;
    uwsgi_temp_path $work/$1.uwsgi;
    scgi_temp_path $work/$1.scgi;
    map \$http_upgrade \$wanted { default upgrade; '' ''; }
    upstream ours { server $2; keepalive 2; }
    server {
        listen 127.0.0.1:$plain;
        location / { proxy_pass http://$2; }
    }
    server {
        listen 127.0.0.1:$kept;
        location / {
            proxy_pass http://ours;
            proxy_http_version 1.1;
            proxy_set_header Host \$http_host;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection \$wanted;
            proxy_set_header X-Forwarded-For \$remote_addr;
            proxy_request_buffering off;
            proxy_buffering off;
        }
    }
}
CONF
    "$nginx" -e "$work/$1.err" -c "$work/$1.conf" 2>/dev/null &
    pids+=($!)
    for _ in $(seq 100); do
        (: <"/dev/tcp/127.0.0.1/$kept") 2>/dev/null && return
        sleep 0.05
    done
    fail "nginx in front of $1 does not start"
    cat "$work/$1.err"
}

# ---- PrusaLink ----

head -c 300000 /dev/zero | tr '\0' ' ' | sed 's/ /G1 X1\n/g' | head -c 300000 >"$work/part.gcode"

# judge MODEL PORT, and judged MODEL: nothing of its contract is broken by a proxy in front; how its bytes are framed is the proxy's
judge() {
    timeout 200 "$hotbed" check prusalink "http://127.0.0.1:$2" --user maker --password "$HOTBED_PASSWORD" >"$work/$1.judged" 2>&1 &
    pids+=($!)
    declare -g "judge_$1=$!"
}

judged() {
    local judge=judge_$1
    if wait "${!judge}" && grep -q ', 0 failed' "$work/$1.judged"; then
        pass "$1 judged behind nginx"
    else
        fail "$1 behind nginx"
        grep -A4 '^fail' "$work/$1.judged" | head -40
    fi
}

# used MODEL PORT STORAGE: an upload is there as it was sent, and its references lead through the proxy
used() {
    local url=http://127.0.0.1:$2 name=part$2.gcode code ref
    local curl=(curl -s -m 30 --digest -u "maker:$HOTBED_PASSWORD")
    code=$("${curl[@]}" -o /dev/null -w '%{http_code}' -H 'Content-Type: text/x.gcode' -T "$work/part.gcode" \
        "$url/api/v1/files/$3/$name")
    [ "$code" = 201 ] && pass || fail "$1: upload through nginx: $code"
    for _ in $(seq 40); do # the Pi's tree is a little behind its disk
        ref=$("${curl[@]}" "$url/api/v1/files/$3/$name" | jq -r .refs.download 2>/dev/null)
        [[ $ref == /* ]] && break
        sleep 0.1
    done
    "${curl[@]}" -o "$work/back" "$url${ref// /%20}"
    check "$1: what comes back through nginx" cmp "$work/part.gcode" "$work/back"
    code=$("${curl[@]}" -o /dev/null -w '%{http_code}' -X DELETE "$url/api/v1/files/$3/$name")
    [[ $code =~ ^20[04]$ ]] && pass || fail "$1: delete through nginx: $code"
}

prusalink() {
    local model storage
    for model in mk4 mk3s sl1; do
        "$hotbed" printer $model --prusalink 0 --duration 5m --trace "$work/$model.trace" >"$work/$model.out" 2>&1 &
        pids+=($!)
        declare -g "printer_$model=$!"
        proxy $model "$(said "$work/$model.out" 'PrusaLink at')"
    done
    sleep 8 # a Pi and a resin printer boot
    judge mk4 "$kept_mk4" # waits for nonces to grow old, so all at once
    judge mk3s "$plain_mk3s"
    judge sl1 "$kept_sl1"
    for model in mk4 mk3s sl1; do
        judged $model
    done
    for model in mk4 mk3s; do # the third serves nothing of v1
        local plain=plain_$model kept=kept_$model
        storage=$([ $model = mk3s ] && echo local || echo usb)
        used $model "${!plain}" $storage
        used $model "${!kept}" $storage
    done
    printf 'mk4:\n  host: http://127.0.0.1:%s\n  username: maker\n  password: %s\n  printer_type: MK4\n' \
        "$kept_mk4" "$HOTBED_PASSWORD" >"$work/farm.yaml"
    mkdir -p "$work/folder/deep"
    cp "$work/part.gcode" "$work/folder/deep/"
    says 0 'in step 1' sync "$work/farm.yaml" "$work/folder" --execute
    says 0 '0 B to send' sync "$work/farm.yaml" "$work/folder"
    kill -TERM "$printer_mk4"
    wait "$printer_mk4"
    check "the trace has what came" grep -q '"kind": "request", "text": "PUT /api/v1/files/usb/part' "$work/mk4.trace"
    check "and no password" not grep -q "$HOTBED_PASSWORD" "$work/mk4.trace"
}

not() {
    ! "$@"
}

# ---- Connect ----

# fetches NAME PORT ROOT HOW MODEL OPTION...: a printer registers, tells about itself and fetches a file, all through nginx
fetches() {
    local name=$1 port=$2 root=$3 how=$4 hash id fate
    shift 4
    "$hotbed" mock connect --listen 127.0.0.1:0 --control 127.0.0.1:0 --for 5m >"$work/$name.mock" 2>&1 &
    pids+=($!)
    local control=$(said "$work/$name.mock" 'control on')
    proxy "$name" "$(said "$work/$name.mock" 'listening on')"
    port=${port}_$name
    "$hotbed" printer "$@" --connect "http://127.0.0.1:${!port}" --duration 2m >"$work/$name.out" 2>&1 &
    pids+=($!)
    for _ in $(seq 300); do
        [ "$(curl -s "http://$control/printers" | jq -r '.[0].registration')" = registered ] && break
        sleep 0.1
    done
    hash=$(curl -s "http://$control/files?name=part.gcode" --data-binary "@$work/part.gcode" | jq -r .hash)
    id=$(curl -s "http://$control/printers/1/commands" -d '{"command": "SEND_INFO"}' | jq -r .id)
    fate=$(ended "$control" "$id")
    [ "$fate" = finished ] && pass || fail "$name: SEND_INFO through nginx: $fate"
    id=$(curl -s "http://$control/printers/1/downloads" -d "{\"hash\": \"$hash\", \"path\": \"$root/part.gcode\", \"how\": \"$how\"}" |
        jq -r .id)
    for _ in $(seq 300); do
        fate=$(curl -s "http://$control/printers/1" | jq -r '.transfers[0].status // "none"')
        [ "$fate" = finished ] && break
        sleep 0.1
    done
    [ "$fate" = finished ] && pass || fail "$name: a file through nginx: $fate"
}

ended() {
    local fate=
    for _ in $(seq 200); do
        fate=$(curl -s "http://$1/commands/$2" | jq -r .status)
        case $fate in finished | rejected | failed) break ;; esac
        sleep 0.1
    done
    echo "$fate"
}

prusalink
fetches sdk plain '/PrusaLink gcodes' connect mk3s
fetches buddy kept /usb encrypted mk4
fetches socket kept /usb encrypted mk4 --websocket
finish
