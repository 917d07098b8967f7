-- PrusaLink: printers that serve it, clients that speak it, and bare connections for whoever wants to see the bytes.

local core = core
local expect, match = core.expect, core.match

-- ---- Bare connections ----

local Wire = {}
Wire.__index = Wire

-- Take over what has come. True if anything was new.
local function refresh(self)
  local bytes, opened, drained, ended = core.wire_take(self.number)
  local new = #bytes > 0 or ended ~= self.ended or opened ~= self.opened or drained ~= self.drained
  self.unread = self.unread .. bytes
  self.received = self.received + #bytes
  self.opened, self.drained, self.ended = opened, drained, ended
  return new
end

-- Wait until `condition(wire)` is true; nil when it was not within the duration.
function Wire:wait(condition, duration)
  local deadline = core.now() + core.duration(duration or "10s")
  while true do
    refresh(self)
    local value = condition(self)
    if value then
      return value
    end
    local left = deadline - core.now()
    if left <= 0 then
      return nil
    end
    core.sleep(left, core.WATCH.WIRE)
  end
end

function Wire:send(bytes)
  return core.wire_send(self.number, bytes)
end

-- Send, and wait until it has left.
function Wire:push(bytes, duration)
  core.wire_send(self.number, bytes)
  self.drained = false
  return self:wait(function(wire) return wire.drained or wire.ended end, duration)
end

function Wire:finish()
  core.wire_finish(self.number)
end

function Wire:close()
  core.wire_close(self.number, false)
end

function Wire:reset()
  core.wire_close(self.number, true)
end

-- Until the other side has ended: how it did ("closed", "reset", "finished" …), nil if it has not.
function Wire:wait_end(duration)
  return self:wait(function(wire) return wire.ended end, duration)
end

local function parse_head(text)
  local status_line, rest = text:match "^([^\r\n]*)\r?\n(.*)$"
  local version, status, reason = status_line:match "^HTTP/(%d%.%d) (%d%d%d) ?(.*)$"
  if not version then
    return nil
  end
  local reply = { version = version, status = math.tointeger(status), reason = reason, headers = {}, names = {}, head = text }
  for line in rest:gmatch "([^\r\n]+)\r?\n" do
    local name, value = line:match "^([^:]+):%s*(.-)%s*$"
    if not name then
      return nil
    end
    reply.names[#reply.names + 1] = name
    local key = name:lower()
    reply.headers[key] = reply.headers[key] and reply.headers[key] .. ", " .. value or value
  end
  return reply
end

-- A chunked body from the beginning of `text`: the body, the size lines, and what was used; nil: not complete.
local function read_chunks(text)
  local body, sizes, at = {}, {}, 1
  while true do
    local line, after = text:match("^([^\r\n]*)\r\n()", at)
    local size = line and tonumber(line:match "^%x+", 16)
    if not size then
      return nil
    end
    sizes[#sizes + 1] = line
    if size == 0 then
      local stop = text:match("^\r\n()", after)
      if not stop then
        return nil
      end
      return table.concat(body), sizes, stop - 1
    end
    if #text < after + size + 1 then
      return nil
    end
    body[#body + 1] = text:sub(after, after + size - 1)
    at = after + size + 2
  end
end

-- The body that belongs to a head, if all of it is there.
local function read_body(reply, text, ended, bodiless)
  local length = reply.headers["content-length"]
  if bodiless or reply.status == 204 or reply.status == 304 then
    reply.framing, reply.body = "none", ""
    return 0
  elseif (reply.headers["transfer-encoding"] or ""):lower() == "chunked" then
    reply.framing = "chunked"
    local body, sizes, used = read_chunks(text)
    reply.body, reply.chunks = body, sizes
    return used
  elseif length then
    reply.framing = "length"
    local size = math.tointeger(length) or 0
    reply.body = text:sub(1, size)
    return #text >= size and size or nil
  end
  reply.framing, reply.body = "close", text
  return ended and #text or nil
end

-- The next reply on this connection as a table; nil and why if there is none. `bodiless`: to a HEAD.
function Wire:reply(duration, bodiless)
  local reply, used
  local deadline = core.now() + core.duration(duration or "10s")
  self:wait(function(wire)
    local head, after = wire.unread:match "^(.-\r?\n\r?\n)()"
    reply = head and parse_head(head)
    if head and not reply then
      return true
    end
    if reply then
      used = read_body(reply, wire.unread:sub(after), wire.ended, bodiless)
      if used then
        wire.unread = wire.unread:sub(after + used)
        return true
      end
    end
    return wire.ended
  end, deadline - core.now())
  if not reply then
    return nil, #self.unread > 0 and "no HTTP: " .. match.show(self.unread)
      or self.ended and "the connection ended: " .. self.ended or "silence"
  elseif not used then
    return nil, ("the body is not complete: %s"):format(self.ended and "the connection ended" or "silence")
  end
  reply.at = core.now()
  reply.told = ("%d %s"):format(reply.status, reply.reason)
  reply.rest = self.unread -- what follows it on the connection
  reply.json = json.decode(reply.body)
  return reply
end

local function open_wire(place)
  return setmetatable({
    number = core.wire_open(place.host, place.port, place.tls or false), unread = "", received = 0, told = "a connection",
  }, Wire)
end

-- ---- Clients ----

local Client = {}

-- What came of a call: { outcome = "ok", status = 200, json = …, why = … }.
local function call(self, what, arguments)
  local number = core.link_begin(self.number, what, arguments or {})
  while true do
    local result = core.link_ended(number)
    if result then
      result.told = ("%s (%s)"):format(result.outcome, result.why ~= "" and result.why or result.status)
      return result
    end
    core.sleep(60, core.WATCH.WIRE)
  end
end

for _, what in ipairs { "version", "storages", "status", "job", "transfer", "follow" } do
  Client[what] = function(self)
    return call(self, what)
  end
end

for _, what in ipairs { "list", "exists", "make_folder", "print" } do
  Client[what] = function(self, path)
    return call(self, what, { path = path })
  end
end

function Client:remove(path, options)
  return call(self, "remove", { path = path, force = options and options.force })
end

function Client:upload(path, content, options)
  options = options or {}
  return call(self, "upload", {
    path = path, content = content, overwrite = options.overwrite, print = options.print, content_type = options.content_type,
  })
end

function Client:download(ref)
  return call(self, "download", { ref = ref })
end

for _, what in ipairs { "pause", "resume", "stop" } do
  Client[what] = function(self, job)
    if math.type(job) ~= "integer" then
      core.bad_argument(what .. ": expected the id of a job, got " .. match.show(job))
    end
    return call(self, what, { job = job })
  end
end

function Client:send(method, target, options)
  options = options or {}
  return call(self, "send", { method = method, target = target, content = options.body, bare = options.bare })
end

expect.settling(Client)

local client_metatable = {
  __index = function(_, key)
    local method = Client[key]
    if method == nil then
      core.bad_argument(("a PrusaLink client has no %s"):format(match.show(key)))
    end
    return method
  end,
}

local function new_client(options)
  local self = { hotbed = "link", url = options.url, told = "a client of " .. options.url }
  self.number = core.link_client(options)
  return setmetatable(self, client_metatable)
end

-- ---- Printers and scenarios ----

local SERVE = {
  user = "string", password = "string", api_key = "string", hostname = "string", quirks = "boolean",
  upload_speed = "number or string", -- names are the model's: "board"
  misbehave = "table", -- texts of sim/protocol/link/misbehave.h
}

local function check_options(options)
  for key, value in pairs(options) do
    if not (SERVE[key] or ""):find(type(value), 1, true) then
      core.bad_argument(("link: option %s: expected %s, got %s"):format(key, SERVE[key] or "nothing", match.show(value)))
    end
  end
  return options
end

-- Begin to serve PrusaLink: where, and with which credentials.
function core.serve_link(printer, options)
  return core.link_serve(core.check_printer(printer, "link"), check_options(options or {}))
end

function core.stop_link(printer)
  core.link_stop(core.check_printer(printer, "stop_link"))
end

-- A client of this printer's PrusaLink, which begins to serve if it does not yet.
function core.client_of(printer, options)
  local served = rawget(printer, "served")
  if not served or options then
    served = core.serve_link(printer, options)
    rawset(printer, "served", served)
  end
  return new_client { url = served.url, user = served.user, password = served.password, name = printer.name .. "'s client" }
end

core.link = { open = open_wire, client = new_client, target = core.link_target, md5 = core.md5 }
