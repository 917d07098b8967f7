-- What several checks of Buddy printers need.
local buddy = {}

buddy.file = "/usb/cube.gcode"

-- A print without waiting for heat: moves of a few minutes, with no word about the time that is left.
function buddy.gcode(minutes)
  local lines = { "; generated for a check", "G90", "M83", "G28", "G1 Z0.2 F600" }
  for _ = 1, minutes * 6 do -- 10 s each: 2 x 100 mm at 20 mm/s
    lines[#lines + 1] = "G1 X110 Y50 E1 F1200"
    lines[#lines + 1] = "G1 X10 Y50 E1 F1200"
  end
  return table.concat(lines, "\n") .. "\n"
end

function buddy.files()
  return { [buddy.file] = buddy.gcode(10) }
end

function buddy.printer(t, options)
  options = options or {}
  if not t.outside.printer then
    options.files = options.files or buddy.files()
  end
  return t:printer("mk4", options)
end

-- connect-buddy.md 8.5: the first two digits are the configured model's.
local PREFIX = {
  mini = "12", mk4 = "13", ix = "16", xl = "17", ["mk3.9"] = "21", ["mk3.5"] = "23", mk4s = "26", ["mk3.9s"] = "27",
  ["mk3.5s"] = "28", coreone = "31",
}

-- The code of an error as this printer shows it; of one whose model nobody told, any prefix.
function buddy.code(printer, rest)
  local prefix = PREFIX[printer.model]
  return prefix and prefix .. rest or like("^%d%d" .. rest .. "$")
end

-- For what only this model of ours has.
function buddy.model(t, model, options)
  if t.outside.printer then
    t:skip("needs our own printer of the model " .. model)
  end
  local printer = t:printer(model, options)
  if printer.model ~= model then
    t:skip("needs the model " .. model)
  end
  return printer
end

-- One whose firmware is of the HTTP build, for what the other build does not have, or what replies have to provoke.
function buddy.over_http(t, options)
  options = options or {}
  options.websocket = false
  return buddy.printer(t, options)
end

-- It prints that file, as a person has started it.
function buddy.printing(t)
  local printer = buddy.printer(t)
  printer:start_print(buddy.file)
  printer:wait_state("PRINTING", "2m")
  return printer
end

-- One that its user wants to register.
function buddy.registering(t)
  local printer = t:printer("mk4", { registered = false, websocket = false })
  t:wait "12s"
  printer:register()
  return printer
end

-- Its posts since an instant: telemetry and events in the order of their times.
function buddy.posts(t, printer, since)
  local list = {}
  for _, request in ipairs(t.connect:requests(printer, { method = "POST" })) do
    if request.at >= (since or 0) and request.path ~= "/p/register" then
      list[#list + 1] = request
    end
  end
  return list
end

function buddy.telemetries(t, printer, since)
  local list = {}
  for _, request in ipairs(buddy.posts(t, printer, since)) do
    if request.path == "/p/telemetry" then
      list[#list + 1] = request
    end
  end
  return list
end

-- The keys of a JSON object of its rendering in the order of the text; those of objects in it are left out.
function buddy.keys(text)
  local keys, flat = {}, text:gsub("^{", ""):gsub("}$", ""):gsub("%b{}", "0"):gsub("%b[]", "0")
  for key in flat:gmatch '"([%w_]+)":' do
    keys[#keys + 1] = key
  end
  return keys
end

function buddy.is_full(telemetry)
  return telemetry.json.temp_nozzle ~= nil
end

-- A reply with a command in it, past the server's own queue.
function buddy.command(id, name, kwargs, more)
  local reply = { status = 200, headers = { ["Command-Id"] = tostring(id), ["Content-Type"] = "application/json" } }
  reply.body = ('{"command":"%s","kwargs":%s}'):format(name, json.encode(kwargs or {}))
  for key, value in pairs(more or {}) do
    reply[key] = value
  end
  return reply
end

-- Every full telemetry since an instant, at least one.
function buddy.full(t, printer, since)
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

-- It says STATE_CHANGED because it is asked to; the events and the answers to them are the check's.
function buddy.ask(t, printer)
  return t.connect:command(printer, "SEND_STATE_INFO")
end

function buddy.rejected(t, printer, reason, name, kwargs)
  t:expect(t.connect:command(printer, name, kwargs)):rejected(reason):within "15s"
end

return buddy
