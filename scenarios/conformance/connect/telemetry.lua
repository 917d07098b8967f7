-- connect-sdk.md 13.3: telemetry.
local common = include "common.lua"

local job_keys = { "progress", "time_remaining", "time_printing", "inaccurate_estimates" }
local job_states = { PRINTING = true, PAUSED = true, FINISHED = true, STOPPED = true }

local function telemetries(t, printer, from, to)
  return t.connect:requests(printer, { path = "/p/telemetry", at = between(from, to or t:now()) })
end

local function mean_gap(requests)
  return (requests[#requests].at - requests[1].at) / (#requests - 1)
end

check "CON-TEL-01" {
  passive = true,
  run = function(t)
    local printer = t:printer "mk3s"
    t:expect_request(printer, { path = "/p/telemetry" }):within "10s"
    t:held("CON-TEL-01", { exercised = "fail" })
  end,
}

check "CON-TEL-02" {
  passive = true,
  run = function(t)
    local printer = t:printer "mk3s"
    t:expect_request(printer, { path = "/p/telemetry" }):within "10s"
    t:wait "5s"
    t:held("CON-TEL-02", { exercised = "fail" })
  end,
}

check "CON-TEL-03" {
  passive = true,
  run = function(t)
    local printer = t:printer "mk3s"
    t:wait "30s"
    t:expect(#telemetries(t, printer, t:now() - 30), "telemetries in 30 s"):at_least(7)
    t:held("CON-TEL-03", { exercised = "fail" })
  end,
}

check "CON-TEL-04" {
  virtual_only = "it waits for three minutes and more",
  run = function(t)
    common.needs_prusalink(t)
    local printer = common.printer(t)
    t:wait "5s"
    local from = t:now()
    t:wait "20s"
    t:expect(mean_gap(telemetries(t, printer, from)), "mean gap awake, s"):near(0.25, 0.02)
    t:wait "200s"
    from = t:now()
    t:wait "60s"
    t:expect(mean_gap(telemetries(t, printer, from)), "mean gap asleep, s"):near(4, 0.1)
    t:expect(t.connect:command(printer, "START_PRINT", { path = common.file(t, printer) })):finished():within "20s"
    from = t:now() + 2
    t:wait "30s"
    t:expect(mean_gap(telemetries(t, printer, from)), "mean gap in a print, s"):near(1, 0.05)
  end,
}

check "CON-TEL-05" {
  run = function(t)
    local printer = common.printer(t)
    local command = common.slow(t, printer, 4)
    local accepted = t:expect(command):answered("ACCEPTED"):within "10s"
    local finished = t:expect(command):finished():within "20s"
    local during = telemetries(t, printer, accepted.at + 0.3, finished.at - 0.3)
    t:expect(#during, "telemetries while the command ran"):at_least(3)
    for _, request in ipairs(during) do
      t:expect(request.json.command_id, "command_id while it runs"):equals(command.id)
    end
    t:wait "3s"
    for _, request in ipairs(telemetries(t, printer, finished.at + 0.5)) do
      t:expect(request.json, "telemetry after its end"):lacks "command_id"
    end
    t:held("CON-TEL-05", { exercised = "fail" })
  end,
}

check "CON-TEL-06" {
  run = function(t)
    common.needs_gcode(t)
    local printer = common.printer(t, { minutes = 1 })
    t:wait "2s"
    local idle = telemetries(t, printer, t:now() - 2)
    t:expect(idle[#idle].json, "telemetry before the print"):lacks "job_id"
    t:expect(t.connect:command(printer, "START_PRINT", { path = common.file(t, printer) })):finished():within "20s"
    t:wait "5s"
    local printing = telemetries(t, printer, t:now() - 3)
    t:expect(printing[#printing].json.job_id, "job_id while printing"):is_a "integer"
    common.end_print(t, printer)
    t:wait "20s"
    local after = telemetries(t, printer, t:now() - 5)
    t:expect(after[#after].json, "telemetry after the print"):lacks "job_id"
    t:held("CON-TEL-06", { exercised = "fail" })
  end,
}

-- A download of 3 s, of which 2 s are left when this returns.
local function downloading(t, printer, options)
  local file = t.connect:serve(("G1 X1 Y1\n"):rep(35000), { bytes_per_second = 100000 })
  local command = t.connect:download(printer, file, common.folder .. "/downloaded.gcode", options)
  t:expect(command):answered("TRANSFER_INFO"):within "10s"
  t:wait "1200ms"
  return command
end

for _, id in ipairs { "CON-TEL-07", "CON-TEL-08" } do
  check(id) {
    run = function(t)
      local printer = common.printer(t)
      downloading(t, printer)
      t:expect_event(printer, { event = "TRANSFER_FINISHED" }):within "20s"
      t:held(id, { exercised = "fail" })
    end,
  }
end

check "CON-TEL-09" {
  run = function(t)
    local printer = common.printer(t)
    local command = downloading(t, printer)
    t:expect_event(printer, { event = "TRANSFER_FINISHED", data = { start_cmd_id = command.id } }):within "20s"
    t:wait "3s"
    local last = telemetries(t, printer, t:now() - 1)
    t:expect(last[#last].json, "telemetry after the transfer"):lacks "transfer_id"
    t:held "CON-TEL-09"
  end,
}

check "CON-TEL-10" {
  run = function(t)
    local printer = common.printing(t, { minutes = 1 })
    common.end_print(t, printer)
    t:wait(t.outside.printer and "15s" or "30s")
    local outside = 0 -- messages in a row with such keys outside these states
    for _, request in ipairs(telemetries(t, printer, 0)) do
      local carries = false
      for _, key in ipairs(job_keys) do
        carries = carries or request.json[key] ~= nil
      end
      outside = carries and not job_states[request.json.state] and outside + 1 or 0
      t:expect(outside, "messages in a row with values of a job outside a job"):at_most(1)
    end
    t:held("CON-TEL-10", { exercised = "fail" })
  end,
}

check "CON-TEL-11" {
  run = function(t)
    common.needs_prusalink(t)
    local printer = t:printer "mk3s"
    t:expect(t.connect:gcode(printer, "M104 S60")):finished():within "20s"
    t:wait "60s"
    local last
    for _, request in ipairs(telemetries(t, printer, t:now() - 60)) do
      local value = request.json.temp_nozzle
      if value and last and not request.json.total_filament then -- a full resend has everything
        t:expect(math.abs(value - last), "change of temp_nozzle between two of its telemetries"):above(0.5)
      end
      last = value or last
    end
    t:expect(last, "temp_nozzle"):is_a "number"
    t:expect(t.connect:gcode(printer, "M104 S0")):finished():within "20s"
  end,
}

-- The server's side.

check "CON-TEL-12" {
  "telemetry is merged: absent keys keep their value",
  side = "server",
  run = function(t)
    local printer = common.printer(t)
    t:expect(t.connect:gcode(printer, "M104 S60")):finished():within "20s"
    t:wait "30s"
    local last = telemetries(t, printer, t:now() - 1)
    t:expect(last[#last].json, "the last telemetry"):lacks "target_nozzle"
    t:expect(t.connect:view(printer).telemetry.target_nozzle, "target_nozzle as the server believes"):equals(60)
  end,
}
