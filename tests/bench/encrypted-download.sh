#!/usr/bin/env bash
# Throughput of an encrypted download by a virtual printer, against `curl | openssl enc -d` of the same file from the same
# server, in turn. Both write to a real folder.
#   tests/bench/encrypted-download.sh [MEGABYTES [ROUNDS]]
set -euo pipefail
cd "$(dirname "$0")/../.."
size=${1:-256} rounds=${2:-3}
hotbed=build/release/hotbed
[ -x $hotbed ] || { echo "first: cmake --preset release && cmake --build --preset release" >&2; exit 2; }

dir=$(mktemp -d)
trap 'kill $mock 2>/dev/null || true; wait 2>/dev/null; rm -rf "$dir"' EXIT
head -c "${size}M" /dev/urandom > "$dir/big.bgcode"
$hotbed mock connect --listen 127.0.0.1:0 --control 127.0.0.1:0 --adopt --serve "$dir/big.bgcode" > "$dir/mock" 2>&1 &
mock=$!
until grep -q '^control on' "$dir/mock"; do sleep 0.05; done
url=$(sed -n 's/^listening on //p' "$dir/mock") control=$(sed -n 's/^control on //p' "$dir/mock")
hash=$(curl -s "$control/files" | tr -d '\t\n' | sed 's/.*"hash":"\([^"]*\)".*/\1/')

# The time of day in seconds at which the file of that name is all there, looked at every 5 ms.
whole() {
    until [ -f "$1" ] && [ ! -e "$1/d" ]; do sleep 0.005; done
    date +%s.%N
}

for round in $(seq "$rounds"); do
    mkdir "$dir/usb"
    $hotbed printer mk4 --connect "$url" --token "t$round" --index "$round" --directory "$dir/usb" --duration 10m > /dev/null 2>&1 &
    printer=$!
    until curl -s "$control/printers/$round" | tr -d ' \t' | grep -q '"transfer_paused":false'; do sleep 0.1; done
    curl -s "$control/printers/$round/downloads" -d "{\"hash\": \"$hash\", \"path\": \"/usb/big.bgcode\", \"how\": \"encrypted\"}" > "$dir/command"
    until [ -e "$dir/usb/big.bgcode/p" ]; do sleep 0.001; done
    begun=$(date +%s.%N)
    ended=$(whole "$dir/usb/big.bgcode")
    cmp "$dir/big.bgcode" "$dir/usb/big.bgcode"
    read -r user system < <(awk '{ print $14, $15 }' "/proc/$printer/stat")
    kill $printer; wait $printer 2>/dev/null || true
    rm -r "$dir/usb"

    files=$(curl -s "$control/files" | tr -d '\t\n')
    key=$(grep -o '"key":"[^"]*"' <<< "$files" | head -1 | cut -d'"' -f4)
    iv=$(grep -o '"iv":"[^"]*"' <<< "$files" | head -1 | cut -d'"' -f4)
    sync
    TIMEFORMAT='%R %U %S'
    { time sh -c "curl -s -H 'Range: bytes=0-' '$url/f/$iv/raw' | openssl enc -d -aes-128-ctr -nopad -K '$key' -iv '${iv:0:24}00000000' > '$dir/out'"; } 2> "$dir/time"
    cmp -n "$(stat -c %s "$dir/big.bgcode")" "$dir/big.bgcode" "$dir/out"
    rm "$dir/out"
    awk -v size="$size" -v begun="$begun" -v ended="$ended" -v user="$user" -v sys="$system" -v hertz="$(getconf CLK_TCK)" -v round="$round" '{
        ours = size / (ended - begun); theirs = size / $1
        printf "round %d: hotbed %.0f MB/s, curl and openssl %.0f MB/s, ratio %.2f; CPU %.2f and %.2f s\n", round, ours, theirs, ours / theirs, (user + sys) / hertz, $2 + $3
    }' "$dir/time"
done
