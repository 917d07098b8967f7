#!/usr/bin/env bash
# What hotbed farm reports, read by programs of others: a server that pauses must be seen (no coordinated omission), and
# JSON, CSV, JUnit, Prometheus text, HdrHistogram and the farm files of the manual must be what they are said to be.
set -u
hotbed=$1
. "$(dirname "$0")/lib.sh"
work=$(mktemp -d)
server=
trap 'kill -CONT $server 2>/dev/null; kill $server 2>/dev/null; rm -rf "$work"' EXIT

"$hotbed" mock connect --listen 127.0.0.1:0 --control 127.0.0.1:0 --adopt >"$work/server" 2>&1 &
server=$!
for _ in $(seq 100); do
    grep -q '^control on' "$work/server" && break
    sleep 0.05
done
url=$(sed -n 's/^listening on //p' "$work/server")

# ---- a server that pauses for 2 s ----
# Of 10 measured seconds, two are a pause. Whoever measures from the send sees one slow answer of each printer in it, and
# of the two that were planned meanwhile only that one; from the plan, a tenth of all answers took more than a second.
cat >"$work/pause.yaml" <<'YAML'
name: pause
duration: 14s
warm_up: 4s
arrival: {ramp: 1s}
# So that some turns, whenever the printers came, wait for nearly the whole of the pause.
telemetry: {style: minimal, interval: 'uniform(500ms, 1500ms)'}
groups:
  - {name: sdk, model: mk3s, host: sdk, count: 20, token: 't{printer}'}
  - {name: buddy, model: mk4, count: 20, token: 'a-token-of-http-{printer}'}
thresholds:
  - sdk/telemetry.p99 > 1500ms
  - buddy/telemetry.p99 > 1500ms
  - sdk/telemetry.p90 > 500ms
  - buddy/telemetry.p90 > 500ms
  - sdk/telemetry.count > 150
  - telemetry.failed == 0
generator: {lateness: 1m, cpu: 100}
YAML
"$hotbed" farm "$work/pause.yaml" --target connect="$url" --prometheus 127.0.0.1:0 --json "$work/pause.json" \
    --csv "$work/pause.csv" --junit "$work/pause.xml" >"$work/pause.txt" 2>"$work/pause.log" &
farm=$!
sleep 8
kill -STOP $server
sleep 2
kill -CONT $server
figures=$(sed -n 's/^figures are at //p' "$work/pause.log")
curl -sf "$figures" >"$work/metrics"
wait $farm
status=$?
check "a pause of 2 s is in p99, from the planned instant: $status" test $status = 0
[ $status = 0 ] || cat "$work/pause.txt"

# ---- the reports, each by a reader of its own ----
check "quiet in a pipe" test "$(grep -c connected "$work/pause.log")" = 0
check "JUnit: a case for each threshold, completeness and the generator" \
    test "$(xmllint --xpath 'count(//testcase)' "$work/pause.xml")" = 8
cat >"$work/agree.py" <<'PY'
import csv, json, sys
report = json.load(open(sys.argv[1]))
rows = list(csv.DictReader(open(sys.argv[2])))
steps = ["connect", "tls", "register", "telemetry", "event", "command", "transfer"]
assert len(rows) == len(report["seconds"])
for row, second in zip(rows, report["seconds"]):
    assert list(map(int, list(row.values())[1:6])) == second[:5], row
    for i, step in enumerate(steps):
        ok, failed, skipped, total, most = second[5 + 5 * i:10 + 5 * i]
        told = [int(row[f"{step}_{name}"]) for name in ("ok", "failed", "skipped", "mean_us", "max_us")]
        assert told == [ok, failed, skipped, total // ok if ok else 0, most], (step, told)
for group in report["groups"]:
    for name, step in group["steps"].items():
        assert step["planned"] == step["ok"] + step["skipped"] + step["unfinished"] + sum(step["failed"].values()), name
        assert step["latency"]["count"] == step["ok"], name
documented = open("docs/farm.md").read()
for field in list(report) + list(report["groups"][0]) + list(rows[0])[:6]:
    assert f"`{field}`" in documented or f"`{field}[]`" in documented, f"{field} is not in docs/farm.md"
PY
check "JSON and CSV agree, add up, and each field is in the manual" python3 "$work/agree.py" "$work/pause.json" "$work/pause.csv"
"$hotbed" merge "$work/pause.json" --json - 2>/dev/null >"$work/merged.json"
check "standard output takes one report, and nothing else" test "$(jq -c "[.hotbed_farm, .missing]" "$work/merged.json")" = "[3,[]]"
if command -v promtool >/dev/null; then
    check "Prometheus' own tool finds nothing wrong with the figures" promtool check metrics <"$work/metrics"
else
    echo "SKIPPED: promtool is missing (Debian: prometheus)"
fi

# ---- histograms, read by the reference implementation ----
jar=/usr/share/java/hdrhistogram.jar
if [ -e $jar ] && command -v javac >/dev/null; then
    cat >"$work/Read.java" <<'JAVA'
import java.nio.ByteBuffer;
import java.util.Base64;
import org.HdrHistogram.Histogram;

public class Read {
    public static void main(String[] texts) throws Exception {
        for (String text : texts) {
            Histogram it = Histogram.decodeFromCompressedByteBuffer(ByteBuffer.wrap(Base64.getDecoder().decode(text)), 0);
            System.out.printf("%d %d %d %d%n", it.getTotalCount(), it.getValueAtPercentile(50),
                it.getValueAtPercentile(99), it.getValueAtPercentile(99.9));
        }
    }
}
JAVA
    mapfile -t told < <(jq -r '.lateness, (.groups[].steps[].latency) | select(.count > 0) |
        "\(.count) \(.p50_us) \(.p99_us) \(.["p99.9_us"]) \(.max_us) \(.hdr)"' "$work/pause.json")
    java -cp $jar "$work/Read.java" "${told[@]##* }" >"$work/read" 2>"$work/java"
    for i in "${!told[@]}"; do
        read -r count p50 p99 p999 most _ <<<"${told[i]}"
        read -r theirs t50 t99 t999 < <(sed -n $((i + 1))p "$work/read")
        # It does not know the exact maximum, which ours does not go beyond.
        same=$([ "$theirs" = "$count" ] && [ $((t50 > most ? most : t50)) = "$p50" ] &&
            [ $((t99 > most ? most : t99)) = "$p99" ] && [ $((t999 > most ? most : t999)) = "$p999" ] && echo yes)
        check "HdrHistogram of Java reads $theirs $t50 $t99 $t999, we say $count $p50 $p99 $p999" test "$same" = yes
    done
else
    echo "SKIPPED: the HdrHistogram of Java is missing (Debian: libhdrhistogram-java, default-jdk-headless)"
fi

# ---- on a terminal ----
cat >"$work/terminal.py" <<'PY'
import fcntl, os, pty, re, struct, sys, termios
columns, command = int(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
seen = b""
try:
    while piece := os.read(terminal, 65536):
        seen += piece
except OSError:
    pass
os.waitpid(pid, 0)
live = seen.decode().split("\r\n")[0].split("\r")[1:]
assert len(live) >= 2, seen
assert all(len(line) < columns for line in live), live
assert re.match(r" +2 s  \d+/40 on, ", live[1]), live
PY
check "a live line a second, not wider than the terminal" \
    python3 "$work/terminal.py" 72 "$hotbed" farm "$work/pause.yaml" --target connect="$url" --duration 5s

# ---- the pods of the example for Kubernetes: its very shell line, with the plan as its first lines make it ----
if python3 -c 'import yaml' 2>/dev/null; then
    mkdir "$work/plan" "$work/results"
    cp scenarios/examples/files/cube.gcode "$work/plan/"
    sed 's|\.\./examples/files/||; s/duration: .*/duration: 20s/; s/^thresholds:/generator: {lateness: 1m, cpu: 100}\nthresholds:/
        s/telemetry.p99 < .*/telemetry.p99 < 30s/; s/0\.99/0.5/' scenarios/load/hundred.yaml >"$work/plan/farm.yaml"
    python3 - "$work" "$url" $(($(date +%s) + 2)) >"$work/pod.sh" <<'PY'
import sys, yaml
work, url, start = sys.argv[1:]
[job] = yaml.safe_load_all(open("ci/examples/kubernetes/farm.yaml"))
spec = job["spec"]
assert (job["apiVersion"], job["kind"], spec["completionMode"]) == ("batch/v1", "Job", "Indexed")
[container] = spec["template"]["spec"]["containers"]
assert container["command"] == ["/bin/sh", "-c"] and spec["completions"] == spec["parallelism"]
mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
assert set(mounts) == {volume["name"] for volume in spec["template"]["spec"]["volumes"]}
[line] = container["args"]
assert f"--shards {spec['completions']} " in line
for old, new in ((mounts["plan"], f"{work}/plan"), (mounts["results"], f"{work}/results"), ("http://server:8080", url),
                 ("START", start), (f"--shards {spec['completions']}", "--shards 2")):
    line = line.replace(old, new)
print(line)
PY
    mkdir "$work/bin"
    ln -s "$(realpath "$hotbed")" "$work/bin/hotbed"
    for index in 0 1; do
        JOB_COMPLETION_INDEX=$index PATH=$work/bin:$PATH /bin/sh -c "$(cat "$work/pod.sh")" >"$work/pod$index.txt" 2>&1 &
    done
    wait %+ %-
    says 0 "hundred: 100 of 100 printers" merge "$work/results/0.json" "$work/results/1.json"
else
    echo "SKIPPED: Python has no yaml (Debian: python3-yaml)"
fi

# ---- the manual ----
mkdir "$work/manual"
cp scenarios/examples/files/cube.gcode "$work/manual/"
awk '/^```yaml$/ { on = 1; next } /^```$/ { on = 0 } on' docs/farm.md >"$work/manual/farm.yaml"
says 0 "mk3s" farm "$work/manual/farm.yaml" --list
for file in scenarios/load/*.yaml scenarios/load/*.lua; do
    says 0 "idle" farm "$file" --list
done
for command in farm merge; do
    # A pasted line ends in what the program itself takes for good usage.
    "$hotbed" $command --help | sed -n '/^example:/,$p' >"$work/example"
    check "$command --help has an example" grep -q "^  hotbed $command " "$work/example"
done
finish
