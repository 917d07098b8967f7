# Counts for end-to-end tests: pass TEXT, fail TEXT, check TEXT COMMAND..., says CODE WORDS ARGUMENT... for the program
# in $hotbed, and finish with the closing line.
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

# says CODE WORDS ARGUMENT...: run hotbed; the exit code and something that must be in what it prints
says() {
    local code=$1 words=$2 output status
    shift 2
    output=$(timeout 60 "$hotbed" "$@" 2>&1 </dev/null)
    status=$?
    if [ "$status" -eq "$code" ] && grep -qaF -- "$words" <<<"$output"; then
        pass "$* -> $code, $words"
    else
        fail "$* -> $status, expected $code and: $words"
        printf '%s\n' "$output" | tail -15
    fi
}

finish() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ]
    exit
}
