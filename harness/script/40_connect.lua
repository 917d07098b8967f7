-- The Connect server of a scenario.

local core = core
local expect, match = core.expect, core.match
local check_printer = core.check_printer

local Command = {}

function Command:status()
  return core.command_status(self.id)
end

function Command:answers()
  return core.command_answers(self.id)
end

function Command:answer(name)
  for _, event in ipairs(core.command_answers(self.id)) do
    if event.event == name then
      return event
    end
  end
  return nil
end

function Command:deliver_again()
  return core.command_again(self.id)
end

function Command:give_up()
  return core.command_give_up(self.id)
end

expect.settling(Command)

local command_metatable = {
  __index = function(_, key)
    local method = Command[key]
    if method == nil then
      core.bad_argument(("a command has no %s"):format(match.show(key)))
    end
    return method
  end,
}

local printers = {} -- by number, for hooks

local function wrap_command(id, printer, name)
  local self = { hotbed = "command", id = id, printer = printer, name = name }
  self.told = ("%s (%s)"):format(name, id)
  return setmetatable(self, command_metatable)
end

function core.know_printer(printer)
  printers[printer.number] = printer
  return printer
end

function core.known_printers()
  return printers
end

local Connect = {}

-- What needs our own server; somebody else's can't be asked.
local function own(what)
  if core.outside_connect() then
    core.verdict("skip", "needs our own server: t.connect:" .. what)
  end
end

function Connect:command(printer, name, kwargs)
  local number = check_printer(printer, "command")
  if type(name) ~= "string" then
    core.bad_argument("command: expected the name of a command, got " .. match.show(name))
  end
  if kwargs ~= nil and type(kwargs) ~= "table" then
    core.bad_argument("command: expected kwargs as a table, got " .. match.show(kwargs))
  end
  return wrap_command(core.command(number, name, kwargs), printer, name)
end

function Connect:gcode(printer, text, options)
  local number = check_printer(printer, "gcode")
  return wrap_command(core.gcode(number, text, options ~= nil and options.force == true), printer, "GCODE")
end

function Connect:raw(printer, options)
  own("raw")
  local number = check_printer(printer, "raw")
  local name = options.name or "RAW"
  local content_type = options.content_type
  if content_type == nil then
    content_type = "application/json"
  end
  return wrap_command(core.raw_command(number, name, content_type or nil, options.body or ""), printer, name)
end

-- ---- Hooks ----

local Message = {}

function Message:__index(key)
  if key == "json" then
    return json.decode(self.body or "")
  end
  return rawget(Message, key)
end

function core.message(message)
  if message.reply then
    setmetatable(message.reply, Message)
  end
  return setmetatable(message, Message)
end

local requests = core.requests

function core.requests(number, since)
  local list = requests(number, since)
  for _, request in ipairs(list) do
    core.message(request)
  end
  return list
end

local REPLY_FIELDS = {
  status = true, headers = true, body = true, json = true, delay = true, raw = true, after = true, cut = true,
  copies = true, piece = true, gap = true, ignore = true, hold = true,
}

-- A script's reply, checked and in the form that C takes: durations as seconds, `json` as a body.
local function checked_reply(reply, what)
  if reply == nil then
    return nil
  elseif type(reply) ~= "table" then
    core.bad_argument(what .. ": expected a table or nothing, got " .. match.show(reply))
  end
  local out = {}
  for key, value in pairs(reply) do
    if not REPLY_FIELDS[key] then
      core.bad_argument(("%s: a reply has no %s"):format(what, match.show(key)))
    end
    out[key] = value
  end
  out.delay = out.delay and core.duration(out.delay)
  out.gap = out.gap and core.duration(out.gap)
  if out.json ~= nil then
    out.body = json.encode(out.json)
    out.headers = out.headers or {}
    out.headers["Content-Type"] = out.headers["Content-Type"] or "application/json"
    out.json = nil
  end
  return out
end

-- ---- WebSockets of Buddy printers ----

local OPCODES = { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 }
local FRAME_FIELDS = { opcode = "string", text = "string", fin = "boolean", rsv = "number", masked = "boolean" }

-- One frame beside the commands, or { raw = bytes } that need be none.
function Connect:frame(printer, frame)
  own("frame")
  local number = check_printer(printer, "frame")
  if type(frame) ~= "table" then
    core.bad_argument("frame: expected a table, got " .. match.show(frame))
  elseif type(frame.raw) == "string" and next(frame, next(frame)) == nil then
    return core.socket_raw(number, frame.raw)
  end
  for key, value in pairs(frame) do
    if FRAME_FIELDS[key] ~= type(value) then
      core.bad_argument(("frame: a frame has no %s like %s"):format(match.show(key), match.show(value)))
    end
  end
  local opcode = OPCODES[frame.opcode or "text"]
  if not opcode then
    core.bad_argument("frame: there is no opcode " .. match.show(frame.opcode))
  end
  core.socket_frame(number, opcode, frame.text or "", frame.fin ~= false, frame.rsv or 0, frame.masked == true)
end

function Connect:close_socket(printer, code, reason)
  own("close_socket")
  core.socket_close(check_printer(printer, "close_socket"), code, reason)
end

local POINTS = {
  register = true, poll = true, telemetry = true, event = true, probe = true, other = true, file = true,
  camera = true, snapshot = true, socket = true, delivery = true, reply = true,
}

function Connect:on(point, filter, hook)
  own("on")
  if type(filter) == "function" then
    filter, hook = {}, filter
  end
  filter = filter or {}
  if not POINTS[point] then
    core.bad_argument("on: there is no point " .. match.show(point))
  elseif type(hook) ~= "function" then
    core.bad_argument("on: expected a function, got " .. match.show(hook))
  end
  match.check_filter(filter, "on")
  local number = filter.printer and check_printer(filter.printer, "on")
  local handle = core.hook(point, number, filter.event, filter.times, function(message)
    message = core.message(message)
    local printer = printers[message.printer]
    message.printer = printer
    if message.command then
      message.command = wrap_command(message.command.id, printer, message.command.name)
    end
    return checked_reply(hook(message), "hook at " .. point)
  end)
  return {
    off = function()
      core.unhook(handle)
    end,
  }
end

function Connect:reply_next(printer, reply)
  check_printer(printer, "reply_next")
  local ready = checked_reply(reply, "reply_next")
  local out = {}
  for key in pairs(REPLY_FIELDS) do
    out[key] = ready[key]
  end
  return self:on("telemetry", { printer = printer, times = 1 }, function()
    return out
  end)
end

function Connect:misbehave(name, argument, options)
  own("misbehave")
  if type(name) ~= "string" then
    core.bad_argument("misbehave: expected a name, got " .. match.show(name))
  end
  if type(argument) == "table" then
    argument, options = nil, argument
  end
  options = options or {}
  local text = name
  if argument ~= nil then
    text = text .. "=" .. tostring(argument)
  end
  if options.times then
    text = text .. ":" .. math.tointeger(options.times)
  end
  if options.percent then
    text = text .. "%" .. options.percent
  end
  core.misbehave(text, options.printer and check_printer(options.printer, "misbehave"))
end

function Connect:behave(name, printer)
  own("behave")
  return core.behave(name, printer and check_printer(printer, "behave"))
end

-- ---- Files and cameras ----

local SERVE = {
  name = "string", team_id = "number", status = "number", redirect = "string", content_type = "string",
  announce = "number", no_length = "boolean", endless = "boolean", cut = "number", reset = "boolean", stall = "boolean",
  corrupt = "number", delay = "any", bytes_per_second = "number", times = "number", gzip = "boolean",
  wrong_key = "boolean", whole = "boolean", mode = "string",
}

function Connect:serve(content, options)
  own("serve")
  local out = {}
  for key, value in pairs(options or {}) do
    if not SERVE[key] then
      core.bad_argument(("serve: there is no option %s"):format(match.show(key)))
    elseif SERVE[key] ~= "any" and type(value) ~= SERVE[key] then
      core.bad_argument(("serve: option %s: expected a %s, got %s"):format(key, SERVE[key], match.show(value)))
    end
    out[key] = value
  end
  out.delay = out.delay and core.duration(out.delay)
  local file = core.serve(content, out)
  -- The same server under another name, which for a printer is another host.
  file.foreign_url = file.url:gsub("^http://connect/", "http://files/"):gsub("127%.0%.0%.1", "localhost")
  return file
end

function Connect:served(file)
  own("served")
  return core.served(type(file) == "table" and file.hash or file)
end

-- A file that is served, encrypted for one transfer: key, iv and orig_size for START_ENCRYPTED_DOWNLOAD.
function Connect:encrypt(file, options)
  own("encrypt")
  options = options or {}
  local number = options.printer and check_printer(options.printer, "encrypt") or 0
  return core.encrypt(type(file) == "table" and file.hash or file, number, { key = options.key, iv = options.iv })
end

-- What of it went out so far: requests, sent, spoilt, whole.
function Connect:encrypted(secret)
  own("encrypted")
  return core.encrypted(type(secret) == "table" and secret.iv or secret)
end

-- A piece of a file over the printer's WebSocket, whether it asked for it or not.
function Connect:send_data(printer, file_id, bytes)
  own("send_data")
  return core.send_data(check_printer(printer, "send_data"), file_id, bytes)
end

-- START_CONNECT_DOWNLOAD or, with `by_url`, START_URL_DOWNLOAD of a file that is served; with `encrypted`,
-- START_ENCRYPTED_DOWNLOAD (`port` and `orig_size` are told as given), and the command knows its `secret`; with `inline`,
-- START_INLINE_DOWNLOAD.
function Connect:download(printer, file, path, options)
  own("download")
  options = options or {}
  if options.encrypted then
    local secret = options.secret or self:encrypt(file, { printer = printer })
    local command = self:command(printer, "START_ENCRYPTED_DOWNLOAD", {
      path = path, key = secret.key, iv = secret.iv, orig_size = options.orig_size or secret.orig_size, port = options.port,
    })
    rawset(command, "secret", secret)
    return command
  end
  if options.by_url then
    return self:command(printer, "START_URL_DOWNLOAD", { path = path, url = file.url, printing = options.printing or false })
  end
  if options.inline then
    return self:command(printer, "START_INLINE_DOWNLOAD",
      { path = path, team_id = file.team_id, hash = file.hash, orig_size = options.orig_size or file.size })
  end
  return self:command(printer, "START_CONNECT_DOWNLOAD",
    { path = path, team_id = file.team_id, hash = file.hash, printing = options.printing or false })
end

function Connect:cameras(printer)
  own("cameras")
  return core.cameras(check_printer(printer, "cameras"))
end

function Connect:revoke_camera(fingerprint)
  own("revoke_camera")
  return core.camera_revoke(fingerprint)
end

-- ---- What it knows ----

function Connect:view(printer, options)
  own("view")
  return core.view(check_printer(printer, "view"), options ~= nil and options.files == true)
end

local function filtered(list, filter)
  if not filter then
    return list
  end
  local out = {}
  for _, item in ipairs(list) do
    if match.fits(item, filter) then
      out[#out + 1] = item
    end
  end
  return out
end

function Connect:events(printer, filter)
  match.check_filter(filter, "events")
  return filtered(core.events(check_printer(printer, "events"), 0), filter)
end

function Connect:requests(printer, filter)
  match.check_filter(filter, "requests")
  return filtered(core.requests(check_printer(printer, "requests"), 0), filter)
end

function Connect:add(printer)
  own("add")
  return core.add_printer(check_printer(printer, "add"))
end

function Connect:revoke(printer)
  own("revoke")
  return core.revoke(check_printer(printer, "revoke"))
end

function Connect:down()
  own("down")
  if core.outside_printer() then
    core.verdict("skip", "needs a server of its own; the other checks use this one too")
  end
  core.server_up(false)
end

function Connect:up()
  own("up")
  core.server_up(true)
end

expect.settling(Connect)

core.filtered = filtered
core.connect = setmetatable({}, {
  __index = function(_, key)
    if key == "auto_add" then
      return core.auto_add()
    end
    local method = Connect[key]
    if method == nil then
      core.bad_argument(("t.connect has no %s"):format(match.show(key)))
    end
    return method
  end,
  __newindex = function(_, key, value)
    if key ~= "auto_add" then
      core.bad_argument(("t.connect has no %s to set"):format(match.show(key)))
    end
    core.auto_add(not not value)
  end,
})
