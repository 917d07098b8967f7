#!/usr/bin/env bash
# Each check must be able to fail: every line of tests/proofs/*.txt names a check and a wrong peer that it must catch.
set -u
hotbed=$1
passed=0 failed=0

bad() {
    failed=$((failed + 1))
    echo "not ok: $*"
}

# The faults of a line make the check fail, by that check's own verdict.
prove() { # SUBJECT ID FAULT...
    local subject=$1 id=$2 options=() fault out
    shift 2
    for fault in "$@"; do
        case $fault in
            quirk=*) options+=(--quirk "${fault#quirk=}=off") ;;
            *) options+=(--misbehave "${fault//+/ }") ;;
        esac
    done
    out=$("$hotbed" check "$subject" --only "$id" "${options[@]}" 2>&1)
    if [ $? -eq 1 ] && grep -q "^fail  $id " <<<"$out"; then
        passed=$((passed + 1))
    else
        bad "$id does not see: $*"
        tail -n 5 <<<"$out"
    fi
}

for subject in ${SUBJECTS:-connect-printer connect-server}; do
    for id in $("$hotbed" check $subject --list | awk '{ print $1 }'); do
        line=$(grep -h "^$id " tests/proofs/*.txt)
        read -ra words <<<"$line"
        if [ -z "$line" ]; then
            bad "$id has no line in tests/proofs"
        elif [ "${words[1]}" != - ]; then
            prove $subject "${words[@]}"
        fi
    done
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
