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
    local printer = buddy.printer(t)
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
    local printer = buddy.printer(t)
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

-- Every full telemetry so far, at least one.
local function full(t, printer, since)
  local list = {}
  for _, telemetry in ipairs(buddy.telemetries(t, printer, since)) do
    if buddy.is_full(telemetry) then
      list[#list + 1] = telemetry
    end
  end
  if #list == 0 and t.outside.printer then
    t:skip "no full telemetry was seen meanwhile"
  end
  t:expect(#list, "full telemetries"):at_least(1)
  return list
end

check "BUD-TEL-05" {
  "axis_x and axis_y are there without a job only, fans and filament with one only, axis_z always",
  side = "printer",
  run = function(t)
    local printer = buddy.printing(t)
    t:wait "1m"
    local with, without = 0, 0
    for _, telemetry in ipairs(full(t, printer)) do
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
    for _, telemetry in ipairs(full(t, printer)) do
      for _, key in ipairs { "temp_nozzle", "temp_bed", "target_nozzle", "target_bed" } do
        t:expect(telemetry.body, "telemetry"):matches(('"%s":%%-?%%d+%%.%%d[,}]'):format(key))
      end
      for _, key in ipairs { "axis_x", "axis_y", "axis_z" } do
        t:expect(telemetry.body, "telemetry"):matches(('"%s":%%-?%%d+%%.%%d%%d[,}]'):format(key))
      end
    end
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
    local seen = full(t, printer, since)
    t:expect(#seen, "full telemetries while the nozzle heats for 20 s"):at_least(10)
    t:expect(t.connect:gcode(printer, "M104 S0")):answered("FINISHED"):within "20s"
  end,
}
