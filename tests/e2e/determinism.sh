#!/bin/bash
# One seed, one trace, byte for byte, wherever and under whatever settings of the environment it is run.
hotbed=$(realpath "$1")
source "$(dirname "$0")/lib.sh"
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The hour of everyone takes longer than all others together: it is played again once, below.
files=()
for file in "$root"/scenarios/examples/*.lua; do
    [ "${file##*/}" = an-hour.lua ] || files+=("$file")
done

run() { # NAME COMMAND...: the trace and the TAP report of a run, with scenarios named by absolute paths
    local name=$1
    shift
    "$@" run "${files[@]}" --seed 5 --trace "$work/$name.trace" --tap >"$work/$name.tap" 2>/dev/null
    "$@" check connect-printer --seed 5 --trace "$work/$name.check" >/dev/null 2>&1
}

same() {
    for file in trace tap check; do
        check "$1: the same $file" cmp "$work/first.$file" "$work/$1.$file"
    done
}

run first "$hotbed"
check "there is something in it" test "$(wc -l <"$work/first.trace")" -gt 100 -a "$(wc -l <"$work/first.check")" -gt 1000
run again "$hotbed"
same again
# Everything else at once: a locale with a decimal comma and other orders (where this system has it), a far time zone, an
# empty environment, another folder, and memory that is not zero where nobody set it.
cd / && run elsewhere env -i LC_ALL=de_DE.UTF-8 TZ=Pacific/Kiritimati MALLOC_PERTURB_=165 "$hotbed"
same elsewhere
cd "$root" || exit 1
other=$work/other
"$hotbed" run "${files[@]}" --seed 6 --trace "$other" >/dev/null
check "another seed, another trace" bash -c "! cmp -s '$other' '$work/first.trace'"

hour() { # NAME SEED
    "$hotbed" run "$root/scenarios/examples/an-hour.lua" --seed "$2" --trace "$work/$1" >"$work/$1.out" 2>&1
}

check "an hour of one printer of each model" hour hour 5
check "an hour again" hour again 5
check "an hour: the same trace" cmp "$work/hour" "$work/again"
check "an hour with another seed" hour other 6
check "an hour: another trace" bash -c "! cmp -s '$work/hour' '$work/other'"

finish
