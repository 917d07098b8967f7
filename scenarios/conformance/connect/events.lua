-- connect-sdk.md 13.5: events and states.
local common = include "common.lua"

-- A printer that has said a bit of everything.
local function talkative(t)
  local printer = common.printing(t)
  t:expect(t.connect:command(printer, "SEND_INFO")):ended():within "10s"
  t:expect(t.connect:command(printer, "SEND_JOB_INFO")):ended():within "10s"
  t:expect(t.connect:command(printer, "SEND_FILE_INFO", { path = common.file(t, printer) })):ended():within "10s"
  t:expect(t.connect:command(printer, "NO_SUCH")):ended():within "10s"
  t:expect(t.connect:command(printer, "STOP_PRINT")):ended():within "20s"
  return printer
end

for _, id in ipairs { "CON-EVT-01", "CON-EVT-02", "CON-EVT-03", "CON-EVT-04" } do
  check(id) {
    run = function(t)
      if not common.seen(t, id, 20) then
        talkative(t)
      end
      t:held(id, { exercised = "fail" })
    end,
  }
end

check "CON-EVT-05" {
  run = function(t)
    local printer = t:printer "mk3s"
    local command = t.connect:command(printer, "SEND_INFO")
    local info = t:expect(command):answered("INFO"):within "10s"
    for _, key in ipairs { "type", "version", "subversion", "sn", "fingerprint", "firmware", "sdk", "files", "network_info" } do
      t:expect(info.data, "INFO"):has(key)
    end
    t:held("CON-EVT-05", { exercised = "fail" })
  end,
}

check "CON-EVT-06" {
  run = function(t)
    if common.seen(t, "CON-EVT-06", 6) then
      return t:held "CON-EVT-06"
    end
    local printer = common.printing(t)
    common.pause(t, printer)
    t:wait "2s"
    t:expect(t.connect:command(printer, "STOP_PRINT")):finished():within "20s"
    t:wait "20s"
    t:held("CON-EVT-06", { exercised = "fail" })
  end,
}

check "CON-EVT-07" {
  run = function(t)
    if common.seen(t, "CON-EVT-07", 2) then
      return t:held "CON-EVT-07"
    end
    local printer, first = common.printing(t, { minutes = 1, job_counter = not t.outside.printer and 56 or nil })
    t:expect(t.connect:command(printer, "STOP_PRINT")):finished():within "20s"
    t:expect(printer):state("IDLE"):within "30s"
    local second = t.connect:command(printer, "START_PRINT", { path = common.file(t, printer) })
    t:expect(second):finished():within "20s"
    local a = t:expect(first):answered("STATE_CHANGED").job_id
    local b = t:expect(second):answered("STATE_CHANGED").job_id
    t:expect(b - a, "growth of job_id from job to job"):equals(1)
    t:held("CON-EVT-07", { exercised = "fail" })
  end,
}

check "CON-EVT-08" {
  run = function(t)
    if common.seen(t, "CON-EVT-08", 2) then
      return t:held "CON-EVT-08"
    end
    local printer = common.printing(t)
    t:expect(t.connect:command(printer, "STOP_PRINT")):finished():within "20s"
    local stopped = t.connect:events(printer, { event = "STATE_CHANGED", state = "STOPPED" })
    local idle = t:expect_event(printer, { event = "STATE_CHANGED", state = "IDLE" }):within "30s"
    t:expect(idle.at - stopped[#stopped].at, "seconds in STOPPED"):at_least(10.9)
    t:held("CON-EVT-08", { exercised = "fail" })
  end,
}

check "CON-EVT-09" {
  run = function(t)
    local printer = common.printing(t)
    t:expect(t.connect:command(printer, "STOP_PRINT")):finished():within "20s"
    t:expect(t.connect:command(printer, "SET_PRINTER_READY")):failed():within "10s"
    t:expect(printer):state("IDLE"):within "30s"
    t:expect(t.connect:command(printer, "SET_PRINTER_READY")):finished():within "10s"
    t:held("CON-EVT-09", { exercised = "fail" })
  end,
}

check "CON-EVT-10" {
  run = function(t)
    if common.seen(t, "CON-EVT-10", 6) then
      return t:held "CON-EVT-10"
    end
    local printer = common.printing(t)
    local names = { "PAUSE_PRINT", "RESUME_PRINT", "STOP_PRINT" }
    for _, name in ipairs(t.outside.printer and { "STOP_PRINT" } or names) do
      local command = t.connect:command(printer, name)
      t:expect(command):finished():within "3m"
      t:expect(command):answered("STATE_CHANGED", { source = "CONNECT" })
    end
    t:held("CON-EVT-10", { exercised = "fail" })
  end,
}

check "CON-EVT-11" {
  run = function(t)
    common.needs_gcode(t)
    local printer = common.printer(t)
    t:expect(t.connect:command(printer, "SEND_JOB_INFO")):failed():within "10s"
    t:expect(t.connect:command(printer, "START_PRINT", { path = common.file(t, printer) })):finished():within "20s"
    local info = t:expect(t.connect:command(printer, "SEND_JOB_INFO")):answered("JOB_INFO"):within "10s"
    t:expect(info.job_id, "job_id"):is_a "integer"
    t:expect(info.data.path, "path"):equals(common.file(t, printer))
    t:held("CON-EVT-11", { exercised = "fail" })
  end,
}

-- The server's side.

check "CON-EVT-12" {
  "a partial INFO is merged: what it does not name keeps its value",
  side = "server",
  run = function(t)
    local printer = t:printer("mk3s", { spoil = { 'set-json=event/INFO#4:data={"active_sheet": 1}' } })
    t:expect(t.connect:command(printer, "SEND_INFO")):ended():within "10s"
    t:expect(t.connect:command(printer, "SEND_INFO")):ended():within "10s"
    local info = t.connect:view(printer).info
    t:expect(info.sn, "serial number after a partial INFO"):equals(printer.serial)
  end,
}

check "CON-EVT-13" {
  run = function(t)
    local printer = t:printer("mk3s", { spoil = { "set-json=event:transfer_id=4294967295" } })
    t:expect(common.ask(t, printer)):ended():within "10s"
    t:expect_request(printer, { path = "/p/telemetry" }):within "5s"
    t:held("CON-EVT-13", { exercised = "fail" })
  end,
}
