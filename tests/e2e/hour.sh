#!/bin/bash
# Printers of both transports at one server, in real time over sockets: they register, print, take in a file meanwhile, are
# paused, lose their drive and a fan, and finish; at the end the server knows each as it is. HOTBED_LONG=1: five minutes.
hotbed=$1
source "$(dirname "$0")/lib.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

name="a minute of both transports"
[ -n "${HOTBED_LONG:-}" ] && name="five minutes of both transports"
"$hotbed" run scenarios/examples/an-hour.lua --real --only "$name" --trace "$work/trace" >"$work/out" 2>&1
check "$name" [ $? -eq 0 ]
cat "$work/out"
check "over WebSockets" grep -qa "GET /p/ws HTTP/1.1" "$work/trace"
check "over HTTP" grep -qa "POST /p/telemetry HTTP/1.1" "$work/trace"
check "files came encrypted" grep -qa "Content-Encryption-Mode" "$work/trace"
finish
