-- What the checks of prusalink.md 10 share: the server that is judged, ours of each dialect or one from outside, and
-- requests to it that are written here byte by byte, digest included, so that nothing of ours can agree with itself.

local link = {}

local MODELS = { P = "mk3s", B = "mk4", S = "sl1" }
local LETTERS = { pi = "P", buddy = "B", sl1 = "S" }
local NAMES = { P = "the Raspberry Pi's PrusaLink", B = "Buddy firmware's PrusaLink", S = "SL1's PrusaLink" }
local ROOTS = { P = "/local", B = "/usb", S = "/local" } -- of the writable storage, in URLs
local DISKS = { P = "/PrusaLink gcodes", B = "/usb", S = "/local" } -- the same as the machine has it
local AGENT = "hotbed-check" -- the Pi's nonces belong to a User-Agent

-- How long the Pi's tree may lag behind what was done (6.3).
link.LAG = "2s"

-- ---- Content ----

-- So many bytes of G-code that moves nothing and heats nothing.
function link.gcode(size)
  local text = "; made by hotbed\nM73 P0 R1\n"
  size = size or #text
  local line = "; nothing is done here, this only fills the file up to its size\n"
  text = text .. line:rep((size - #text) // #line + 1)
  return text:sub(1, size)
end

-- A print that takes at least so many seconds, by waiting.
function link.print(seconds, first)
  local lines = { "; made by hotbed: waits and moves nothing", "G21", first }
  for second = 0, seconds - 1, 5 do
    lines[#lines + 1] = ("M73 P%d R%d"):format(second * 100 // seconds, (seconds - second) // 60 + 1)
    lines[#lines + 1] = "G4 S5"
  end
  lines[#lines + 1] = "M73 P100 R0"
  return table.concat(lines, "\n") .. "\n"
end

local PNG = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mNkYPhPEmAa1TCqYfhqAABUAQEfE5UPzwAAAABJRU5ErkJggg=="

-- The same with pictures of 16x16 and 32x32, as slicers write them; the bytes of the picture are the small one's.
function link.pictured(seconds)
  return ("; thumbnail begin 16x16 %d\n; %s\n; thumbnail end\n;\n"):format(#PNG, PNG) .. link.print(seconds)
end

-- ---- Small tools ----

function link.encode(path)
  return (path:gsub("[^%w%-._~/]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- The keys of the JSON object that begins at the first "{" (of the member `key`, if it is given), in their order.
function link.keys(body, key)
  local at = 1
  if key then
    local _, stop = body:find('"' .. key .. '"%s*:%s*')
    at = stop and stop + 1 or #body
  end
  local keys, depth, wants_key = {}, 0, false
  at = body:find("{", at, true)
  while at and at <= #body do
    local c = body:sub(at, at)
    if c == '"' then
      local stop = at + 1
      while body:sub(stop, stop) ~= '"' and stop <= #body do
        stop = stop + (body:sub(stop, stop) == "\\" and 2 or 1)
      end
      if depth == 1 and wants_key then
        keys[#keys + 1] = body:sub(at + 1, stop - 1)
        wants_key = false
      end
      at = stop
    elseif c == "{" or c == "[" then
      depth = depth + 1
      wants_key = depth == 1
    elseif c == "}" or c == "]" then
      depth = depth - 1
      if depth == 0 then
        break
      end
    elseif c == "," and depth == 1 then
      wants_key = true
    end
    at = at + 1
  end
  return keys
end

-- Whether `keys` are in the order of `order`, those that are not there left out.
function link.in_order(keys, order)
  local places = {}
  for i, key in ipairs(order) do
    places[key] = i
  end
  local last = 0
  for _, key in ipairs(keys) do
    local place = places[key]
    if not place or place < last then
      return false
    end
    last = place
  end
  return true
end

local function in_list(list, value)
  for _, member in ipairs(list) do
    if member == value then
      return true
    end
  end
  return false
end

-- ---- Servers ----

local Server = {}
Server.__index = Server

local function header_lines(out, headers)
  if headers and headers[1] then
    for _, pair in ipairs(headers) do
      out[#out + 1] = pair[1] .. ": " .. pair[2]
    end
    return
  end
  for name, value in pairs(headers or {}) do
    out[#out + 1] = name .. ": " .. value
  end
end

function Server.has_header(headers, name)
  for key, value in pairs(headers or {}) do
    local given = type(value) == "table" and value[1] or key
    if type(given) == "string" and given:lower() == name:lower() then
      return true
    end
  end
  return false
end

-- The fields of the first Digest challenge of a reply; nil: none.
function link.challenge(reply)
  local text = reply.headers["www-authenticate"]
  local fields = text and text:match "^[Dd]igest%s+(.*)$"
  if not fields then
    return nil
  end
  local challenge = {}
  for name, value in fields:gmatch '([%w-]+)%s*=%s*"([^"]*)"' do
    challenge[name:lower()] = value
  end
  for name, value in fields:gmatch '([%w-]+)%s*=%s*([^",%s]+)' do
    challenge[name:lower()] = challenge[name:lower()] or value
  end
  return challenge
end

-- The value of an Authorization header for a challenge. `with` replaces what is said: user, password, realm, nonce, uri,
-- qop, nc, cnonce, algorithm, opaque, response; false leaves a field out.
function Server:authorization(method, target, challenge, with)
  with = with or {}
  local function choose(key, otherwise)
    if with[key] == nil then
      return otherwise
    end
    return with[key] or nil
  end
  local user, password = choose("user", self.user), choose("password", self.password)
  local realm, nonce, uri = choose("realm", challenge.realm), choose("nonce", challenge.nonce), choose("uri", target)
  local qop = choose("qop", challenge.qop and "auth")
  local nc, cnonce = choose("nc", "00000001"), choose("cnonce", "0123456789abcdef")
  local algorithm = choose("algorithm", challenge.algorithm)
  local md5 = function(text) return self.t:md5(text) end
  local a1 = md5(("%s:%s:%s"):format(user, realm, password))
  if (with.sum or algorithm or ""):lower() == "md5-sess" then
    a1 = md5(("%s:%s:%s"):format(a1, nonce, cnonce))
  end
  local a2 = md5(("%s:%s"):format(choose("method", method), uri))
  local middle = qop and ("%s:%s:%s:%s"):format(nonce, nc, cnonce, qop) or nonce
  local response = choose("response", md5(("%s:%s:%s"):format(a1, middle, a2)))
  local parts = {}
  local function add(name, value, bare)
    if value then
      parts[#parts + 1] = bare and ("%s=%s"):format(name, value) or ('%s="%s"'):format(name, value)
    end
  end
  add("username", user)
  add("realm", realm)
  add("nonce", nonce)
  add("uri", uri)
  add("response", response)
  add("algorithm", algorithm)
  add("opaque", choose("opaque", challenge.opaque))
  if qop then
    add("qop", qop, true)
    add("nc", nc, true)
    add("cnonce", cnonce)
  end
  return "Digest " .. table.concat(parts, ", ")
end

function Server:connect()
  return self.t:wire { host = self.host, port = self.port, tls = self.tls }
end

-- The bytes of a request.
function Server:request(method, target, options)
  options = options or {}
  local lines = {
    ("%s %s HTTP/1.%d"):format(method, target, options.minor or 1), ("Host: %s:%d"):format(self.host, self.port),
    "User-Agent: " .. (options.agent or AGENT),
  }
  if not Server.has_header(options.headers, "Accept") then
    lines[#lines + 1] = "Accept: application/json"
  end
  if not Server.has_header(options.headers, "Connection") then
    lines[#lines + 1] = "Connection: " .. (options.keep and "keep-alive" or "close")
  end
  if options.authorization then
    lines[#lines + 1] = "Authorization: " .. options.authorization
  end
  header_lines(lines, options.headers)
  if options.body and not options.no_length and not Server.has_header(options.headers, "Content-Length") then
    lines[#lines + 1] = "Content-Length: " .. #options.body
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (options.body or "")
end

-- One request on a connection (a new one unless options.wire is there) as it stands: the reply, or nil and why.
function Server:exchange(method, target, options)
  options = options or {}
  local wire = options.wire or self:connect()
  wire:send(self:request(method, target, options))
  local reply, why = wire:reply(options.duration or "15s", method == "HEAD")
  if not options.wire then
    if reply and options.until_end then
      wire:wait_end "5s"
      reply.ended = wire.ended
    end
    wire:close()
  end
  return reply, why
end

-- Credentials of the request: options.auth is "digest" (unless said otherwise), "key" or "none".
local function credentials(self, method, target, options)
  local auth = options.auth or "digest"
  local with = {}
  for key, value in pairs(options) do
    with[key] = value
  end
  if auth == "key" then
    with.headers = { { "X-Api-Key", self.api_key or "" } }
    for name, value in pairs(options.headers or {}) do
      with.headers[#with.headers + 1] = type(value) == "table" and value or { name, value }
    end
  elseif auth == "digest" and self.challenge then
    with.authorization = self:authorization(method, target, self.challenge)
  end
  return with
end

-- A request with credentials and its reply; there must be one. An old nonce is renewed.
function Server:ask(method, target, options)
  options = options or {}
  local digest = (options.auth or "digest") == "digest"
  if digest and not self.password then
    if not self.api_key then
      self.t:skip "needs --user and --password, or --api-key"
    end
    options.auth, digest = "key", false
  end
  if digest and (not self.challenge or (options.body and self.t:now() - self.challenged > 15)) then
    self:fetch_challenge(options.agent)
  end
  local reply, why = self:exchange(method, target, credentials(self, method, target, options))
  if reply and reply.status == 401 and digest then
    local challenge = link.challenge(reply)
    if challenge and challenge.stale == "true" then
      self.challenge, self.challenged = challenge, self.t:now()
      options.wire = nil
      reply, why = self:exchange(method, target, credentials(self, method, target, options))
    end
  end
  if not reply then
    self.t:fail("%s: %s %s was not answered: %s", self.name, method, target, why)
  end
  return reply
end

function Server:fetch_challenge(agent)
  local reply, why = self:exchange("GET", "/api/version", { agent = agent })
  local challenge = reply and link.challenge(reply)
  if not challenge then
    self.t:fail("%s: GET /api/version without credentials: expected a digest challenge, got %s", self.name,
      reply and reply.told or why)
  end
  self.challenge, self.challenged = challenge, self.t:now()
  return challenge
end

-- `text` of an expectation, with the server's name before it.
function Server:say(text)
  return self.name .. ": " .. text
end

function Server:status_of(reply, text)
  return self.t:expect(reply.status, self:say(text))
end

-- A request that must be answered with this status.
function Server:must(method, target, status, options)
  local reply = self:ask(method, target, options)
  self:status_of(reply, method .. " " .. target):equals(status)
  return reply
end

function Server:get(target, options)
  local reply = self:must("GET", target, 200, options)
  self.t:expect(reply.json, self:say("the JSON of GET " .. target)):is_a "table"
  return reply
end

-- ---- States ----

function Server:state()
  return self:get("/api/v1/status").json.printer.state
end

function Server:wait_state(states, duration, text)
  local seen
  local reached = self.t:wait_until(function()
    seen = self:state()
    return in_list(states, seen)
  end, duration or "15s")
  if not reached then
    self.t:expect(seen, self:say(text or "state")):one_of(states)
  end
  return seen
end

-- At rest, so that something can begin: nothing prints. What somebody else prints is left alone.
function Server:rest()
  if self.dialect == "S" then
    return
  end
  local state = self:state()
  if state == "PRINTING" or state == "PAUSED" or state == "ATTENTION" then
    local job = self:ask("GET", "/api/v1/job").json
    local name = job and job.file and (job.file.display_name or job.file.name) or "?"
    if self.outside and not name:find("hotbed", 1, true) then
      self.t:skip("the printer is busy with %s, which is not ours", name)
    end
    self:ask("DELETE", "/api/v1/job/" .. job.id)
  end
  -- The Pi shows an end for 11 s and then refuses no more; Buddy until somebody leaves the screen, but takes a start.
  self:wait_state(self.dialect == "P" and { "IDLE", "READY" } or { "IDLE", "READY", "FINISHED", "STOPPED" }, "90s",
    "state at rest")
end

-- ---- Files ----

-- Of a folder of its own that exists from now on, as in URLs; percent-encoded names may be put behind it.
function Server:folder()
  if not self.folder_path then
    local path = ("/api/v1/files%s/%s"):format(self.root, self.folder_name)
    local reply = self:ask("PUT", path, { headers = { ["Create-Folder"] = "?1" }, body = "" })
    self.t:expect(reply.status, self:say("Create-Folder of the check's own folder")):one_of { 201, 409 }
    self.folder_path = path
    self:visible(path)
  end
  return self.folder_path
end

-- Wait until GET of a path is 200 (the Pi's tree lags).
function Server:visible(path)
  return self.t:wait_until(function()
    local reply = self:ask("GET", path)
    return reply.status == 200 and reply
  end, link.LAG)
end

function Server:upload(path, content, headers, options)
  local all = { { "Content-Type", "text/x.gcode" } }
  for name, value in pairs(headers or {}) do
    all[#all + 1] = { name, value }
  end
  options = options or {}
  options.headers, options.body = all, content
  return self:ask("PUT", path, options)
end

-- A new file of that name in the own folder, seen by the server; its path in URLs.
function Server:file(name, content)
  local path = self:folder() .. "/" .. link.encode(name)
  local reply = self:upload(path, content or link.gcode(200), { Overwrite = "?1" })
  self:status_of(reply, "PUT " .. path):equals(201)
  if not self:visible(path) then
    self.t:fail("%s: %s was uploaded, and is not there %s later", self.name, path, link.LAG)
  end
  return path
end

-- A print file that is there already, in the root of the storage: path in URLs and what the listing says of it.
function Server:some_file()
  local listing = self:get("/api/v1/files" .. self.root).json
  for _, child in ipairs(listing.children or {}) do
    if child.type == "PRINT_FILE" then
      return ("/api/v1/files%s/%s"):format(self.root, link.encode(child.name)), child
    end
  end
  self.t:skip("%s has no print file in %s", self.name, self.root)
end

function Server:child(folder, name)
  local listing = self:get(folder).json
  for _, child in ipairs(listing.children or {}) do
    if child.display_name == name or child.name == name then
      return child
    end
  end
end

-- Begin to print a file of our own for at least that long; the job's id.
function Server:print(seconds, first)
  self:rest()
  local path = self:file("hotbed-print.gcode", link.print(seconds or 600, first))
  self:must("POST", path, 204, { body = "" })
  self:wait_state({ "PRINTING" }, "60s", "state after the start of a print")
  local id
  self.t:wait_until(function()
    local job = self:ask("GET", "/api/v1/job")
    id = job.status == 200 and job.json and job.json.id
    return math.type(id) == "integer"
  end, "10s")
  self.t:expect(id, self:say "id of the job that was begun"):is_a "integer"
  return id, path
end

function Server:stop(id)
  self:must("DELETE", "/api/v1/job/" .. id, 204)
  return self:wait_state({ "STOPPED", "IDLE" }, "60s", "state after a stop")
end

-- What only hands at our own printer can do.
function Server:hands(what)
  if self.outside then
    self.t:skip("needs hands on the printer: " .. what)
  end
  return self.printer
end

-- A defect of the real one that this check could see; of a stranger it is not demanded.
function Server:shows_quirks()
  return not self.outside and not self.quirkless
end

-- ---- Which server ----

local function find_dialect(t, server)
  local reply = server:ask("GET", "/api/version")
  local text = reply.json and reply.json.text or ""
  if text:find "^Prusa SLA" then
    return "S"
  elseif type(reply.json) == "table" and (type(reply.json.original) == "string" or text:find "^PrusaLink ") then
    return "P"
  elseif text == "PrusaLink" then
    return "B"
  end
  local realms = { Administrator = "P", ["Printer API"] = "B", ["prusa-sl1"] = "S" }
  local dialect = server.challenge and realms[server.challenge.realm]
  if not dialect then
    t:skip("what answers to GET /api/version looks like no PrusaLink: %s", reply.told)
  end
  return dialect
end

local function outside(t, target)
  local server = setmetatable({
    t = t, outside = true, host = target.host, port = target.port, tls = target.tls, user = target.user or "maker",
    password = target.password, api_key = target.api_key, folder_name = target.folder, name = target.url,
    may = target,
  }, Server)
  server.dialect = find_dialect(t, server)
  server.root = ROOTS[server.dialect]
  if server.dialect == "B" then
    server.api_key = server.api_key or server.password -- one and the same there (1.1)
  end
  return server
end

-- Our own printer of a dialect, with one print file on it. `serve`: options of its PrusaLink, `printer`: of itself.
function link.ours(t, dialect, serve, printer)
  local model = t:wanted_model() or MODELS[dialect]
  local options = { connect = false, files = { [DISKS[dialect] .. "/cube.gcode"] = link.print(300) } }
  if dialect == "S" then
    options.files = nil
  end
  for key, value in pairs(printer or {}) do
    options[key] = value
  end
  local own = t:printer(model, options)
  serve = serve or {}
  if dialect == "P" then
    serve.api_key = serve.api_key or "hotbed-key-1"
  end
  local place = own:serve_link(serve)
  local server = setmetatable({
    t = t, printer = own, host = place.host, port = place.port, user = place.user, password = place.password,
    api_key = place.api_key or place.password, dialect = dialect, root = ROOTS[dialect], disk = DISKS[dialect],
    folder_name = "hotbed-check", name = model, serve = serve,
  }, Server)
  if dialect ~= "S" then
    server:wait_state({ "IDLE" }, "60s", "state some time after power-on")
  end
  return server
end

local function refuse(t, server, needs)
  if needs.write and not server.may.write then
    t:skip "uploads and deletes in a folder of its own: --allow-write does it"
  elseif needs.print and not server.may.print then
    t:skip "prints: --allow-write with --allow-print does it"
  elseif needs.hands then
    t:skip("needs hands on the printer: " .. needs.hands)
  elseif needs.slow and not server.may.patient then
    t:skip(("takes %s: --only with its id does it"):format(needs.slow))
  end
end

-- The run function of a check: on each server of these flavours ("PBS") that is there. `needs`: write, print (they
-- change the server), hands (on our own printers only: what for), slow (how long it takes).
function link.on(flavours, needs, run)
  if type(needs) == "function" then
    needs, run = {}, needs
  end
  return function(t)
    local target = t:link_target()
    if target then
      local server = outside(t, target)
      if not flavours:find(server.dialect, 1, true) then
        t:skip("this is %s", NAMES[server.dialect])
      end
      refuse(t, server, needs)
      return run(t, server)
    end
    local wanted = t:wanted_model()
    local only = wanted and LETTERS[t:link_dialect(wanted) or ""]
    for dialect in flavours:gmatch "." do
      if not wanted or only == dialect then
        run(t, link.ours(t, dialect, needs.serve, needs.printer))
      end
    end
    if wanted and not (only and flavours:find(only, 1, true)) then
      t:skip("%s is none of those that this is about", wanted)
    end
  end
end

return link
