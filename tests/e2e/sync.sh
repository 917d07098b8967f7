#!/usr/bin/env bash
# hotbed sync over real sockets: printers of three dialects' worth of models on directories, a folder, and the program
# between them. Farm files that are wrong, dry run, execution, change, interruption, what it tells and what it keeps to
# itself.
set -u
hotbed=$1
. tests/e2e/lib.sh
work=$(mktemp -d)
printers=()
cleanup() {
    for pid in "${printers[@]}"; do
        kill "$pid" 2>/dev/null
    done
    wait 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
export HOME=$work/home HOTBED_PASSWORD=
unset XDG_STATE_HOME
mkdir -p "$HOME" "$work/prints/jobs"
secret=Secr3t-of-the-farm

# serve NAME MODEL [OPTION...]: a printer on a directory of its own; its address goes to $url
serve() {
    local name=$1 model=$2
    shift 2
    mkdir -p "$work/$name"
    HOTBED_PASSWORD=$secret "$hotbed" printer "$model" --prusalink 0 --directory "$work/$name" "$@" >"$work/$name.log" 2>&1 &
    printers+=($!)
    for _ in $(seq 100); do
        url=$(grep -o 'http://[^ ,]*' "$work/$name.log" | head -n 1)
        [ -n "$url" ] && return
        sleep 0.1
    done
    fail "printer $name did not start: $(cat "$work/$name.log")"
}

entry() { # NAME MODEL URL
    printf '%s:\n    printer_type: %s\n    host: %s\n    username: maker\n    password: "%s"\n' "$1" "$2" "$3" $secret
}

same() { # DIRECTORY: its print files are those of the folder
    diff <(cd "$work/prints" && find . -name '*.gcode' -exec sha256sum {} + | sort -k 2) \
        <(cd "$work/$1" && find . -name '*.gcode' -exec sha256sum {} + | sort -k 2)
}

sync() {
    timeout 60 "$hotbed" sync "$work/farm.yml" "$work/prints" "$@" >"$work/out" 2>"$work/err" </dev/null
}

expect() { # CODE TEXT ARGUMENT...
    local code=$1 text=$2 status
    shift 2
    sync "$@"
    status=$?
    if [ $status -eq "$code" ] && grep -qF -- "$text" "$work/out" "$work/err"; then
        pass "sync $*"
    else
        fail "sync $*: exit code $status, expected $code and: $text"
        cat "$work/out" "$work/err" | tail -n 15
    fi
}

serve ada mk4
ada=$url
serve bea mk3s
bea=$url
serve eve xl --upload-rate 200000
eve=$url
serve slow mk4 --upload-rate 25000
slow=$url
serve sla sl1
sla=$url
{
    entry Ada MK4 "$ada"
    entry Bea MK3S "$bea"
    entry Eve XL "$eve"
} >"$work/farm.yml"
for i in 1 2 3; do
    { echo "; part $i"; seq 2000; } >"$work/prints/jobs/part $i.gcode"
done
echo '; root' >"$work/prints/root.gcode"
sleep 12 # the MK3S's program looks for its printer first

# ---- What is wrong is told, and nobody is asked ----
says 2 'expected a farm file and a folder' sync
says 2 "$work/no.yml: No such file or directory" sync "$work/no.yml" "$work/prints"
printf 'Ada:\n  host: 5\n' >"$work/bad.yml"
says 2 "$work/bad.yml:2: Ada.host: expected" sync "$work/bad.yml" "$work/prints"
{ entry Ada MK4 "$ada"; entry Ada MK4 "$bea"; } >"$work/twice.yml"
says 2 "$work/twice.yml:6: Ada: this name is there twice, first in line 1" sync "$work/twice.yml" "$work/prints"
printf '{"Ada": {"host": "http://a"' >"$work/bad.json"
says 2 'this is no JSON' sync "$work/bad.json" "$work/prints"
sed '/password/d' "$work/farm.yml" >"$work/asks.yml"
says 2 'Ada.password: it is not in the file' sync "$work/asks.yml" "$work/prints"
says 2 'No such file or directory' sync "$work/farm.yml" "$work/no-such-folder"
mkdir -p "$work/empty"
says 2 'there is no print file in it' sync "$work/farm.yml" "$work/empty"
ln -s /etc "$work/prints/out"
expect 2 'this link leads out of the folder'
rm "$work/prints/out"
expect 2 'there is no printer "Zoe"' --printer Zoe
expect 2 'is outside the printer' --destination /other
expect 2 '--jobs: expected' --jobs 0
expect 2 'exclude each other' --idle-only --any-state
check "nothing was brought to anybody" test -z "$(find "$work/ada" "$work/bea" "$work/eve" -type f)"

{ entry Mia MK4 "$ada"; printf 'Ida:\n    <<: [{username: "http://x:%s@y"}]\n    host: http://maker:%s@z\n' $secret $secret; } >"$work/told.yml"
says 2 "$work/told.yml:8: Ida.host: expected" sync "$work/told.yml" "$work/prints"
head -c 200000 /dev/zero | tr '\0' '[' >"$work/deep.yml"
says 2 "$work/deep.yml:1: it is nested deeper than" sync "$work/deep.yml" "$work/prints"

# ---- A board that takes longer over what is on its way than the time-out says, in the background ----
mkdir -p "$work/large"
head -c 500000 /dev/zero | tr '\0' G >"$work/large/large.gcode"
entry Slow MK4 "$slow" >"$work/slow.yml"
"$hotbed" sync "$work/slow.yml" "$work/large" --execute --timeout 5s --retries 0 >"$work/slow.out" 2>&1 &
slow_run=$!

# ---- Dry run, execution, a second run ----
expect 0 'This was a dry run' # the plan
check "the plan names what is missing" grep -qF 'upload jobs/part 1.gcode: missing' "$work/out"
check "a dry run brings nothing" test -z "$(find "$work/ada" "$work/bea" "$work/eve" -type f)"
expect 0 'in step 3' --execute --json "$work/report.json"
for name in ada bea eve; do
    check "$name holds the folder" same $name
done
check "the report is JSON" jq -e '.exit_code == 0 and (.printers | length) == 3 and .printers[0].uploaded == 4' "$work/report.json"
expect 0 'as here 4' --execute
check "a second run sends nothing" grep -qF '0 B sent' "$work/out"
check "a pipe gets no progress" test ! -s "$work/err"

# ---- A change, an excess, another farm form ----
echo '; changed' >>"$work/prints/root.gcode"
touch -d '+3 minutes' "$work/prints/root.gcode"
rm "$work/prints/jobs/part 2.gcode"
expect 0 'deleted 1, replaced 1' --execute --verify-content
for name in ada bea eve; do
    check "$name follows a change" same $name
done
jq -n --arg host "$ada" --arg password $secret '{Ada: {printer_type: "MK4", host: $host, username: "maker", password: $password}}' \
    >"$work/farm.json"
says 0 'in step 1' sync "$work/farm.json" "$work/prints" --execute
HOTBED_PASSWORD=$secret says 0 'in step 3' sync "$work/asks.yml" "$work/prints" --execute
expect 0 'in step 1' --execute --printer ADA --destination only/here
check "a destination is made" test -f "$work/ada/only/here/root.gcode"

# ---- An anchor that is taken over, a password that is asked for ----
{
    printf 'Ada: &all\n    printer_type: 4\n    host: %s\n    username: maker\n' "$ada"
    printf 'Eve:\n    <<: *all\n    host: %s\n' "$eve"
} >"$work/asks2.yml"
export hotbed work
(sleep 2; echo $secret; sleep 1; echo $secret) | TERM=xterm timeout 60 script -qec '"$hotbed" sync "$work/asks2.yml" "$work/prints"' \
    /dev/null >"$work/terminal"
check "a terminal is asked for each password" test "$(grep -c 'Password of' "$work/terminal")" -eq 2
check "and takes them" grep -qE '^2 printers: (in step|planned) [12][,;]' "$work/terminal"
check "a terminal shows progress" grep -q 'of 2 printers through' "$work/terminal"

# ---- A resin printer ----
mkdir -p "$work/resin/sub"
cp scenarios/examples/files/resin.sl1 "$work/resin/sub/a [1] 100%.sl1"
cp scenarios/examples/files/resin-sl1s.sl1 "$work/resin/b.sl1s"
entry Sla SL1 "$sla" >"$work/sla.yml"
says 0 'uploaded 1' sync "$work/sla.yml" "$work/resin" --execute --verify-content
check "a resin printer gets its projects" cmp "$work/resin/sub/a [1] 100%.sl1" "$work/sla/sub/a [1] 100%.sl1"
check "and no other's" test ! -e "$work/sla/b.sl1s"
touch -d '+3 minutes' "$work/resin/sub/a [1] 100%.sl1"
says 0 'uploaded 1' sync "$work/sla.yml" "$work/resin" --execute
says 0 'as here 1' sync "$work/sla.yml" "$work/resin" --execute

# ---- Copying back ----
echo '; only there' >"$work/eve/found.gcode"
sleep 1
expect 0 'copied back 1' --execute --copy-back --exclude only
check "what only a printer had is in the folder" test "$(cat "$work/prints/found.gcode")" = '; only there'
check "and on the others" test -f "$work/ada/found.gcode"

# ---- One that does not answer, a wrong password, nobody ----
{ cat "$work/farm.yml"; entry Zoe MK4 http://127.0.0.1:9; } >"$work/four.yml"
says 1 'not reached' sync "$work/four.yml" "$work/prints" --execute --exclude only --retries 0
entry Zoe MK4 http://127.0.0.1:9 >"$work/nobody.yml"
says 3 'not reached 1' sync "$work/nobody.yml" "$work/prints" --retries 0
sed "s/$secret/another/" "$work/farm.yml" >"$work/wrong.yml"
says 1 '401' sync "$work/wrong.yml" "$work/prints" --printer Ada

# ---- Ctrl-C in the middle of a slow upload, and what follows it ----
head -c 3000000 /dev/zero | tr '\0' G >"$work/prints/slow.gcode"
timeout -s INT 5 "$hotbed" sync "$work/farm.yml" "$work/prints" --execute --printer Eve --exclude only >"$work/out" 2>"$work/err"
grep -q 'interrupted' "$work/out" && pass "an interrupted run reports" || fail "an interrupted run reports: $(cat "$work/out" "$work/err")"
check "no half file is there" test ! -e "$work/eve/slow.gcode"
for _ in $(seq 40); do
    [ -z "$(find "$work/eve" -name '*.tmp')" ] && break
    sleep 0.5
done
check "no temporary file either" test -z "$(find "$work/eve" -name '*.tmp')"
expect 0 'in step 3' --execute --exclude only
check "the next run ends it" same eve

wait $slow_run && pass "a slow board gets its file" || fail "a slow board: $(cat "$work/slow.out")"
check "the whole of it" cmp "$work/large/large.gcode" "$work/slow/large.gcode"

# ---- Secrets ----
check "the password is nowhere but in the farm files" test -z "$(grep -rlF $secret "$work" --include='*' \
    --exclude='farm.yml' --exclude='farm.json' --exclude='twice.yml' --exclude='four.yml' --exclude='nobody.yml' --exclude='told.yml' --exclude='sla.yml' --exclude='slow.yml')"
check "what was brought is written down" test -n "$(find "$HOME/.local/state/hotbed/sync" -name '*.json')"
finish
