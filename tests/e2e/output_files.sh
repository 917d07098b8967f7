#!/bin/bash
# What a run writes: whole files or none, devices stay devices, a full disk and a wrong path are told, and in time.
hotbed=$1
source "$(dirname "$0")/lib.sh"
apart=$(dirname "$0")/scripts/apart.lua
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Nothing but these names is in $work.
only() {
    [ "$(ls -A "$work" | tr '\n' ' ')" = "$*${*:+ }" ]
}

for option in --junit --json --trace; do
    says 2 "$option: $work/no/such: cannot be written: No such file or directory" run "$apart" $option "$work/no/such"
    says 2 "$option: $work: cannot be written: Is a directory" run "$apart" $option "$work"
    says 2 "/dev/full: cannot be written: No space left on device" run "$apart" $option /dev/full
    says 0 "2 passed, 0 failed" run "$apart" $option /dev/null
    check "/dev/null is still what it was" test -c /dev/null
    check "no folder got a file" only

    echo old >"$work/real"
    ln -s real "$work/link"
    says 0 "2 passed, 0 failed" run "$apart" $option "$work/link"
    check "$option: the link is still a link" test -L "$work/link"
    check "$option: its file is new" bash -c "! grep -q '^old' '$work/real'"
    check "$option: for others to read, as the umask says" test "$(stat -c %a "$work/real")" = "$(printf '%o' $((0666 & ~$(umask))))"
    check "$option: nothing beside it" only link real
    rm "$work/link" "$work/real"
done

# What could not even begin leaves the old files alone.
echo old >"$work/kept"
says 2 "Cannot assign requested address" check connect-printer --listen 192.0.2.1:0 --trace "$work/kept"
says 2 "Cannot assign requested address" mock connect --listen 192.0.2.1:0 --control 127.0.0.1:0 --trace "$work/kept"
says 2 "no such file" printer mk3s --connect http://127.0.0.1:1 --trace "$work/kept" --print /none
check "an old trace is kept" grep -q '^old$' "$work/kept"
check "and nothing is beside it" only kept

says 2 "standard output takes one report" run "$apart" --tap --json -
"$hotbed" run "$apart" --tap 2>"$work/err" | head -n 1 >"$work/out"
check "a reader that leaves is no error" test "${PIPESTATUS[0]}" -eq 0
check "and is not complained of" bash -c "! grep -q 'cannot be written' '$work/err'"
for arguments in --help --version models "models mk3s" "run $apart" "run $apart --tap" "run $apart --json -" "check connect-printer --list"; do
    "$hotbed" $arguments >/dev/full 2>"$work/err"
    check "$arguments on a full disk" test $? -eq 2
    check "$arguments on a full disk: says so" grep -q "standard output cannot be written" "$work/err"
done
"$hotbed" run "$apart" --trace "$work/trace" >&- 2>&-
check "closed standard files do no harm" test $? -eq 0
check "and nothing else gets into a file" bash -c "! grep -qv '^{' '$work/trace'"

finish
