-- connect-buddy.md 12.4, 12.5: what is sent when, and telemetry.

local buddy = include "buddy_common.lua"

-- How it begins is seen of our own printers only.
local function starting(t)
  if t.outside.printer then
    t:skip "the device has begun before we looked"
  end
  local printer = buddy.printer(t)
  t:wait "10s"
  local first = {} -- up to the first telemetry
  for i, post in ipairs(buddy.posts(t, printer)) do
    first[i] = post
    if post.path == "/p/telemetry" then
      break
    end
  end
  return first, printer
end

check "BUD-PLN-01" {
  "the first message is INFO without command_id, the first telemetry a full one",
  side = "printer",
  run = function(t)
    local first = starting(t)
    t:expect(first[1].json.event, "first event"):equals "INFO"
    t:expect(first[1].json, "first event"):lacks "command_id"
    t:expect(buddy.is_full(first[#first]), "the first telemetry is full"):is_true()
  end,
}

check "BUD-PLN-02" {
  "a start in IDLE is not told by STATE_CHANGED; one in another state is, between INFO and telemetry",
  side = "printer",
  run = function(t)
    for _, post in ipairs(starting(t)) do
      t:expect(post.json.event, "event before the first telemetry"):differs "STATE_CHANGED"
    end
    local printer = buddy.printer(t, { registered = false })
    t:wait "12s"
    printer:start_print(buddy.file)
    t:wait "1m"
    printer:register()
    t:expect_request(printer, { path = "/p/telemetry" }):within "1m"
    local posts = buddy.posts(t, printer)
    t:expect(posts[1].json.event, "first event"):equals "INFO"
    t:expect(posts[2].json.event, "second event"):equals "STATE_CHANGED"
    t:expect(posts[2].json.state, "its state"):equals "PRINTING"
  end,
}

check "BUD-PLN-03" {
  "at the start CANCELABLE_CHANGED is told once, before the first telemetry",
  side = "printer",
  run = function(t)
    local first, printer = starting(t)
    local count = 0
    for _, post in ipairs(first) do
      count = count + (post.json.event == "CANCELABLE_CHANGED" and 1 or 0)
    end
    t:expect(count, "CANCELABLE_CHANGED before the first telemetry"):equals(1)
    t:expect(#t.connect:events(printer, { event = "CANCELABLE_CHANGED" }), "CANCELABLE_CHANGED in all"):equals(1)
  end,
}

check "BUD-PLN-04" {
  "the first INFO says transfer_paused, a second one soon takes it back",
  side = "printer",
  run = function(t)
    local _, printer = starting(t)
    local infos = t.connect:events(printer, { event = "INFO" })
    t:expect(#infos, "INFO in 10 s"):equals(2)
    t:expect(infos[1].data.transfer_paused, "transfer_paused of the first INFO"):is_true()
    t:expect(infos[2].data.transfer_paused, "transfer_paused of the second INFO"):is_false()
  end,
}

local function spans(t, printer, since, reduced)
  local list, out = buddy.telemetries(t, printer, since), {}
  for i = 2, #list do
    if not reduced or not buddy.is_full(list[i]) then -- a value that changes makes a full one come earlier
      out[#out + 1] = list[i].at - list[i - 1].at
    end
  end
  return out
end

check "BUD-PLN-05" {
  "idle, telemetry comes every 4 s",
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    t:wait "5s"
    local since = t:now()
    t:wait "1m"
    local all = spans(t, printer, since, true)
    t:expect(#all, "telemetries in a minute"):at_least(t.outside.printer and 1 or 10)
    for _, span in ipairs(all) do
      t:expect(span, "seconds between telemetries"):near(4, 0.2)
    end
  end,
}

check "BUD-PLN-06" {
  "printing, telemetry comes every second",
  side = "printer",
  run = function(t)
    local printer = buddy.printing(t)
    t:wait "5s"
    local since = t:now()
    t:wait "1m"
    local all = spans(t, printer, since)
    t:expect(#all, "telemetries in a minute"):at_least(50)
    for _, span in ipairs(all) do
      t:expect(span, "seconds between telemetries"):near(1, 0.25)
    end
  end,
}

check "BUD-PLN-08" {
  "a full telemetry comes at least every 5 min",
  side = "printer",
  timeout = "15m",
  run = function(t)
    local printer = buddy.printer(t)
    t:wait "11m"
    local last = buddy.posts(t, printer)[1].at
    for _, telemetry in ipairs(buddy.telemetries(t, printer)) do
      if buddy.is_full(telemetry) then
        last = telemetry.at
      end
      t:expect(telemetry.at - last, "seconds since the last full telemetry"):at_most(304.5)
    end
  end,
}

check "BUD-PLN-09" {
  "every event is followed by a telemetry at once",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    for _, name in ipairs { "SEND_INFO", "SEND_STATE_INFO", "SET_PRINTER_READY", "CANCEL_PRINTER_READY" } do
      t:expect(t.connect:command(printer, name)):ended():within "15s"
    end
    t:wait "5s"
    local event
    for _, post in ipairs(buddy.posts(t, printer)) do
      if post.path == "/p/events" then
        event = event or post
      elseif event then
        t:expect(post.at - event.at, "seconds from " .. event.json.event .. " to a telemetry"):below(0.3)
        event = nil
      end
    end
    t:expect(event, "an event without a telemetry behind it"):is_nil()
  end,
}

check "BUD-TEL-01" {
  "state is the last key of every telemetry",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    t:wait "20s"
    for _, telemetry in ipairs(buddy.telemetries(t, printer)) do
      t:expect(telemetry.body, "telemetry"):matches '"state":"[A-Z]+"}$'
    end
  end,
}

check "BUD-TEL-02" {
  'a reduced telemetry of an idle printer is exactly {"state":"IDLE"}',
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    t:wait "30s"
    local reduced = 0
    for _, telemetry in ipairs(buddy.telemetries(t, printer)) do
      if not buddy.is_full(telemetry) then
        reduced = reduced + 1
        t:expect(telemetry.body, "reduced telemetry"):equals '{"state":"IDLE"}'
      end
    end
    t:expect(reduced, "reduced telemetries in 30 s"):at_least(t.outside.printer and 1 or 5)
  end,
}

-- The members of a full telemetry in their order (4.1); nested ones are left out.
local ORDER = {
  "transfer_id", "transfer_transferred", "transfer_time_remaining", "transfer_progress", "job_id", "time_printing",
  "time_remaining", "filament_change_in", "progress", "temp_nozzle", "temp_bed", "temp_heatbreak", "temp_psu",
  "temp_ambient", "extruder_fs_state", "remote_fs_state", "target_nozzle", "target_bed", "speed", "flow", "material",
  "enclosure", "chamber", "axis_x", "axis_y", "axis_z", "fan_extruder", "fan_print", "filament", "slot", "command_id",
  "dialog_id", "state",
}

-- All that must be there is, in that order, and nothing that the document does not know.
local function ordered(t, telemetry, required)
  local keys = buddy.keys(telemetry.body)
  local at = 0
  for _, key in ipairs(keys) do
    repeat
      at = at + 1
    until ORDER[at] == key or at > #ORDER
    t:expect(ORDER[at], "the member in its place in " .. telemetry.body):equals(key)
  end
  for _, key in ipairs(required) do
    t:expect(telemetry.json, "full telemetry"):has(key)
  end
end

check "BUD-TEL-03" {
  "a full telemetry of a print has its members in the order of the document's vector",
  side = "printer",
  run = function(t)
    local printer = buddy.printing(t)
    t:wait "30s"
    local seen = 0
    for _, telemetry in ipairs(buddy.full(t, printer)) do
      if telemetry.json.job_id then
        seen = seen + 1
        ordered(t, telemetry, {
          "job_id", "time_printing", "progress", "temp_nozzle", "temp_bed", "target_nozzle", "target_bed", "speed", "flow",
          "axis_z", "fan_extruder", "fan_print", "filament", "state",
        })
      end
    end
    t:expect(seen, "full telemetries with a job"):at_least(1)
  end,
}

check "BUD-TEL-04" {
  "a full telemetry of an idle printer has its members in the order of the document's vector",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    t:wait "10s"
    for _, telemetry in ipairs(buddy.full(t, printer)) do
      ordered(t, telemetry, {
        "temp_nozzle", "temp_bed", "target_nozzle", "target_bed", "speed", "flow", "axis_x", "axis_y", "axis_z", "state",
      })
      for _, key in ipairs { "job_id", "progress", "fan_extruder", "fan_print", "filament" } do
        t:expect(telemetry.json, "telemetry of an idle printer"):lacks(key)
      end
    end
  end,
}

check "BUD-TEL-05" {
  "axis_x and axis_y are there without a job only, fans and filament with one only, axis_z always",
  side = "printer",
  run = function(t)
    local printer = buddy.printing(t)
    t:wait "1m"
    local with, without = 0, 0
    for _, telemetry in ipairs(buddy.full(t, printer)) do
      local json = telemetry.json
      local job = json.job_id ~= nil
      with, without = with + (job and 1 or 0), without + (job and 0 or 1)
      t:expect(json, "full telemetry"):has "axis_z"
      for _, key in ipairs { "axis_x", "axis_y" } do
        t:expect(json[key] ~= nil, key .. " is there"):equals(not job)
      end
      for _, key in ipairs { "fan_extruder", "fan_print", "filament" } do
        t:expect(json[key] ~= nil, key .. " is there"):equals(job)
      end
    end
    t:expect(with, "full telemetries with a job"):at_least(1)
    t:expect(without, "full telemetries without a job"):at_least(t.outside.printer and 0 or 1)
  end,
}

check "BUD-TEL-06" {
  "temperatures have one decimal, axes two",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    t:wait "10s"
    for _, telemetry in ipairs(buddy.full(t, printer)) do
      for _, key in ipairs { "temp_nozzle", "temp_bed", "target_nozzle", "target_bed" } do
        t:expect(telemetry.body, "telemetry"):matches(('"%s":%%-?%%d+%%.%%d[,}]'):format(key))
      end
      for _, key in ipairs { "axis_x", "axis_y", "axis_z" } do
        t:expect(telemetry.body, "telemetry"):matches(('"%s":%%-?%%d+%%.%%d%%d[,}]'):format(key))
      end
    end
  end,
}

check "BUD-TEL-07" {
  "times that are not known are left out: time_remaining and filament_change_in are never 4294967295",
  side = "printer",
  run = function(t)
    local printer = buddy.printing(t) -- its file says nothing of times
    t:wait "1m"
    local seen = 0
    for _, telemetry in ipairs(buddy.telemetries(t, printer)) do
      local json = telemetry.json
      seen = seen + (json.job_id and 1 or 0)
      for _, key in ipairs { "time_remaining", "filament_change_in" } do
        if t.outside.printer then
          t:expect(json[key], key):differs(4294967295)
        else
          t:expect(json, "telemetry of a file without M73"):lacks(key)
        end
      end
    end
    t:expect(seen, "telemetries of the print"):at_least(30)
    if t.outside.printer then
      return
    end
    local told = buddy.printer(t, { files = { [buddy.file] = "M73 P10 R20 C5\n" .. buddy.gcode(10) } })
    told:start_print(buddy.file)
    told:wait_state("PRINTING", "2m")
    t:wait "10s"
    t:expect(told:telemetry(), "telemetry of a file with M73"):satisfies {
      progress = 10, time_remaining = 1200, filament_change_in = 300,
    }
  end,
}

check "BUD-TEL-08" {
  "the members of a transfer come first, in reduced telemetries, too",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    if t.outside.printer then
      t:skip "it would change the drive of the device"
    end
    local file = t.connect:serve(("G1 X10\n"):rep(20000), { bytes_per_second = 5000 })
    t:expect(t.connect:download(printer, file, "/usb/slow.gcode", { encrypted = true })):answered("TRANSFER_INFO"):within "15s"
    t:wait "2s"
    local since = t:now()
    t:wait "10s"
    local reduced = 0
    local list = buddy.telemetries(t, printer, since)
    t:expect(#list, "telemetries in 10 s"):at_least(8)
    for _, telemetry in ipairs(list) do
      reduced = reduced + (buddy.is_full(telemetry) and 0 or 1)
      local keys = buddy.keys(telemetry.body)
      t:expect({ table.unpack(keys, 1, 4) }, "first members"):equals {
        "transfer_id", "transfer_transferred", "transfer_time_remaining", "transfer_progress",
      }
      t:expect(telemetry.body, "telemetry"):matches '"transfer_progress":%d+%.%d[,}]'
    end
    t:expect(reduced, "reduced telemetries"):at_least(5)
  end,
}

check "BUD-TEL-09" {
  "command_id is there only while G-code of Connect runs",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    t:expect(t.connect:command(printer, "SEND_INFO")):ended():within "15s"
    t:wait "10s"
    for _, telemetry in ipairs(buddy.telemetries(t, printer)) do
      t:expect(telemetry.json, "telemetry"):lacks "command_id"
    end
    local command = t.connect:gcode(printer, "M115")
    t:expect(command):answered("FINISHED"):within "20s"
    local during = t.connect:requests(printer, { path = "/p/telemetry", json = { command_id = any } })
    t:expect(#during, "telemetries with a command_id"):at_least(1)
    t:expect(during[1].json.command_id, "command_id"):equals(command.id)
  end,
}

check "BUD-TEL-13" {
  "another temperature of the nozzle makes the next telemetry a full one",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    t:expect(t.connect:gcode(printer, "M104 S60")):answered("FINISHED"):within "20s"
    local since = t:now()
    t:wait "20s"
    local seen = buddy.full(t, printer, since)
    t:expect(#seen, "full telemetries while the nozzle heats for 20 s"):at_least(10)
    t:expect(t.connect:gcode(printer, "M104 S0")):answered("FINISHED"):within "20s"
  end,
}
