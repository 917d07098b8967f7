#!/bin/bash
# cmake --install puts a hotbed under a prefix that works from any folder, with the scenarios of that prefix, and that
# can be moved.
hotbed=$1
source "$(dirname "$0")/lib.sh"
build=$(realpath "$(dirname "$hotbed")")
work=$(realpath "$(mktemp -d)")
trap 'rm -rf "$work"' EXIT

check "it installs" cmake --install "$build" --prefix "$work/prefix"
check "nothing but bin and share is in it" test "$(ls "$work/prefix" | tr '\n' ' ')" = "bin share "

try() { # PREFIX
    hotbed=$1/bin/hotbed
    says 0 "hotbed " --version
    says 0 "mk3s" models
    says 0 "CON-CMD-02" check connect-printer --list
    says 0 "2 passed, 0 failed, 0 skipped" check connect-printer --only CON-CMD-01,CON-REG-01
    says 0 "1 passed, 0 failed, 0 skipped" run "$1/share/hotbed/scenarios/examples" --only registration
    "$hotbed" check connect-printer --only CON-CMD-01 --json "$work/report" >/dev/null
    check "its own scenarios are meant, not those of the sources" grep -qE "share/hotbed/scenarios/conformance|\"hotbed/scenarios/conformance" "$work/report"
}

cd / || exit 1
unset HOTBED_SCENARIOS
try "$work/prefix"
mv "$work/prefix" "$work/elsewhere"
cd "$work/elsewhere/share" || exit 1
try "$work/elsewhere"
ln -s "$work/elsewhere/bin/hotbed" "$work/link"
hotbed=$work/link
says 0 "1 passed, 0 failed, 0 skipped" check connect-server --only CON-CMD-23
HOTBED_SCENARIOS=/none says 2 "HOTBED_SCENARIOS: /none: there is no folder conformance in it" check connect-printer

finish
