-- Printers as scenarios see them: a number of C's with a name.

local core = core
local expect, match = core.expect, core.match

local Printer = {}

-- What a printer can do with its own hands; from outside it can't be asked to.
local function hands(self, what)
  if self.outside then
    core.verdict("skip", "needs hands on the printer: " .. what)
  end
end

function Printer:state()
  if self.outside then
    return core.reported_state(self.number)
  end
  return core.printer_state(self.number)
end

function Printer:telemetry()
  return core.telemetry(self.number) or {}
end

function Printer:readings()
  hands(self, "readings")
  return core.printer_readings(self.number)
end

function Printer:wait_state(state, duration)
  return expect.new(self):state(state):within(duration or "30s")
end

function Printer:register()
  hands(self, "register")
  return core.printer_register(self.number)
end

local function person(verb)
  return function(self, argument)
    hands(self, verb)
    return core.printer_order(self.number, verb, argument)
  end
end

Printer.start_print = person("start_print")
Printer.pause = person("pause")
Printer.resume = person("resume")
Printer.stop = person("stop")
Printer.set_ready = person("set_ready")
Printer.confirm = person("confirm")
Printer.answer = person("answer")
Printer.set_speed = person("set_speed")
Printer.set_flow = person("set_flow")
Printer.reset = person("reset")
Printer.power_on = person("power_on")
Printer.power_off = person("power_off")

-- What a printer with a screen asks on it: "change-insert", or "none".
function Printer:prompt()
  hands(self, "prompt")
  return core.printer_prompt(self.number)
end

-- Its user moves it to another server, or away from any; without a token it is not registered there.
function Printer:set_server(url, token)
  hands(self, "set_server")
  return core.printer_set_server(self.number, url, token)
end

function Printer:load_filament(material, slot)
  hands(self, "load_filament")
  return core.printer_load_filament(self.number, slot or 1, material)
end

-- A resin printer: its cover, tank and resin, and the project that waits to be confirmed.
function Printer:set_cover(closed)
  hands(self, "set_cover")
  return core.printer_resin(self.number, "cover", closed)
end

function Printer:set_tank(inserted)
  hands(self, "set_tank")
  return core.printer_resin(self.number, "tank", inserted)
end

function Printer:set_resin(ml)
  hands(self, "set_resin")
  return core.printer_resin(self.number, "resin", ml)
end

function Printer:refill()
  hands(self, "refill")
  return core.printer_resin(self.number, "refill")
end

function Printer:set_calibrated(calibrated)
  hands(self, "set_calibrated")
  return core.printer_resin(self.number, "calibrated", calibrated)
end

function Printer:open_project(path)
  hands(self, "open_project")
  return core.printer_resin(self.number, "project", path)
end

function Printer:proceed()
  hands(self, "proceed")
  return core.printer_resin(self.number, "proceed")
end

function Printer:fault(name, on)
  hands(self, "fault")
  return core.printer_fault(self.number, name, on == nil or on)
end

function Printer:put_file(path, content)
  hands(self, "put_file")
  return core.printer_put_file(self.number, path, content)
end

function Printer:make_folder(path)
  hands(self, "make_folder")
  return core.printer_make_folder(self.number, path)
end

function Printer:remove(path, options)
  hands(self, "remove")
  return core.printer_remove(self.number, path, options ~= nil and options.tree == true)
end

function Printer:move(from, to)
  hands(self, "move")
  return core.printer_move(self.number, from, to)
end

function Printer:attach(storage)
  hands(self, "attach")
  return core.printer_attach(self.number, storage)
end

function Printer:detach(name)
  hands(self, "detach")
  return core.printer_detach(self.number, name)
end

function Printer:files(path)
  if self.outside then
    return core.shown_files(self.number, path or "/")
  end
  return core.printer_files(self.number, path or "/")
end

function Printer:file_content(path)
  hands(self, "file_content")
  return core.printer_file_content(self.number, path)
end

function Printer:conditions()
  hands(self, "conditions")
  return core.printer_conditions(self.number)
end

function Printer:register_camera(name)
  hands(self, "register_camera")
  return core.printer_camera(self.number, "register", name)
end

function Printer:snapshot(name)
  hands(self, "snapshot")
  return core.printer_camera(self.number, "snapshot", name)
end

function Printer:camera_scheme(name, scheme)
  hands(self, "camera_scheme")
  return core.printer_camera(self.number, "scheme", name, scheme)
end

function Printer:camera_token(name)
  hands(self, "camera_token")
  return core.printer_camera(self.number, "token", name)
end

function Printer:clock_jump(duration, back)
  hands(self, "clock_jump")
  return core.printer_clock_jump(self.number, core.duration(duration) * (back and -1 or 1))
end

-- How far the clock by which it dates files is ahead of ours.
function Printer:set_clock(seconds)
  hands(self, "set_clock")
  return core.printer_clock(self.number, seconds)
end

-- The requests that came to its PrusaLink, from the `from`-th on.
function Printer:requests_of_link(from)
  hands(self, "requests_of_link")
  return core.link_log(self.number, from or 1)
end

-- PrusaLink (47_link.lua): begin to serve it, end, and a client of it.
function Printer:serve_link(options)
  hands(self, "serve_link")
  return core.serve_link(self, options)
end

function Printer:stop_link()
  hands(self, "stop_link")
  return core.stop_link(self)
end

function Printer:link(options)
  hands(self, "link")
  return core.client_of(self, options)
end

expect.settling(Printer)

-- Values that are asked for, because they may come late: a token by registration, a serial from outside.
local LATE = { token = true, serial = true, fingerprint = true, server = true, type = true }

local metatable = {
  __index = function(self, key)
    local method = Printer[key]
    if method ~= nil then
      return method
    elseif LATE[key] then
      return core.printer_identity(self.number, key)
    end
    core.bad_argument(("a printer has no %s"):format(match.show(key)))
  end,
  __tostring = function(self)
    return self.name
  end,
}

function core.wrap_printer(number, name, model, outside)
  local self = { hotbed = "printer", number = number, name = name, model = model, outside = outside }
  self.told = name
  return setmetatable(self, metatable)
end

function core.check_printer(value, what)
  if type(value) ~= "table" or rawget(value, "hotbed") ~= "printer" then
    core.bad_argument(("%s: expected a printer, got %s"):format(what, match.show(value)))
  end
  return value.number
end
