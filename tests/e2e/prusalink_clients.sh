#!/usr/bin/env bash
# Judges of PrusaLink clients: a careful client of other hands passes every check, and each check catches the defect that
# tests/proofs/prusalink_clients.txt names.
set -u
export hotbed=$1
client=tests/proofs/link_client.py
export client=$PWD/$client
command -v python3 >/dev/null || { echo "skipped: there is no python3"; exit 0; }
scratch=$(mktemp -d)
export scratch
trap 'rm -rf "$scratch"' EXIT

check() { # OPTION... DEFECT
    local defect=${*: -1}
    set -- "${@:1:$#-1}"
    "$hotbed" check prusalink-client "$@" -- python3 "$client" {url} {user} {password} {storage} {file} "$defect"
}

prove() { # ID DEFECT
    local out
    out=$(check --only "$1" "$2" 2>&1)
    if [ $? -eq 1 ] && grep -q "^fail  $1 " <<<"$out"; then
        echo ok >"$scratch/$1"
    else
        printf 'not ok: %s does not see: %s\n%s\n' "$1" "$2" "$out" >"$scratch/$1"
    fi
}
export -f check prove

ids=$("$hotbed" check prusalink-client --list | awk '{ print $1 }')
for id in $ids; do
    grep -q "^$id " tests/proofs/prusalink_clients.txt || echo "not ok: $id has no line in tests/proofs" >"$scratch/$id"
done
grep -E '^(PL-CL|COPE)-' tests/proofs/prusalink_clients.txt | xargs -P 8 -L 1 bash -c 'prove "$0" "$1"'
good=$(check none 2>&1)
if [ $? -ne 0 ] || grep -q '^skip' <<<"$good"; then
    printf 'not ok: the careful client\n%s\n' "$good" >"$scratch/good"
else
    echo ok >"$scratch/good"
fi
own=$("$hotbed" check prusalink-client 2>&1) && echo ok >"$scratch/own" ||
    printf 'not ok: our own client\n%s\n' "$own" >"$scratch/own"
passed=$(grep -lx ok "$scratch"/* | wc -l)
failed=$(grep -Lx ok "$scratch"/* | wc -l)
grep -Lx ok "$scratch"/* | xargs -r cat
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
