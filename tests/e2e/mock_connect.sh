#!/usr/bin/env bash
# hotbed mock connect as a person with curl uses it: registration, a command, the log, misbehaviour, a clean end.
set -u
hotbed=$1
work=$(mktemp -d)
passed=0 failed=0

ok() { # NAME CONDITION...
    local name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "not ok: $name"
    fi
}

has() { # FILE TEXT
    grep -qF -- "$2" "$1"
}

has_not() { # FILE TEXT
    ! grep -qF -- "$2" "$1"
}

is() { # FILE EXPRESSION: of the JSON in it
    jq -e "$2" "$1" >/dev/null
}

start() { # OPTION...: a server on free ports
    "$hotbed" mock connect --listen 127.0.0.1:0 --control 127.0.0.1:0 "$@" >"$work/out" 2>"$work/err" &
    server=$!
    for _ in $(seq 100); do
        grep -q '^control on' "$work/out" && break
        kill -0 "$server" 2>/dev/null || break
        sleep 0.05
    done
    base=$(sed -n 's/^listening on //p' "$work/out")
    control=$(sed -n 's/^control on //p' "$work/out")
}

stop() { # ends it as a service manager does; a shell's background jobs ignore SIGINT
    kill -TERM "$server"
    wait "$server"
    ended=$?
}

header() { # FILE NAME
    sed -n "s/^$2: \([^\r]*\).*/\1/p" "$1"
}

json='Content-Type: application/json'
fingerprint=6ca13d52ca70c883e0f0bb101e425a89e8624de51db2d2392593af6a84118090 # of abc123
sdk=(-H "Timestamp: $(date +%s).5" -H 'User-Agent: Prusa-Connect-SDK-Printer/0.8.1' -H 'User-Agent-Printer: 1.3.1'
    -H 'User-Agent-Version: 0.8.1' -H "Fingerprint: $fingerprint")

poll() {
    curl -si "$base/p/register" "${sdk[@]}" -H "Code: $code" >"$work/r"
}

say() { # PATH BODY
    curl -si "$base/p/$1" "${sdk[@]}" -H "Token: $token" -H "$json" -d "$2" >"$work/r"
}

register() {
    curl -si "$base/p/register" "${sdk[@]}" -H "$json" -d "{\"sn\": \"abc123\", \"fingerprint\": \"$fingerprint\",
        \"printer_type\": \"1.3.1\", \"firmware\": \"3\"}" >"$work/r"
    code=$(header "$work/r" Code)
}

for codec in microhttpd wire; do
    start --codec "$codec" --auto-add never --seed 5 --trace "$work/trace"
    register
    ok "$codec: a code" test -n "$code"
    poll
    ok "$codec: waits for the user" has "$work/r" " 202"
    curl -s -X POST "$control/printers/1/add" >"$work/r"
    ok "$codec: added" has "$work/r" '"added"'
    sleep 1
    poll
    token=$(header "$work/r" Token)
    ok "$codec: a token" test -n "$token"
    say telemetry '{"temp_bed": 24.5, "state": "IDLE"}'
    ok "$codec: telemetry" has "$work/r" " 204"
    curl -s "$control/printers/1" >"$work/r"
    ok "$codec: believed" has "$work/r" 24.5
    curl -s "$control/printers/1/commands" -d '{"command": "PAUSE_PRINT"}' >"$work/r"
    id=$(sed -n 's/.*"id":[^0-9]*\([0-9]*\).*/\1/p' "$work/r")
    say telemetry '{"state": "IDLE"}'
    ok "$codec: delivered" has "$work/r" "Command-Id: $id"
    say events "{\"event\": \"ACCEPTED\", \"source\": \"CONNECT\", \"data\": {}, \"command_id\": $id, \"state\": \"IDLE\"}"
    say events "{\"event\": \"FAILED\", \"source\": \"WUI\", \"data\": {\"error\": \"no\"}, \"command_id\": $id,
        \"reason\": \"Command error\", \"state\": \"IDLE\"}"
    curl -s "$control/commands/$id" >"$work/r"
    ok "$codec: failed" has "$work/r" '"failed"'
    curl -s "$control/misbehave" -d '{"name": "telemetry-status=503:1"}' >"$work/r"
    say telemetry '{"state": "IDLE"}'
    ok "$codec: misbehaves" has "$work/r" " 503"
    say telemetry '{"state": "IDLE"}'
    ok "$codec: behaves again" has "$work/r" " 204"
    curl -s "$control/log?since=0" >"$work/r"
    ok "$codec: nine exchanges" test "$(wc -l <"$work/r")" -eq 9
    ok "$codec: no token in the log" has_not "$work/r" "$token"
    stop
    ok "$codec: no token in the trace" has_not "$work/trace" "$token"
    ok "$codec: the trace has all" test "$(wc -l <"$work/trace")" -eq 18
    ok "$codec: a clean end" test "$ended" -eq 0
    ok "$codec: a summary" has "$work/out" "1 printers, 9 requests"
done

start --misbehave no-such-thing
wait "$server"
ok "bad usage" test $? -eq 2
ok "says why" has "$work/err" "no-such-thing"

start --misbehave truncate=5
curl -s -o "$work/r" -X POST "$base/p/telemetry" -H 'Token: x' -H "$json" -d '{"state": "IDLE"}'
ok "curl sees no whole reply" test $? -ne 0
stop
ok "a stranger without Timestamp broke the contract" test "$ended" -eq 1

# Under load nothing is believed and nothing judged; commands are delivered all the same.
start --no-view --no-judge --adopt
token=anything
say telemetry '{"temp_bed": 24.5, "state": "IDLE"}'
curl -s "$control/printers/1/commands" -d '{"command": "PAUSE_PRINT"}' >"$work/r"
id=$(sed -n 's/.*"id":[^0-9]*\([0-9]*\).*/\1/p' "$work/r")
say telemetry '{"state": "PRINTING"}'
ok "no view: delivered" has "$work/r" "Command-Id: $id"
say events "{\"event\": \"REJECTED\", \"source\": \"CONNECT\", \"command_id\": $id, \"state\": \"PRINTING\"}"
curl -s "$control/commands/$id" >"$work/r"
ok "no view: answered" has "$work/r" '"rejected"'
curl -s "$control/printers/1" >"$work/r"
ok "no view: counted" is "$work/r" '.telemetry_count == 2 and .event_count == 1'
ok "no view: nothing believed" is "$work/r" '[.telemetry, .info, .files, .state] | all(. == null)'
curl -s "$control/contract" >"$work/r"
ok "not judged" has "$work/r" "nobody judges"
stop
ok "not judged: a clean end" test "$ended" -eq 0
ok "not judged: says so" has "$work/out" "1 printers, 3 requests in"
ok "not judged: says that, too" has "$work/out" "; not judged"

rm -rf "$work"
echo "$passed passed, $failed failed"
test "$failed" -eq 0
