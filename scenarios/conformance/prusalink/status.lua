-- prusalink.md 10, Status.

local link = include "common.lua"

local STATES = { "IDLE", "READY", "BUSY", "PRINTING", "PAUSED", "FINISHED", "STOPPED", "ERROR", "ATTENTION" }

local function status(server)
  return server:get("/api/v1/status").json
end

check "PL-STAT-01" {
  "GET /api/v1/status: an object printer, its state one of the nine words",
  run = link.on("PB", function(t, server)
    local printer = status(server).printer
    t:expect(printer, server:say "printer"):is_a "table"
    t:expect(printer.state, server:say "state"):one_of(STATES)
  end),
}

-- Types of the members of `printer`, where they are there.
local function check_types(t, server, printer)
  for _, key in ipairs { "temp_nozzle", "target_nozzle", "temp_bed", "target_bed", "axis_x", "axis_y", "axis_z" } do
    if printer[key] ~= nil then
      t:expect(printer[key], server:say(key)):is_a "number"
    end
  end
  for _, key in ipairs { "flow", "speed", "fan_hotend", "fan_print" } do
    if printer[key] ~= nil then
      t:expect(printer[key], server:say(key)):is_a "integer"
    end
  end
end

check "PL-STAT-02" {
  "temperatures and axes are numbers; flow, speed and fans whole numbers; none is null",
  run = link.on("PB", function(t, server)
    local reply = server:get "/api/v1/status"
    check_types(t, server, reply.json.printer)
    t:expect(reply.json.printer, server:say "printer"):satisfies { temp_nozzle = any, temp_bed = any, flow = any, speed = any }
    t:expect(reply.body, server:say "fans as whole numbers"):satisfies(function(body)
      return not body:find '"fan_%a+": ?%d+%.' and not body:find '"flow": ?%d+%.' and not body:find '"speed": ?%d+%.'
    end)
  end),
}

local TENTHS = { "temp_nozzle", "target_nozzle", "temp_bed", "target_bed", "axis_x", "axis_y", "axis_z" }
local ORDER = { "job", "storage", "transfer", "printer" }

check "PL-STAT-03" {
  "temperatures and axes have one decimal; the keys are in their order",
  kind = "fidelity",
  run = link.on("B", function(t, server)
    local body = server:get("/api/v1/status").body
    for _, key in ipairs(TENTHS) do
      local value = body:match('"' .. key .. '":([^,}]*)')
      if value then
        t:expect(value, server:say(key)):matches "^%-?%d+%.%d$"
      end
    end
    local keys = link.keys(body)
    t:expect(link.in_order(keys, ORDER), server:say("whether the keys are in order, " .. table.concat(keys, ", "))):is_true()
  end),
}

check "PL-STAT-04" {
  "axis_x and axis_y are there in IDLE and not in PRINTING",
  run = link.on("PB", { write = true, print = true }, function(t, server)
    server:rest()
    local printer = status(server).printer
    if printer.state == "IDLE" then
      t:expect(printer, server:say "printer in IDLE"):has "axis_x"
      t:expect(printer, server:say "printer in IDLE"):has "axis_y"
    end
    local id = server:print()
    -- Between the confirmation and the first move Buddy does not count as printing yet.
    t:wait "10s"
    printer = status(server).printer
    t:expect(printer.state, server:say "state"):equals "PRINTING"
    t:expect(printer, server:say "printer in PRINTING"):lacks "axis_x"
    t:expect(printer, server:say "printer in PRINTING"):lacks "axis_y"
    server:stop(id)
  end),
}

check "PL-STAT-05" {
  "job with id and progress in PRINTING and PAUSED, none in IDLE; time_remaining a whole number from 0 on",
  run = link.on("PB", { write = true, print = true }, function(t, server)
    server:rest()
    if status(server).printer.state == "IDLE" then
      t:expect(status(server), server:say "status in IDLE"):lacks "job"
    end
    local id = server:print()
    local function check_job(state)
      local job = status(server).job
      t:expect(job, server:say("job in " .. state)):is_a "table"
      t:expect(job.id, server:say("id in " .. state)):is_a "integer"
      t:expect(job.progress, server:say("progress in " .. state)):satisfies(between(0, 100))
      if job.time_remaining ~= nil then
        t:expect(job.time_remaining, server:say("time_remaining in " .. state)):is_a "integer"
        t:expect(job.time_remaining, server:say("time_remaining in " .. state)):at_least(0)
      end
    end
    t:wait "10s"
    check_job "PRINTING"
    server:must("PUT", ("/api/v1/job/%d/pause"):format(id), 204, { body = "" })
    server:wait_state({ "PAUSED" }, "60s", "state after pause")
    check_job "PAUSED"
    server:stop(id)
  end),
}

check "PL-STAT-06" {
  "over an undisturbed print progress and time_printing never go down",
  run = link.on("PB", { write = true, print = true }, function(t, server)
    local id = server:print(120)
    local progress, seconds, seen = -1, -1, 0
    t:wait "5s" -- the Pi tells the number of the job before until the printer reports (5.3)
    for _ = 1, 20 do
      local job = status(server).job
      if job and job.id == id then
        seen = seen + 1
        t:expect(job.progress, server:say "progress"):at_least(progress)
        t:expect(job.time_printing or 0, server:say "time_printing"):at_least(seconds)
        progress, seconds = job.progress, job.time_printing or 0
      end
      t:wait "4s"
    end
    t:expect(seen, server:say "answers with the job"):at_least(5)
    server:rest()
  end),
}

local function no_nulls(value)
  if type(value) ~= "table" then
    return value ~= null
  end
  for _, member in pairs(value) do
    if not no_nulls(member) then
      return false
    end
  end
  return true
end

check "PL-STAT-07" {
  "nothing is null at any depth; job.time_printing is missing while it is 0",
  kind = "fidelity",
  run = link.on("P", function(t, server)
    local answer = status(server)
    t:expect(no_nulls(answer), server:say "whether nothing is null"):is_true()
    if answer.job then
      t:expect(answer.job.time_printing, server:say "time_printing of the job"):differs(0)
    end
    if not server.outside then
      server:print()
      local job = status(server).job
      t:expect(job and job.time_printing, server:say "time_printing at the start of a print"):differs(0)
      t:expect(no_nulls(status(server)), server:say "whether nothing is null in PRINTING"):is_true()
    end
  end),
}

check "PL-STAT-08" {
  "storage: the Pi an array of /local and /sdcard; Buddy the object of its drive, also without a drive",
  kind = "fidelity",
  run = link.on("PB", function(t, server)
    local storage = status(server).storage
    if server.dialect == "P" then
      t:expect(storage, server:say "storage"):satisfies { { path = "/local" }, { path = "/sdcard" } }
      return
    end
    local wish = { path = "/usb/", name = "usb", read_only = false }
    t:expect(storage, server:say "storage"):equals(wish)
    if not server.outside then
      server.printer:detach "usb"
      t:expect(status(server).storage, server:say "storage without a drive"):equals(wish)
    end
  end),
}

check "PL-STAT-09" {
  "status_connect and status_printer have ok and message; without Connect ok, and Connect isn't configured",
  kind = "fidelity",
  run = link.on("P", function(t, server)
    local printer = status(server).printer
    for _, key in ipairs { "status_connect", "status_printer" } do
      t:expect(printer[key], server:say(key)):satisfies { ok = type_of "boolean", message = type_of "string" }
    end
    if not server.outside then
      t:expect(printer.status_connect, server:say "status_connect without Connect"):equals {
        ok = true, message = "Connect isn't configured",
      }
    end
  end),
}

-- Begin an upload that is larger than the Pi's block, and stop when some of it has arrived: its wire, and how to end.
local function half_upload(t, server)
  local size = 400000
  local path = server:folder() .. "/hotbed-slow.gcode"
  local text = link.gcode(size)
  server:fetch_challenge()
  local authorization = server.password and server:authorization("PUT", path, server.challenge)
  local headers = { { "Content-Type", "text/x.gcode" }, { "Overwrite", "?1" }, { "Content-Length", tostring(size) } }
  if not authorization then
    headers[#headers + 1] = { "X-Api-Key", server.api_key }
  end
  local wire = server:connect()
  wire:push(server:request("PUT", path, { headers = headers, authorization = authorization }))
  wire:push(text:sub(1, 200000), "30s")
  t:wait "1s"
  return wire, function()
    wire:push(text:sub(200001), "60s")
    local reply, why = wire:reply "30s"
    wire:close()
    t:expect(reply and reply.status or why, server:say "the upload"):equals(201)
  end
end

check "PL-STAT-10" {
  "during an upload transfer with id and time_transferring, none afterwards",
  run = link.on("PB", { write = true }, function(t, server)
    local _, finish = half_upload(t, server)
    local transfer = status(server).transfer
    t:expect(transfer, server:say "transfer during an upload"):is_a "table"
    t:expect(transfer.id, server:say "id of the transfer"):is_a "integer"
    t:expect(transfer.time_transferring, server:say "time_transferring"):is_a "integer"
    finish()
    t:wait "1s"
    t:expect(status(server), server:say "status after the upload"):lacks "transfer"
  end),
}

check "PL-STAT-11" {
  "transfer: the Pi percent and data_transferred, Buddy a fraction and transferred",
  kind = "fidelity",
  run = link.on("PB", { write = true }, function(t, server)
    local _, finish = half_upload(t, server)
    local transfer = status(server).transfer or {}
    if server.dialect == "P" then
      t:expect(transfer.progress, server:say "progress of half an upload"):satisfies(between(20, 60))
      t:expect(transfer.data_transferred, server:say "data_transferred"):is_a "integer"
    else
      t:expect(transfer.progress, server:say "progress of half an upload"):satisfies(between(0.2, 0.6))
      t:expect(transfer.transferred, server:say "transferred"):is_a "integer"
    end
    finish()
  end),
}

check "PL-STAT-12" {
  "neither READY nor ERROR over a whole life cycle",
  kind = "fidelity",
  run = link.on("B", { write = true, print = true }, function(t, server)
    local seen = {}
    local function look(duration)
      local deadline = t:now() + duration
      while t:now() < deadline do
        seen[server:state()] = true
        t:wait "1s"
      end
    end
    look(3)
    local id = server:print(30)
    look(5)
    server:must("PUT", ("/api/v1/job/%d/pause"):format(id), 204, { body = "" })
    look(10)
    server:must("PUT", ("/api/v1/job/%d/resume"):format(id), 204, { body = "" })
    look(60)
    server:rest()
    t:expect(seen, server:say "states seen"):lacks "READY"
    t:expect(seen, server:say "states seen"):lacks "ERROR"
    t:expect(seen, server:say "states seen"):has "PRINTING"
    if not server.outside then
      server.printer:set_ready(true) -- Connect sees it, PrusaLink does not (5.1)
      t:expect(server:state(), server:say "state of a printer that was set ready"):differs "READY"
    end
  end),
}

check "PL-STAT-13" {
  "FINISHED: on the Pi for at least 11 s, then IDLE; on Buddy until it is left, the file is deleted, or a print begins",
  kind = "fidelity",
  run = link.on("PB", { write = true, print = true }, function(t, server)
    local _, path = server:print(20)
    server:wait_state({ "FINISHED" }, "120s", "state at the end of a print")
    t:wait "8s"
    t:expect(server:state(), server:say "state 8 s after the end"):equals "FINISHED"
    if server.dialect == "P" then
      server:wait_state({ "IDLE" }, "30s", "state some time after the end")
      return
    end
    t:wait "60s"
    t:expect(server:state(), server:say "state a minute after the end"):equals "FINISHED"
    server:must("DELETE", path, 204)
    server:wait_state({ "IDLE" }, "5s", "state after its file was deleted")
  end),
}
