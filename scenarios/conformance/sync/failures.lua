-- link-sync.md 6 and 7 as checks: failures are told, stay with their printer, and end.
local common = include "common.lua"

check "SYNC-39" {
  "an upload or a deletion that the printer refuses is told as a failure, in words and by the exit code",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local refusals = {
      { "early=409@PUT/api/v1/files/usb/refused" }, { "early=415@PUT/api/v1/files/usb/refused" },
      { "early=507@PUT/api/v1/files/usb/refused" }, { "early=422@PUT/api/v1/files/usb/refused" },
      { "early=409@DELETE/api/v1/files/usb" },
    }
    local bed = common.bed(t, { count = #refusals, misbehave = refusals })
    bed:here "refused.gcode"
    bed:here "taken.gcode"
    bed:there(5, "stays.gcode")
    for i, one in ipairs(bed.printers) do
      local run = bed:run { printer = t:tool_knows "printer" and one.name or nil }
      bed:expect_code(run, "failure", refusals[i][1])
      bed:expect_told(run, i == 5 and "stays.gcode" or "refused.gcode", refusals[i][1])
      t:expect(bed:tree(i)["taken.gcode"], refusals[i][1] .. ": the file that was not refused"):is_a "string"
    end
  end,
}

check "SYNC-40" {
  "an upload that is cut is told as a failure of that file, and the others are brought",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t, { misbehave = { { "cut=4000@PUT/api/v1/files/usb/b" } } })
    bed:here "a.gcode"
    bed:here("b.gcode", common.gcode("b", 20000))
    bed:here "c.gcode"
    local run = bed:run()
    bed:expect_code(run, "failure")
    bed:expect_told(run, "b.gcode")
    local tree = bed:tree(1)
    t:expect(tree["a.gcode"] and tree["c.gcode"], "the other files"):is_a "string"
    t:expect(tree["b.gcode"], "the file whose upload was cut"):is_nil()
  end,
}

check "SYNC-41" {
  "a printer that refuses connections, and one that refuses the password, keep nobody from being brought into step",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t, { count = 4 })
    bed:here "a.gcode"
    bed.printers[1].printer:stop_link()
    bed.printers[3].password = "not the password"
    local run = bed:run()
    bed:expect_in_step(2)
    bed:expect_in_step(4)
    bed:expect_code(run, "failure")
    bed:expect_told(run, "Ada")
    bed:expect_told(run, "Eve")
    t:expect(run.text:find("not the password", 1, true), "the password in what it prints"):is_nil()
  end,
}

check "SYNC-42" {
  "a printer that takes connections and never answers is given up within the time-out, and keeps nobody waiting",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t, { count = 2, misbehave = { { "silent" } } })
    bed:here "a.gcode"
    local run = bed:run { timeout = t:tool_knows "timeout" and 5 or nil, limit = "40s" }
    bed:expect_in_step(2)
    bed:expect_code(run, "failure")
  end,
}

-- How many printers were sent something at one time.
local function busiest(bed)
  local edges = {}
  for i in ipairs(bed.printers) do
    for _, request in ipairs(bed:asked(i)) do
      if request.method == "PUT" and request.ended then
        edges[#edges + 1] = { request.at, 1 }
        edges[#edges + 1] = { request.ended, -1 }
      end
    end
  end
  table.sort(edges, function(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end)
  local now, most = 0, 0
  for _, edge in ipairs(edges) do
    now = now + edge[2]
    most = math.max(most, now)
  end
  return most
end

check "SYNC-56" {
  "no more printers are worked on at a time than there are processor cores",
  side = "tool", kind = "quirk", subject = "sync",
  run = function(t)
    local cores = t:cores()
    if cores > 8 then
      t:skip("this machine has %d cores: more printers would be needed than one check can have", cores)
    end
    local bed = common.bed(t, { count = cores + 2, upload_speed = 20000 })
    bed:here("a.gcode", common.gcode("slow", 20000))
    bed:expect_code(bed:run(), 0)
    for i in ipairs(bed.printers) do
      bed:expect_in_step(i)
    end
    t:expect(busiest(bed), "printers that were sent something at a time"):at_most(cores)
  end,
}

check "SYNC-57" {
  "the report names every printer, the last ones too, when the work of all has ended",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t, { count = 3, upload_speed = 50000 })
    bed:here("a.gcode", common.gcode("a", 20000))
    local run = bed:run()
    bed:expect_code(run, 0)
    for i, one in ipairs(bed.printers) do
      bed:expect_in_step(i)
      bed:expect_told(run, one.name)
    end
  end,
}
