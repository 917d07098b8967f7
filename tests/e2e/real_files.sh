#!/usr/bin/env bash
# Real files, made by others, where they are: prints keep what the slicer promised; a real settings file is understood.
set -u
hotbed=$1
shared=${HOTBED_SHARED:-../shared}
passed=0 failed=0 skipped=0

for name in full_m73_layers_0.2mm_PLA_MK3SMMU2S_11m benchyrules_pla_14m box mini_cube_ascii bp_case; do
    file=$shared/data/$name.gcode
    if [ ! -r "$file" ]; then
        echo "skipped: $name.gcode is not here"
        skipped=$((skipped + 1))
    elif out=$("$hotbed" run scenarios/examples/print-a-file.lua --verbose --give "gcode=$file" 2>&1); then
        passed=$((passed + 1))
        echo "$name:"
        grep -E "printing time  |filament  |layers  |telemetry  " <<<"$out"
    else
        failed=$((failed + 1))
        echo "not ok: $name"
        head -n 8 <<<"$out"
    fi
done

# The server it names is not here; that the file was understood shows in what is not complained about.
file=$shared/data/prusa_printer_settings.ini
if [ ! -r "$file" ]; then
    echo "skipped: prusa_printer_settings.ini is not here"
    skipped=$((skipped + 1))
else
    work=$(mktemp -d)
    sed -e 's/^hostname = .*/hostname = localhost/' -e 's/^tls = .*/tls = false/' "$file" >"$work/here.ini"
    token=$(sed -n 's/^token = //p' "$file")
    "$hotbed" mock connect --listen 127.0.0.1:0 --control 127.0.0.1:0 --token "$token" >"$work/out" 2>&1 &
    server=$!
    for _ in $(seq 100); do grep -q '^control on' "$work/out" && break; sleep 0.05; done
    port=$(sed -n 's/^listening on http:\/\/127.0.0.1://p' "$work/out")
    control=$(sed -n 's/^control on //p' "$work/out")
    sed -i "s/^port = .*/port = $port/" "$work/here.ini"
    "$hotbed" printer mk3s --ini "$work/here.ini" --duration 12s >/dev/null 2>"$work/err"
    if curl -sf "$control/printers" | jq -e '.[0].state == "IDLE"' >/dev/null; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "not ok: a printer with the settings of prusa_printer_settings.ini"
        cat "$work/err"
        curl -s "$control/printers"
    fi
    kill -TERM $server
    wait $server 2>/dev/null
    rm -rf "$work"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
