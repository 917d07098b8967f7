#!/bin/bash
# Tokens, codes and API keys are in no trace, report, log, control endpoint, error or terminal, whoever made them and
# however a run ends.
hotbed=$1
source "$(dirname "$0")/lib.sh"
here=$(dirname "$0")/scripts
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT

# Secrets that the test chooses, so that it knows what to look for.
token=tokenSECRETtoken1
api_key=keySECRETkey
nowhere() { # FILE...: none of them in any
    ! grep -qaE 'SECRET|secret=[^<&]|(Token|Code): [^<]' "$@"
}

# ---- A scenario that does all it can to tell them ----
"$hotbed" run "$here/secrets.lua" --verbose --trace "$work/trace" --json "$work/json" --junit "$work/junit" >"$work/out" 2>"$work/err"
check "its expectations failed, as they must" test $? -eq 1
"$hotbed" run "$here/secrets.lua" --verbose --tap >"$work/tap" 2>"$work/tap.err"
for file in trace json junit out err tap tap.err; do
    check "$file is secret-free" nowhere "$work/$file"
done
for file in json junit out tap; do
    check "$file shows where one was" grep -qE 'secret=.{0,4}redacted' "$work/$file"
done
check "the trace has the registration" grep -q "/p/register" "$work/trace"

# ---- A whole registration: what the server gave is what must not be found ----
"$hotbed" mock connect --listen 127.0.0.1:0 --control 127.0.0.1:0 --token "$token" --trace "$work/mock.trace" >"$work/mock.out" 2>"$work/mock.err" &
mock=$!
for _ in $(seq 100); do
    grep -q '^control on' "$work/mock.out" && break
    sleep 0.05
done
server=$(sed -n 's/^listening on //p' "$work/mock.out")
control=$(sed -n 's/^control on //p' "$work/mock.out")
cat >"$work/printer.ini" <<INI
[service::connect]
hostname = 127.0.0.1
port = ${server##*:}
tls = false
token = $token
[service::local]
api_key = $api_key
INI
HOTBED_TOKEN=$token "$hotbed" printer mk3s --connect "$server" --duration 11s --trace "$work/env.trace" >"$work/env.out" 2>&1 &
"$hotbed" printer mk3s --index 1 --ini "$work/printer.ini" --duration 11s --trace "$work/ini.trace" >"$work/ini.out" 2>&1 &
"$hotbed" printer mk3s --index 2 --connect "$server" --duration 11s --trace "$work/new.trace" >"$work/new.out" 2>&1 &
fingerprint=6ca13d52ca70c883e0f0bb101e425a89e8624de51db2d2392593af6a84118090 # of abc123
curl -si "$server/p/register" -H 'Content-Type: application/json' -d "{\"sn\": \"abc123\", \"fingerprint\": \"$fingerprint\",
    \"printer_type\": \"1.3.1\", \"firmware\": \"3\"}" >"$work/r"
code=$(sed -n 's/^Code: \([^\r]*\).*/\1/p' "$work/r")
curl -si "$server/p/register" -H "Code: $code" >"$work/r"
given=$(sed -n 's/^Token: \([^\r]*\).*/\1/p' "$work/r")
check "the server gave a code and a token" test -n "$code" -a -n "$given"
curl -s "$server/p/events" -H "Token: $given" -H 'Content-Type: application/json' \
    -d "{\"event\":\"INFO\",\"source\":\"WUI\",\"state\":\"IDLE\",\"data\":{\"api_key\":\"$api_key\",\"sn\":\"abc123\"}}" >/dev/null
curl -s "$server/p/events" -H "Token: $token" -H 'Content-Type: application/json' -d "{\"api_key\": \"$api_key" >/dev/null
wait %2 %3 %4
curl -s "$control/printers" >"$work/printers"
curl -s "$control/printers/1" >"$work/printer"
curl -s "$control/log?since=0" >"$work/log"
curl -s "$control/contract" >"$work/contract"
kill -TERM "$mock"
wait "$mock"
check "three printers were there" test "$(grep -c fingerprint "$work/printers")" -ge 3
check "the log has the INFO" grep -q 'api_key.*redacted' "$work/log"
for file in printers printer log contract mock.trace mock.out mock.err env.trace env.out ini.trace ini.out new.trace new.out; do
    check "$file is secret-free" nowhere "$work/$file"
    check "$file has not the token that was given" bash -c "! grep -qaF '$given' '$work/$file'"
done
for file in env ini new; do
    check "$file.trace has messages" grep -q "POST /p/" "$work/$file.trace"
done

# ---- Errors ----
says 2 "the token must be" printer mk3s --connect http://127.0.0.1:1 --token $'tokenSECRET\r\nX: y'
"$hotbed" printer mk3s --connect http://127.0.0.1:1 --token $'tokenSECRET\r\nX: y' >"$work/out" 2>&1
check "the error does not show it" nowhere "$work/out"
timeout 30 "$hotbed" check connect-server http://127.0.0.1:1 --send 'echo {token}' --trace "$work/t" >"$work/out" 2>&1
check "an unreachable server: nothing" nowhere "$work/out" "$work/t"

finish
