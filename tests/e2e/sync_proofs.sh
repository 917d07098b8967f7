#!/usr/bin/env bash
# Each check of sync tools must be able to fail: a tool that is not ours passes them all, and with the defect that its
# line of tests/proofs/sync.txt names, each check catches it.
set -u
hotbed=$1
lines=tests/proofs/sync.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. tests/e2e/lib.sh

export hotbed work
template=(python3 tests/proofs/sync_tool.py --defect DEFECT '{farm}' '{folder}' '{execute:-g}' '{destination:-d}'
    '{relative-to:-r}' '{printer:-p}' '{skip:-x}' '{any-state:--ignore-state}' '{timeout:--timeout}')

# prove ID DEFECT: leaves what it saw in $work/ID when the check did not fail
prove() {
    local id=$1 defect=$2 out
    if [[ $defect == link:* ]]; then
        out=$("$hotbed" check sync --only "$id" --misbehave "$defect" 2>&1)
    else
        out=$("$hotbed" check sync --strict --only "$id" -- python3 tests/proofs/sync_tool.py --defect "$defect" '{farm}' \
            '{folder}' '{execute:-g}' '{destination:-d}' '{relative-to:-r}' '{printer:-p}' '{skip:-x}' \
            '{any-state:--ignore-state}' '{timeout:--timeout}' 2>&1)
    fi
    grep -qE "^(fail|info)  $id " <<<"$out" || printf '%s\n' "$out" >"$work/$id"
}
export -f prove

# The tool without a defect: nothing fails, and nothing is left out.
out=$("$hotbed" check sync --strict -- "${template[@]/DEFECT/none}" 2>&1)
if [ $? -eq 0 ] && grep -qE "^[0-9]+ passed, 0 failed, 0 skipped" <<<"$out"; then
    pass "a tool that is not ours"
else
    fail "a tool that is not ours does not pass all checks of it"
    grep -v '^pass' <<<"$out" | head -60
fi

ids=$("$hotbed" check sync --list | awk '{ print $1 }')
for id in $ids; do
    grep -q "^$id " $lines || fail "$id has no line in $lines"
done
grep '^SYNC' $lines | while read -r id defect; do
    printf '%s\0%s\0' "$id" "$defect"
done | xargs -0 -n 2 -P 6 bash -c 'prove "$1" "$2"' prove
for id in $ids; do
    if [ -e "$work/$id" ]; then
        fail "$id does not see: $(sed -n "s/^$id //p" $lines)"
        tail -n 5 "$work/$id"
    else
        pass "$id"
    fi
done
finish
