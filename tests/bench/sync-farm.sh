#!/usr/bin/env bash
# A demonstration on real input: 50 virtual MK4, 20 MK3S and 5 XL over real sockets, with the upload speed of real boards,
# brought into step with a folder of real print files: dry run, execute, change, execute, interrupt, execute; the trees
# are compared at the end.
#   tests/bench/sync-farm.sh [RATE] [MOST_BYTES_OF_A_FILE]
set -euo pipefail
cd "$(dirname "$0")/../.."
rate=${1:-board} largest=${2:-1500000}
hotbed=${HOTBED:-build/release/hotbed}
data=${HOTBED_SHARED:-../shared}/data
[ -x "$hotbed" ] || { echo "first: cmake --preset release && cmake --build --preset release" >&2; exit 2; }
[ -d "$data" ] || { echo "skipped: $data is not there" >&2; exit 0; }
work=$(mktemp -d)
printers=()
cleanup() {
    for pid in "${printers[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
export HOTBED_PASSWORD=Farm-secret-1 HOME=$work
mkdir -p "$work/prints/jobs/today"
for file in "$data"/*.gcode "$data"/*.bgcode; do
    [ "$(stat -c %s "$file")" -gt "$largest" ] || cp "$file" "$work/prints/jobs/"
done
cp scenarios/examples/files/*.gcode "$work/prints/jobs/today/"

row() { # MODEL COUNT: a printer each on a directory of its own
    local i
    for i in $(seq "$2"); do
        mkdir "$work/$1-$i"
        "$hotbed" printer "$1" --prusalink 0 --index "$i" --upload-rate "$rate" --directory "$work/$1-$i" \
            >"$work/$1-$i.log" 2>&1 &
        printers+=($!)
    done
}
row mk4 50
row mk3s 20
row xl 5
for folder in "$work"/mk4-* "$work"/mk3s-* "$work"/xl-*; do
    [ -d "$folder" ] || continue
    until grep -qs 'http://' "$folder.log"; do sleep 0.1; done
    name=$(basename "$folder")
    echo "$name: {printer_type: ${name%-*}, host: '$(grep -o 'http://[^ ,]*' "$folder.log")', username: maker}"
done >"$work/farm.yml"
sleep 15 # the programs of the MK3S look for their printers

run() { # WHAT CODE ARGUMENT...
    local what=$1 wanted=$2 code=0 from=$SECONDS
    shift 2
    "$@" >"$work/out" 2>&1 || code=$?
    printf '%-34s %3d s, exit code %3d: %s\n' "$what" $((SECONDS - from)) $code "$(grep ' printers: ' "$work/out")"
    [ $code -eq "$wanted" ] || { tail -n 40 "$work/out"; exit 1; }
}
sync=("$hotbed" sync "$work/farm.yml" "$work/prints" --jobs 75)
run 'dry run' 0 "${sync[@]}"
run 'execute' 0 "${sync[@]}" --execute
run 'execute again' 0 "${sync[@]}" --execute
echo '; changed' >>"$work/prints/jobs/today/cube.gcode"
rm "$work/prints/jobs/today/short.gcode"
cp "$work/prints/jobs/today/pauses.gcode" "$work/prints/new.gcode"
run 'a file changed, one gone, one new' 0 "${sync[@]}" --execute
slow=300000 # a Buddy board on Ethernet: docs/models.md, "uploads"
[[ $rate =~ ^[0-9]+$ ]] && slow=$rate
head -c $((slow * 10)) /dev/zero | tr '\0' 'G' >"$work/prints/large.gcode"
run 'interrupted in a large upload' 130 timeout --preserve-status -s INT 5 "${sync[@]}" --execute
run 'execute' 0 "${sync[@]}" --execute

different=0
for folder in "$work"/mk4-* "$work"/mk3s-* "$work"/xl-*; do
    [ -d "$folder" ] || continue
    suffixes=(-name '*.gcode')
    [[ $folder == *mk3s* ]] || suffixes+=(-o -name '*.bgcode')
    diff <(cd "$work/prints" && find . \( "${suffixes[@]}" \) -exec sha256sum {} + | sort -k 2) \
        <(cd "$folder" && find . -type f -exec sha256sum {} + | sort -k 2) || different=$((different + 1))
done
echo "75 trees compared: $different differ from the folder"
[ $different -eq 0 ]
