#!/usr/bin/env bash
# A peer made of the captures of the real PrusaLink 0.8.1 is judged as the document says: what is recorded of it holds,
# its fidelity and its known defects included.
set -u
hotbed=$1
captures=${HOTBED_SHARED:-../shared}/captures/prusalink-server
[ -d "$captures" ] || { echo "skipped: there is no $captures"; exit 0; }
command -v python3 >/dev/null || { echo "skipped: there is no python3"; exit 0; }
scratch=$(mktemp -d)
peer=
trap '[ -n "$peer" ] && kill "$peer" 2>/dev/null; rm -rf "$scratch"' EXIT

# Whose requests are among the recorded ones.
ids=$(grep -v '^#' tests/golden/prusalink_judged.txt | paste -sd,)
python3 tests/golden/link_replay.py "$captures" >"$scratch/port" &
peer=$!
for _ in $(seq 100); do
    [ -s "$scratch/port" ] && break
    sleep 0.1
done
port=$(head -n 1 "$scratch/port")
export HOTBED_PRUSALINK_PASSWORD=secret1A HOTBED_PRUSALINK_API_KEY=kitkey1234
out=$("$hotbed" check prusalink "http://127.0.0.1:$port" --only "$ids" --strict 2>&1)
code=$?
passed=$(grep -c '^pass' <<<"$out")
wanted=$(tr ',' '\n' <<<"$ids" | wc -l)
if [ $code -eq 0 ] && [ "$passed" -eq "$wanted" ]; then
    echo "$passed passed, 0 failed"
else
    echo "$out"
    echo "$passed passed, $((wanted - passed)) failed"
    exit 1
fi
