#!/bin/bash
# Bad input through the real binary: an error that names place and reason, the right exit code, and nothing that hangs.
hotbed=$1
source "$(dirname "$0")/lib.sh"
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
nowhere=http://127.0.0.1:1

# ---- Scenarios of printers that get bad replies, commands, paths and g-code ----
says 0 "122 passed, 0 failed, 0 skipped" run scenarios/bugs

# ---- Arguments ----
says 2 "usage: hotbed COMMAND"
says 2 "there is no command \"\"" ""
for command in run check printer mock "mock connect x"; do
    says 2 "hotbed ${command% x}" $command
done
says 2 "hotbed mock connect --help says" mock connect --no-such
for command in "run x" "check connect-printer" "printer mk3s --connect $nowhere"; do
    says 2 "--seed -1: expected a whole number" $command --seed -1
    says 2 "--seed 99999999999999999999: expected a whole number" $command --seed 99999999999999999999
    says 2 "--trace needs FILE" $command --trace
done
says 2 "--timeout: \"-1\": expected a time" check connect-printer --timeout -1
says 2 "--real takes no value" check connect-printer --real=yes
says 2 "there is no option -x" models -x
says 2 "No such file or directory" run $'\xff\xfe.lua'
says 2 "larger than 4 MiB" run /dev/zero
says 2 "there is no scenario" run /dev/null
printf '\033Lua' >"$work/binary.lua"
says 2 "$work/binary.lua: this is Lua bytecode" run "$work/binary.lua"
mkdir "$work/unreadable"
touch "$work/unreadable/a.lua"
chmod 0 "$work/unreadable" "$work/unreadable/a.lua"
[ "$(id -u)" -eq 0 ] || says 2 "Permission denied" run "$work/unreadable"
chmod 700 "$work/unreadable"
says 2 "--ca and --insecure are for a server that is not ours" check connect-printer --ca x

# ---- A printer's own options ----
says 2 "there is no model 'no-such'" printer no-such --connect $nowhere
says 2 "expected http://HOST" printer mk3s --connect ftp://x
says 2 "the port must be" printer mk3s --connect http://x:99999
says 2 "the serial number must be text" printer mk3s --connect $nowhere --serial $'\xff'
says 2 "the serial number must be text" printer mk3s --connect $nowhere --serial ""
says 2 "the name must be text" printer mk3s --connect $nowhere --name $'a\nb'
says 2 "the firmware version must be text" printer mk3s --connect $nowhere --firmware $'\xc0\x80'
says 2 "the token must be of printable ASCII" printer mk3s --connect $nowhere --token $'a\r\nX: y'
says 2 "--telemetry-interval must be longer than 0" printer mk3s --connect $nowhere --telemetry-interval 0
says 2 "--minimal needs --telemetry-interval" printer mk3s --connect $nowhere --minimal
says 2 "--job-counter: expected 0 to" printer mk3s --connect $nowhere --job-counter 99999999999
says 2 "--room: expected 0 to" printer mk3s --connect $nowhere --room 9999
says 2 "no such file on the printer" printer mk3s --connect $nowhere --print /PrusaLink/x.gcode
says 2 "no such fault" printer mk3s --connect $nowhere --fault hiccups
for option in --file --directory --ini --ca --model-file; do
    model=mk3s
    [ $option = --model-file ] && model=
    says 2 "$work/none" printer $model --connect $nowhere $option "$work/none"
    says 2 "/dev/null/x" printer $model --connect $nowhere $option /dev/null/x
done
says 2 "/dev/zero: not a regular file" printer mk3s --connect $nowhere --file /dev/zero
says 2 "/etc/passwd: Not a directory" printer mk3s --connect $nowhere --directory /etc/passwd
says 2 "/: cannot be read: Is a directory" printer mk3s --connect $nowhere --ini /
says 2 "/dev/zero: longer than" printer mk3s --connect $nowhere --ini /dev/zero

# ---- G-code files ----
truncate -s 2G "$work/huge.gcode"
printf 'G28\nG1 X1' >"$work/cut.gcode"
head -c 4096 /dev/urandom >"$work/binary.gcode"
: >"$work/empty.gcode"
for file in huge cut binary empty; do
    check "$file.gcode is no harm to a printer" timeout 10 "$hotbed" printer mk3s --connect $nowhere --file "$work/$file.gcode" --print "/PrusaLink gcodes/$file.gcode" --duration 3s
done

# What a printer will not print is put on its drive all the same, and said so.
printf 'PK\3\4cut' >"$work/cut.sl1"
printf 'GCDE\1\0\0\0\1\0cut' >"$work/cut.bgcode"
says 0 "cut.sl1: the printer will not print it, or not all of it: #10539" printer sl1 --prusalink 0 --file "$work/cut.sl1" --duration 1s
says 0 "cut.bgcode: the printer will not print it" printer mk4 --prusalink 0 --file "$work/cut.bgcode" --duration 1s
says 0 "--print /local/cut.sl1: #10539" printer sl1 --prusalink 0 --file "$work/cut.sl1" --print /local/cut.sl1 --duration 15s
says 0 "PrusaLink at" printer mk4 --prusalink 0 --file "$work/cut.bgcode" --print /usb/cut.bgcode --duration 3s

# ---- YAML: file, line, field, what was expected ----
yaml() { # WORDS EXPRESSION: the model file after sed's EXPRESSION is refused with these words
    sed -E "$2" sim/machine/models/mk3.yaml >"$work/model.yaml"
    says 2 "$work/model.yaml:" models --file "$work/model.yaml"
    says 2 "$1" models --file "$work/model.yaml"
}
yaml colour '1i colour: red'
yaml nozzle_diameter '/^ *nozzle_diameter_mm:/d'
yaml nozzle_diameter 's/^( *nozzle_diameter_mm):.*/\1: wide/'
yaml nozzle_diameter 's/^( *nozzle_diameter_mm):.*/\1: [1, 2]/'
yaml nozzle_diameter 's/^( *nozzle_diameter_mm):.*/\1: -1e308/'
head -c 300 sim/machine/models/mk3.yaml >"$work/model.yaml"
says 2 "$work/model.yaml:" models --file "$work/model.yaml"
printf '\xff\xfe\x00' >"$work/model.yaml"
says 2 "$work/model.yaml:" models --file "$work/model.yaml"
printf 'a: &a [*a]\nb: *a\n' >"$work/model.yaml"
says 2 "$work/model.yaml:" models --file "$work/model.yaml"

# ---- INI: file, line, what was expected ----
ini() { # WORDS TEXT
    printf "$2" >"$work/x.ini"
    says 2 "$work/x.ini$1" printer mk3s --ini "$work/x.ini" --duration 1s
}
ini ":1: expected a section" 'hostname = x\n'
ini ":2: expected 'key = value'" '[service::connect]\nhostname\n'
ini ":2: there is already a section" '[a]\n[a]\n'
ini ":3:" '[service::connect]\nhostname = x\nhostname = y\n'
ini ":" '[service::connect]\nport = many\n'
ini ":" '[service::connect]\nport = 99999\n'
ini ":" '[service::connect]\ntls = perhaps\n'

# ---- A server that is not there, or does not speak HTTP ----
says 3 "$nowhere" printer mk3s --connect $nowhere --duration 12s
says 3 "could not be reached" check connect-server $nowhere
says 3 "could not be reached" check connect-server http://no-such-host.invalid
says 2 "Address already in use" mock connect --listen 127.0.0.1:0 --control "$(
    coproc busy { exec "$hotbed" mock connect --listen 127.0.0.1:0 --control 127.0.0.1:0 --for 5s; }
    sed -n '/^control on/{s,.*//,,p;q}' <&"${busy[0]}"
)"

# ---- TLS: who does not prove who it is, is not talked to ----
for name in right wrong; do
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/$name.key" -out "$work/$name.pem" -days 2 -subj "/CN=$name" \
        -addext "subjectAltName=IP:127.0.0.1" >/dev/null 2>&1
done
coproc tls { exec "$hotbed" mock connect --listen 127.0.0.1:0 --control 127.0.0.1:0 --tls-cert "$work/right.pem" --tls-key "$work/right.key" --for 60s; }
secure=$(sed -n '/^listening on/{s,.* ,,p;q}' <&"${tls[0]}")
check "it listens with TLS" test "${secure%%:*}" = https
says 3 "$secure failed: " printer mk3s --connect "$secure" --ca "$work/wrong.pem" --duration 15s
says 3 "certificate: self-signed certificate" check connect-server "$secure" --ca "$work/wrong.pem"
says 0 "1 passed, 0 failed" check connect-server "$secure" --ca "$work/right.pem" --only CON-TRP-16
says 2 "/none" check connect-server "$secure" --ca /none

# ---- Ctrl-C, at every stage ----
catches() { # PID: it has a way of its own with SIGINT by now
    local mask
    while read -r name mask; do
        [[ $name = SigCgt: || $name = SigBlk: ]] && ((0x$mask & 2)) && return
    done <"/proc/$1/status"
    return 1
}

interrupted() { # CODE WORDS SECONDS ARGUMENT...: so long after it has begun to listen for it
    local code=$1 words=$2 seconds=$3 output status pid
    shift 3
    env --default-signal=INT "$hotbed" "$@" >"$work/interrupted" 2>&1 &
    pid=$!
    for _ in $(seq 1200); do
        catches $pid && break
        sleep 0.05
    done
    sleep "$seconds"
    kill -INT $pid
    (sleep 60 && kill -KILL $pid) 2>/dev/null &
    local watchdog=$!
    wait $pid
    status=$?
    kill $watchdog 2>/dev/null
    output=$(<"$work/interrupted")
    if [ $status -eq "$code" ] && grep -qF -- "$words" <<<"$output"; then
        pass "$*"
    else
        fail "Ctrl-C after $seconds s: $* -> $status, expected $code and: $words"
        printf '%s\n' "$output" | tail -5
    fi
}
cat >"$work/long.lua" <<'LUA'
scenario "long" { "x", run = function(t)
  local printer = t:printer("mk3s")
  while true do t:wait "1s" end
end, timeout = "366d" }
LUA
interrupted 130 "interrupted: 1 did not run to their end" 2 run "$work/long.lua" --junit "$work/long.xml"
check "its report is there" grep -q testsuite "$work/long.xml"
interrupted 130 "interrupted" 4 check connect-printer --real --json "$work/real.json" --trace "$work/real.trace"
check "its report is there" jq -e .interrupted "$work/real.json"
check "its trace is whole" jq -es 'length > 0' "$work/real.trace"
interrupted 130 "" 0.5 printer mk3s --connect $nowhere
interrupted 130 "" 12 printer mk3s --connect $nowhere --token x --trace "$work/printer.trace"
check "its trace is whole" jq -es 'length > 0' "$work/printer.trace"
interrupted 0 "0 printers, 0 requests" 1 mock connect --listen 127.0.0.1:0 --control 127.0.0.1:0
interrupted 130 "interrupted" 1 check connect-printer --listen 127.0.0.1:0

finish
