#!/bin/bash
# hotbed check through the real binary: lists, single checks, proofs that they can fail, a device and a server from
# outside.
hotbed=$1
source "$(dirname "$0")/lib.sh"

says 0 "CON-CMD-02" check connect-printer --list
says 0 "CON-CMD-23" check connect-server --list
says 2 "the subject must be" check no-such-subject
says 2 "expected http" check connect-server 127.0.0.1:1
says 2 "--only: there is no \"CON-XYZ-01\"" check connect-printer --only CON-XYZ-01
says 0 "3 passed, 0 failed, 0 skipped" check connect-printer --only CON-CMD-01,CON-TEL-02 --only CON-REG-01

# Each of these breaks the contract in one way, and the check that is meant for it sees it.
proves() {
    says 1 "fail  $1" check "$2" --only "$1" --misbehave "$3"
}
proves CON-TRP-02 connect-printer "drop-header=telemetry:Fingerprint"
proves CON-TRP-05 connect-printer "set-header=telemetry:Timestamp=yesterday"
proves CON-TEL-01 connect-printer "drop-json=telemetry:state"
proves CON-TEL-02 connect-printer "set-json=telemetry:temp_bed=null"
proves CON-CMD-01 connect-printer "drop=event/ACCEPTED"
proves CON-EVT-01 connect-printer "drop-json=event:source"

# What nobody there could break, and options that a subject has no use for, are refused.
says 2 "no PrusaLink server takes part here" check connect-printer --misbehave link:status=500
says 2 "neither a misbehaviour of our server" check connect-server --misbehave no-such
says 2 "expected link:" check prusalink --misbehave telemetry-status=503
says 2 "no such misbehaviour" check sync --misbehave link:no-such
says 2 "a password is needed" check prusalink http://127.0.0.1:1
for subject in prusalink prusalink-client sync; do
    says 2 "there is no option --websocket" check $subject --websocket
    says 2 "there is no option --control" check $subject --control http://127.0.0.1:1
done

# Known defects, all of them or one by one.
says 0 "Q-24  reset" printer --list-quirks
says 2 "there is no quirk 'Q-99'" printer mk3s --connect http://127.0.0.1:1 --quirk Q-99=off
says 2 "expected Q-24=on or Q-24=off" check connect-printer --quirk Q-24
says 2 "expected a printer with Buddy firmware" check sync --model mk3s
says 2 "there is no option --quirk" check prusalink --quirk L-05=off
says 1 "--seed 1 --quirk Q-24=off" check connect-printer --only Q-24 --quirk Q-24=off
says 1 "--seed 1 --no-quirks" check connect-printer --only Q-24 --no-quirks
says 0 "1 passed" check connect-printer --only Q-24 --no-quirks --quirk Q-24=on
says 0 " 0 failed" check connect-printer --no-quirks
says 0 " 0 failed" check connect-printer --model mk2.5
says 0 " 0 failed" check connect-printer --model sl1
says 0 "needs a printer that takes g-code" check connect-printer --model sl1s --only CON-CMD-16

says 3 "could not be reached" check connect-server http://127.0.0.1:1
says 3 "no printer came" check connect-printer --listen 127.0.0.1:0 --timeout 1s

finish
