# Counts for end-to-end tests: pass TEXT, fail TEXT, check TEXT COMMAND..., and finish with the closing line.
passed=0
failed=0

pass() {
    passed=$((passed + 1))
}

fail() {
    failed=$((failed + 1))
    printf 'FAIL %s\n' "$*"
}

check() {
    local text=$1
    shift
    if "$@" >/dev/null 2>&1; then
        pass "$text"
    else
        fail "$text"
    fi
}

finish() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ]
    exit
}
