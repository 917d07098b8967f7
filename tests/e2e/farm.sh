#!/usr/bin/env bash
# hotbed farm and hotbed merge as people and launchers use them: workers that are killed, shards, servers that break.
set -u
hotbed=$1
. "$(dirname "$0")/lib.sh"
work=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null; rm -rf "$work"' EXIT

server() { # OPTION...: a mock server that takes every printer; sets $url and $server
    local out=$work/server-${#servers[@]}
    : >"$out"
    "$hotbed" mock connect --listen "${at:-127.0.0.1:0}" --control 127.0.0.1:0 --adopt "$@" >"$out" 2>&1 &
    server=$!
    servers+=("$server")
    for _ in $(seq 100); do
        grep -q '^control on' "$out" && break
        sleep 0.05
    done
    url=$(sed -n 's/^listening on //p' "$out")
}

declare -A running
begin() { # NAME ARGUMENT...: in the background, output in $work/NAME.txt
    local name=$1
    shift
    timeout 60 "$hotbed" farm "$@" >"$work/$name.txt" 2>&1 </dev/null &
    running[$name]=$!
}

ends() { # CODE NAME: wait for it
    wait "${running[$2]}"
    local status=$?
    if [ "$status" -eq "$1" ]; then
        pass "$2"
    else
        fail "$2: exit code $status, expected $1"
        tail -20 "$work/$2.txt"
    fi
}

measuring() { # NAME: begun with --prometheus; wait until all of its 32 printers are on and their telemetry is measured
    local at figures
    for _ in $(seq 600); do
        at=$(sed -n 's/^figures are at //p' "$work/$1.txt")
        figures=$([ -z "$at" ] || curl -s "$at")
        grep -q '^hotbed_farm_printers_on 32$' <<<"$figures" &&
            grep -q '^hotbed_farm_answers_total{.*step="telemetry".*} [1-9]' <<<"$figures" && return
        sleep 0.05
    done
    fail "$1: 32 printers on and measured within 30 s"
}

children() { # PID
    tr -d '\n' <"/proc/$(($1))/task/$(($1))/children"
}

says_file() { # NAME WORDS
    check "$1 says: $2" grep -qF -- "$2" "$work/$1.txt"
}

cp scenarios/examples/files/cube.gcode "$work/"
cat > "$work/small.yaml" <<'YAML'
name: small
duration: 6s
warm_up: 3s
arrival: {ramp: 1s}
groups:
  - name: sdk
    model: mk3
    count: 24
    host: sdk
    token: t{printer}
    telemetry: {style: full, interval: 500ms}
  - name: printing
    model: mk3s
    count: 8
    host: sdk
    token: t{printer}
    files: [cube.gcode]
    states: [{weight: 1, print: cube.gcode}]
    telemetry: {style: full, interval: 1s}
thresholds:
  - telemetry.failed == 0
  - telemetry.count == 168
  - telemetry.unfinished == 0
# Sanitizers and a busy machine are slow; what is tested here is not how slow.
generator: {lateness: 1m, cpu: 100}
YAML
small=$work/small.yaml

# ---- both transports of Buddy printers, a fault in a group, commands that the mock server is asked for ----
cat > "$work/mixed.yaml" <<'YAML'
name: mixed
duration: 8s
warm_up: 2s
arrival: {ramp: 1s}
groups:
  - {name: http, model: mk4, count: 5, token: 'a-token-of-http-{printer}', telemetry: {interval: 1s}}
  - {name: websocket, model: xl, count: 5, websocket: true, token: 'a-token-of-sock-{printer}', telemetry: {interval: 1s}}
  - name: sdk
    model: mk3s
    count: 5
    host: sdk
    token: t{printer}
    telemetry: {style: full, interval: 1s}
    faults: ['drop-header=telemetry#30:Token']
commands: [{command: SEND_INFO, every: 2s}]
generator: {lateness: 1m, cpu: 100}
YAML
cat > "$work/transfers.yaml" <<'YAML'
name: transfers
duration: 20s
arrival: {ramp: 1s}
telemetry: {interval: 1s}
groups:
  - {name: http, model: mk4, count: 3, token: 'a-token-of-http-{printer}', pause: 1s, states: [{weight: 1, transfer: cube.gcode}]}
  - {name: socket, model: xl, count: 3, websocket: true, token: 'a-token-of-sock-{printer}', pause: 1s, states: [{weight: 1, transfer: cube.gcode}]}
  - {name: sdk, model: mk3s, count: 3, host: sdk, token: 't{printer}', pause: 1s, states: [{weight: 1, transfer: cube.gcode}]}
generator: {lateness: 1m, cpu: 100}
YAML
offered() { # OPTION...: a server with a file; sets $url and $control
    server --serve "$work/cube.gcode" "$@"
    control=$(sed -n 's/^control on //p' "$work/server-$((${#servers[@]} - 1))")
}
offered
says 2 "transfers are begun by a hotbed mock connect: --control URL says which" farm "$work/transfers.yaml" --target connect="$url"
begin transfers "$work/transfers.yaml" --target connect="$url" --control "$control" --json "$work/transfers.json"
offered --misbehave file-status=404
begin refused "$work/transfers.yaml" --target connect="$url" --control "$control" --json "$work/refused.json"
offered --misbehave ws-status=403
begin denied "$work/transfers.yaml" --target connect="$url" --control "$control" --json "$work/denied.json"
server
control=$(sed -n 's/^control on //p' "$work/server-$((${#servers[@]} - 1))")
says 3 'no file "cube.gcode" is offered there' farm "$work/transfers.yaml" --target connect="$url" --control "$control"
server
control=$(sed -n 's/^control on //p' "$work/server-$((${#servers[@]} - 1))")
says 2 "--control URL says which" farm "$work/mixed.yaml" --target connect="$url"
says 3 "--control http://127.0.0.1:1" farm "$work/mixed.yaml" --target connect="$url" --control http://127.0.0.1:1
begin mixed "$work/mixed.yaml" --target connect="$url" --control "$control" --json "$work/mixed.json"

# ---- a whole farm in one process and in several, and in two shards as Slurm and Open MPI would start them ----
server
main=$url main_server=$server
begin one "$small" --target connect="$main" --csv "$work/one.csv" --junit "$work/one.xml" --json "$work/one.json"
begin three "$small" --target connect="$main" --workers 3 --result "$work/three.json" --prometheus 127.0.0.1:0
SLURM_PROCID=0 SLURM_NTASKS=2 begin shard0 "$small" --target connect="$main" --result "$work/shard0.json"
OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 begin shard1 "$small" --target connect="$main" --result "$work/shard1.json"
measuring three
pass "figures can be scraped"
ends 0 mixed
of_mixed() { # GROUP EXPRESSION: of that group's steps
    check "mixed, $1: $2" jq -e --arg group "$1" ".groups[] | select(.name == \$group) | .steps | $2" "$work/mixed.json"
}
for group in http websocket; do
    of_mixed $group '.telemetry.ok >= 25 and .telemetry.planned == .telemetry.ok + .telemetry.unfinished'
    of_mixed $group '.command.ok >= 3 and .event.ok >= 3'
done
of_mixed sdk '.telemetry.failed["status 4xx"] > 0'
of() { # RUN GROUP EXPRESSION: of the steps of that group
    check "$1, $2: $3" jq -e --arg group "$2" ".groups[] | select(.name == \$group) | .steps | $3" "$work/$1.json"
}
ends 0 transfers
ends 0 refused
ends 0 denied
for group in http socket sdk; do
    of transfers $group '.transfer.ok >= 3 and (.transfer.failed | add // 0) == 0'
    of transfers $group '.transfer.planned == .transfer.ok + .transfer.unfinished'
done
of refused sdk '.transfer.failed["status 4xx"] > 0 and .transfer.ok == 0'
of denied socket '.event.failed["status 4xx"] > 0 and .telemetry.ok == 0'
of denied http '(.telemetry.failed | add // 0) == 0'
ends 0 one
ends 0 three
ends 1 shard0 # half of the printers are half of the telemetry: its own threshold on the count is missed
ends 1 shard1
says_file one "held    telemetry.count == 168"
says_file shard0 "shard 0 of 2 (from Slurm)"
says_file shard1 "shard 1 of 2 (from Open MPI)"
check "JUnit is XML" xmllint --noout "$work/one.xml"
check "CSV has a row a second" test "$(wc -l < "$work/one.csv")" -ge 7
check "JSON tells all printers" test "$(jq '[.groups[].printers_here] | add' "$work/one.json")" = 32
counts='[.groups[] | {name, printers_here, printer_us: (.printer_us / 1e5 | round), planned: .steps.telemetry.planned}]'
check "workers are printer by printer the whole" test "$(jq -c "$counts" "$work/one.json")" = "$(jq -c "$counts" "$work/three.json")"

says 0 "held    telemetry.count == 168" merge "$work/shard0.json" "$work/shard1.json" "$work/shard0.json" --json "$work/merged.json"
check "shards are printer by printer the whole" test "$(jq -c "$counts" "$work/one.json")" = "$(jq -c "$counts" "$work/merged.json")"
says 4 "of 2 shards these are missing: 0" merge "$work/shard1.json"
says 2 "expected the results of shards" merge
says 2 "expected a result of one shard" merge "$work/merged.json"
says 2 "three.json: it is of another number of shards" merge "$work/shard0.json" "$work/three.json"
head -c 2000 "$work/shard0.json" > "$work/cut.json"
says 2 "cut.json: it is no JSON, or cut off" merge "$work/cut.json"
sed 's/"hotbed_farm_shard":3/"hotbed_farm_shard":9/' "$work/shard0.json" > "$work/later.json"
says 2 "expected version 3, found 9" merge "$work/later.json"
check "the union of shards is the list of all" diff <("$hotbed" farm "$small" --list) \
    <(for i in 0 1 2 3 4; do "$hotbed" farm "$small" --list --shard $i/5; done | sort -n)

# ---- what goes wrong: a worker is killed, a signal comes, nobody is there, errors, garbage, a server that goes ----
server --misbehave telemetry-status=503%50
broken=$url
server
again=$url going=$server
begin killed "$small" --target connect="$main" --workers 3 --duration 15s --result "$work/killed.json" --prometheus 127.0.0.1:0
begin ended "$small" --target connect="$main" --duration 1h --prometheus 127.0.0.1:0
begin nobody "$small" --target connect=http://127.0.0.1:1
begin errors "$small" --target connect="$broken"
begin restart "$small" --target connect="$again" --duration 25s --json "$work/restart.json" --prometheus 127.0.0.1:0
measuring killed
measuring ended
measuring restart
read -r first _ <<<"$(children "$(children "${running[killed]}")")"
kill -KILL "$first"
kill -TERM $(children "${running[ended]}")
kill -TERM "$going"
wait "$going" 2>/dev/null
sleep 0.5
at=${again#http://} server
ends 4 killed
says_file killed "INCOMPLETE: 1 of 3 workers died before their end"
check "what the dead one had counted is there" test "$(jq '[.groups[].printers_here] | add' "$work/killed.json")" = 32
says 4 "workers died" merge "$work/killed.json"
ends 130 ended
says_file ended "INTERRUPTED"
ends 3 nobody
says_file nobody "connect"
ends 1 errors
says_file errors "status 5xx"
ends 1 restart
check "the gap is told by cause" grep -Eq '[1-9][0-9]* (connect|reset|missing reply)$' "$work/restart.txt"
check "all are back after the gap" test "$(jq '[.seconds[15:][][1]] | max' "$work/restart.json")" = 32
check "each came back once" test "$(jq .reconnects "$work/restart.json")" = 32
check "nothing doubles" jq -e '[.groups[].steps.telemetry | .planned == .ok + .skipped + .unfinished + ([.failed[]] | add // 0)] | all' "$work/restart.json"

# ---- servers that answer in other ways, or not at all ----
faults=(garbage=hello:wrong\ reply close:missing\ reply reset:reset silent:skipped:\ four\ waited\ already telemetry-status=302:status\ 3xx truncate=9:wrong\ reply)
for i in "${!faults[@]}"; do
    server --misbehave "${faults[i]%%:*}"
    begin "fault$i" "$small" --target connect="$url"
done
server --misbehave close-behind --misbehave slow=0.001
begin slow "$small" --target connect="$url"

cat > "$work/mute.yaml" <<'YAML'
# A Buddy printer first asks 5 s after its start.
duration: 8s
arrival: {ramp: 0s}
groups: [{name: a, model: mk4, count: 4}]
thresholds: [register.failed < 1%]
generator: {lateness: 1m, cpu: 100}
YAML
server --misbehave silent
begin mute "$work/mute.yaml" --target connect="$url" --json "$work/mute.json"

# ---- TLS, several addresses, commands ----
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" \
    -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>/dev/null
server --tls-cert "$work/cert.pem" --tls-key "$work/key.pem"
begin trusted "$small" --target connect="$url" --ca "$work/cert.pem" --source-address 127.0.0.2 --source-address 127.0.0.3 \
    --threshold "tls.failed == 0" --json "$work/trusted.json"
begin stranger "$small" --target connect="$url"
trusted_url=$url
control=$(sed -n 's/^control on //p' "$work/server-$((${#servers[@]} - 1))")
sleep 3
# 127.0.0.1 is where the stranger comes from.
sources=$(awk -v port="$(printf :%04X "${url##*:}")" 'substr($3, 9) == port && $4 == "01" { print substr($2, 1, 8) }' \
    /proc/net/tcp | grep -v 0100007F | sort -u | tr '\n' ' ')
check "both addresses are used" test "$sources" = "0200007F 0300007F "
for printer in 1 2 3 4; do
    curl -sf "$control/printers/$printer/commands" -d '{"command": "SEND_INFO"}' >/dev/null
done
ends 0 trusted
ends 3 stranger
says_file stranger " tls"
check "commands are answered" test "$(jq '[.groups[].steps.command.ok // 0] | add' "$work/trusted.json")" = 4
ends 3 mute
for i in "${!faults[@]}"; do
    wait "${running[fault$i]}"
    status=$?
    check "${faults[i]}: told by its cause" grep -Eq "[1-9][0-9]* ${faults[i]#*:}\$" "$work/fault$i.txt"
    check "${faults[i]}: exit code $status" test "$status" = $([[ ${faults[i]} = telemetry* ]] && echo 1 || echo 3)
done
ends 0 slow

# Buddy printers know one cipher suite, which a server with an RSA key alone does not (connect-buddy.md 1.2).
cat > "$work/ciphers.yaml" <<'YAML'
name: ciphers
duration: 5s
arrival: {ramp: 1s}
groups:
  - {name: buddy, model: mk4, count: 3, token: 'a-token-of-http-{printer}', telemetry: {interval: 1s}}
  - {name: socket, model: mk4, count: 3, websocket: true, token: 'a-token-of-sock-{printer}', telemetry: {interval: 1s}}
  - {name: sdk, model: mk3s, count: 3, host: sdk, token: 't{printer}', telemetry: {style: full, interval: 1s}}
generator: {lateness: 1m, cpu: 100}
YAML
begin elliptic "$work/ciphers.yaml" --target connect="$trusted_url" --ca "$work/cert.pem" --json "$work/elliptic.json"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/rsa-key.pem" -out "$work/rsa-cert.pem" \
    -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>/dev/null
server --tls-cert "$work/rsa-cert.pem" --tls-key "$work/rsa-key.pem"
begin rsa "$work/ciphers.yaml" --target connect="$url" --ca "$work/rsa-cert.pem" --json "$work/rsa.json"
ends 0 elliptic
ends 0 rsa
of elliptic buddy '.telemetry.ok > 0 and (.tls.failed | add // 0) == 0'
of elliptic socket '.telemetry.ok > 0 and (.tls.failed | add // 0) == 0'
of rsa buddy '.tls.failed.tls > 0 and .tls.ok == 0 and .event.ok == 0 and (.telemetry.ok // 0) == 0'
of rsa socket '.tls.failed.tls > 0 and .tls.ok == 0 and .event.ok == 0 and (.telemetry.ok // 0) == 0'
of rsa sdk '.telemetry.ok > 0 and (.tls.failed | add // 0) == 0'

# ---- a server that accepts and never says a word: what waits is told, and nothing is held of it ----
check "silent: registrations are unfinished" jq -e '.groups[0].steps.register | .planned == 4 and .unfinished == 4' "$work/mute.json"
says_file mute "MISSED  register.failed < 1%  (nothing was measured)"

# ---- bad input ----
sed 's/count: 24/count: 0/' "$small" > "$work/bad.yaml"
says 2 "bad.yaml:8: field 'groups[0].count'" farm "$work/bad.yaml" --target connect="$main"
for bad in 'transfer: no/such' 'transfer: .hidden.gcode' 'transfer: cube.gcode, print: cube.gcode'; do
    sed "s|states: .*|states: [{weight: 1, $bad}]|" "$small" > "$work/bad.yaml"
    says 2 "bad.yaml:18: field 'groups[1].states[0].transfer'" farm "$work/bad.yaml" --target connect="$main"
done
says 2 "none.yaml: No such file" farm "$work/none.yaml" --target connect="$main"
says 2 "which server?" farm "$small"
says 2 "--target: expected connect=" farm "$small" --target "$main"
says 2 "expected a threshold as" farm "$small" --target connect="$main" --threshold "speed > 9000"
says 2 "shard \"2/2\"" farm "$small" --target connect="$main" --shard 2/2
says 2 "s ago" farm "$small" --target connect="$main" --start-at 2020-01-01T00:00:00Z
says 2 "--source-address: 192.0.2.1: Cannot assign requested address" farm "$small" --target connect="$main" --source-address 192.0.2.1
says 2 "--json: $work/no/such/place.json: cannot be written" farm "$small" --target connect="$main" --json "$work/no/such/place.json"
says 2 "standard output takes one report" farm "$small" --target connect="$main" --json - --csv -
timeout --preserve-status -s INT 1 "$hotbed" farm "$small" --target connect="$main" --start-at $(($(date +%s) + 60)) >"$work/early.txt" 2>&1
check "told to stop before the start: 130" test $? = 130
says_file early "interrupted before the start"
says 2 "expected an IPv4 or IPv6 address" farm "$small" --target connect="$main" --source-address here
says 2 "--result: " farm "$small" --target connect="$main" --result "$work/no/such/place.json"
says 2 "--workers: expected a number" farm "$small" --target connect="$main" --workers 0
sed 's/count: 24/count: 300/' "$small" > "$work/many.yaml"
output=$( (ulimit -n 200 && "$hotbed" farm "$work/many.yaml" --target connect="$main") 2>&1)
check "too few open files: says what to do" grep -q "use --workers 5 or more" <<<"$output"
kill "$main_server" 2>/dev/null
finish
