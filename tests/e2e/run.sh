#!/bin/bash
# hotbed run through the real binary: scenarios that hold, scenarios that are broken, seeds, reports, exit codes.
hotbed=$1
source "$(dirname "$0")/lib.sh"
here=$(dirname "$0")/scripts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

says 0 "hotbed " --version
says 0 "exit codes" --help
says 2 "there is no command" no-such-command
for command in run check; do
    says 0 "example" "$command" --help
    says 2 "there is no option --no-such" "$command" --no-such
done

says 0 "10 passed, 0 failed, 0 skipped" run scenarios/examples --only "print from Connect,registration,three printers,one answer is late,the server vanishes in the middle,telemetry is answered 400,telemetry is answered 401,telemetry is answered 404,telemetry is answered 500,telemetry is answered 503"
says 0 "4 passed, 0 failed, 0 skipped" run scenarios/examples/resin.lua
says 0 "2 passed, 0 failed, 0 skipped" run "$here/apart.lua"

# A printer whose word gets lost is not known as it is; at the end of a scenario everyone is asked.
view="the server's view of the printer is not the truth"
says 1 "$view" run "$here/view.lua" --only "a file that was not told of"
says 1 "to equal the truth: /PrusaLink gcodes/b.gcode 5 bytes of" run "$here/view.lua" --only "a file that was not told of"
says 1 "seen      /PrusaLink gcodes/b.gcode not there" run "$here/view.lua" --only "a file that was not told of"
says 1 "to equal the truth: job 1 within" run "$here/view.lua" --only "a job that was not told of"
says 1 "to equal the truth: state PRINTING" run "$here/view.lua" --only "a state that was not told of"
says 1 "$view" run "$here/view.lua" --only "asked at the end"
says 1 "drive none" run "$here/view.lua" --only "a drive that was not told of"
says 0 "1 passed" run "$here/view.lua" --only "with a reason"

says 2 "syntax.lua:5:" run "$here/syntax.lua"
says 2 "field.lua:2: scenario \"x\": there is no field \"colour\"" run "$here/field.lua"
says 2 "twice.lua:2: \"x\" is defined already" run "$here/twice.lua"
says 2 "not-there.lua" run "$here/not-there.lua"
says 1 "runtime.lua:5: attempt to index a nil value" run "$here/runtime.lua"
says 1 "loop.lua:4: endless loop" run "$here/loop.lua"
says 1 "memory.lua:6: out of memory: a scenario may hold 64 MiB" run "$here/memory.lua"
says 1 "unknown.lua:4: t has no \"wiat\"" run "$here/unknown.lua"
says 1 "types.lua:4: \"5 parsecs\": expected a time" run "$here/types.lua" --only x
says 1 "types.lua:11: printer: expected a model, got 5" run "$here/types.lua" --only y
says 1 "types.lua:19: command: expected kwargs as a table, got \"all\"" run "$here/types.lua" --only z
says 1 "types.lua:26: printer: there is no option \"colour\"" run "$here/types.lua" --only o
says 1 "failing.lua:5: expectation not met" run "$here/failing.lua" --only x
says 1 "expected  the sum: 3" run "$here/failing.lua" --only x
says 1 "again     hotbed run $here/failing.lua --only x --seed 5" run "$here/failing.lua" --only x --seed 5
says 1 "failing.lua:14: attempt to index a nil value" run "$here/failing.lua" --only hook
says 1 "failing.lua:24: told" run "$here/failing.lua" --only caught
says 0 "not today" run "$here/failing.lua" --only skipped
says 1 "failing.lua:41: took longer than the 10 s" run "$here/failing.lua" --only "too long"
says 2 "--only: there is no \"nobody\"" run "$here/failing.lua" --only nobody
says 1 "0 passed, 4 failed, 1 skipped" run "$here/failing.lua"
says 2 "--misbehave no-such" run "$here/apart.lua" --misbehave no-such
says 2 "there is no such model" run "$here/apart.lua" --model no-such

short=() # without the hour of everyone, which determinism.sh plays
for file in scenarios/examples/*.lua; do
    [ "${file##*/}" = an-hour.lua ] || short+=("$file")
done
"$hotbed" run "${short[@]}" --seed 11 --trace "$work/a" --json "$work/a.json" >/dev/null
"$hotbed" run "${short[@]}" --seed 11 --trace "$work/b" --junit "$work/b.xml" >/dev/null
"$hotbed" run "${short[@]}" --seed 12 --trace "$work/c" >/dev/null
check "equal seeds give equal bytes" cmp "$work/a" "$work/b"
check "another seed gives others" bash -c "! cmp -s '$work/a' '$work/c'"
check "the trace holds no token" bash -c "! grep -q 'Token: [^<]' '$work/a'"
count=$("$hotbed" run "${short[@]}" --list | wc -l)
check "JSON says what passed" grep -q "\"pass\": $count" "$work/a.json"
check "JUnit says what ran" grep -q "tests=\"$count\" failures=\"0\"" "$work/b.xml"
says 0 "ok 1 - " run "$here/apart.lua" --tap
says 2 "cannot be written" run "$here/apart.lua" --junit "$work/no/such/folder.xml"

if [ -n "$(command -v timeout)" ]; then
    output=$(timeout --preserve-status -s INT 3 "$hotbed" run "$here/failing.lua" --real --only "too long" 2>&1)
    check "Ctrl-C ends a real run with its report" grep -q "interrupted: 1 did not run to their end" <<<"$output"
fi
says 0 "1 passed, 0 failed, 0 skipped" run scenarios/examples --real --only registration

finish
