-- `scenario`, `check`, and the `t` that they are given.

local core = core
local expect, match = core.expect, core.match

local T = {}

local function format(text, ...)
  if select("#", ...) == 0 then
    return tostring(text)
  end
  return tostring(text):format(...)
end

function T:now()
  return core.now()
end

function T:wait(duration)
  local deadline = core.now() + core.duration(duration)
  while core.now() < deadline do
    core.sleep(deadline - core.now(), 0)
  end
end

function T:wait_until(condition, duration)
  if type(condition) ~= "function" then
    core.bad_argument("wait_until: expected a function, got " .. match.show(condition))
  end
  local deadline = core.now() + core.duration(duration or "10s")
  while true do
    local value = condition()
    if value then
      return value
    end
    local left = deadline - core.now()
    if left <= 0 then
      return nil
    end
    core.sleep(math.min(left, 0.1), core.WATCH.ALL)
  end
end

local OPTIONS = {
  name = "string", serial = "string", firmware = "string", host = "string", version = "string", registered = "boolean",
  boot = "boolean", ini = "string", files = "table", storages = "table", quirks = "boolean or table", room = "number",
  job_counter = "number", spoil = "table", cameras = "table", register_cameras = "boolean",
  connect = "boolean", websocket = "boolean",
}

local function check_options(options)
  for key, value in pairs(options) do
    if not OPTIONS[key] then
      core.bad_argument(("printer: there is no option %s"):format(match.show(key)))
    elseif not OPTIONS[key]:find(type(value), 1, true) then
      core.bad_argument(("printer: option %s: expected a %s, got %s"):format(key, OPTIONS[key], match.show(value)))
    end
  end
end

-- How long a printer may take to boot and to say its first word: a real MK3 needs 9 s, a visitor must first come.
local BOOT_SECONDS = 60

local VISITOR_SECONDS = 120 -- a device from outside may have to be added by its user first
local FOUND_SECONDS = 12 -- a host has found its printer by then
local TOKEN_SECONDS = 120
local PROBE_SECONDS = 15 -- its probe of the server is over

-- A registration that was refused comes to no token (connect-sdk.md 3.2, 3.3).
local function refused_registration(request)
  local begins = request.method == "POST"
  local reply = request.path == "/p/register" and request.reply
  if reply and (begins and not (reply.status == 200 and reply.headers.Code) or
    not begins and reply.status ~= 200 and reply.status ~= 202) then
    core.verdict("skip", ("the server refused to register the printer: %s %s was answered %d%s"):format(
      request.method, request.path, reply.status, begins and reply.status == 200 and " without Code" or ""))
  end
end

-- A server that is not ours knows none of our tokens: the printer registers, and somebody adds it there.
local function register_outside(printer)
  core.sleep(FOUND_SECONDS, 0)
  core.printer_register(printer.number)
  local deadline, told = core.now() + TOKEN_SECONDS, false
  while not printer.token do
    local left = deadline - core.now()
    if left <= 0 then
      core.verdict("skip", "the server gave no token within 2 min: somebody must add the printer there")
    end
    core.sleep(math.min(left, 3), core.WATCH.REPLY)
    if left < TOKEN_SECONDS - PROBE_SECONDS and #core.requests(printer.number, 0) == 0 then
      core.verdict("skip", "the printer did not register: a PrusaLink does where GET /info succeeds, and here it does not")
    end
    for _, request in ipairs(core.requests(printer.number, 0)) do
      refused_registration(request)
      local code = request.method == "POST" and request.reply and request.reply.headers.Code
      if code and not told and core.now() - request.at > 2 then
        core.announce(("add the printer %s at the server: its code is %s"):format(printer.serial, code))
        told = true
      end
    end
  end
end

-- Which of its options a device from outside can't be given.
local HANDS = { storages = true, spoil = true, ini = true, job_counter = true, room = true }

local DIALECTS = { sdk = { "an SDK printer", "SDK printers" }, buddy = { "a Buddy printer", "Buddy printers" } }

-- What a check demands of the printers of one document, the others need not do.
local function check_dialect(dialect)
  local wanted = core.wanted_dialect()
  if wanted and wanted ~= dialect then
    core.verdict("skip", ("%s; this check is about %s"):format(DIALECTS[dialect][1], DIALECTS[wanted][2]))
  end
end

-- The device that came to our server. Who does more than watch it gets it at rest.
local function visitor(model, options)
  local number = core.printer_outside()
  local printer = core.know_printer(core.wrap_printer(number, "device-" .. number, model, true))
  if options.registered == false then
    core.verdict("skip", "needs a device that is not registered yet")
  end
  for key in pairs(options) do
    if HANDS[key] then
      core.verdict("skip", "needs hands on the printer: option " .. key)
    end
  end
  local deadline = core.now() + VISITOR_SECONDS
  while not core.printer_seen(number) do
    if core.now() >= deadline then
      core.verdict("skip", ("%s sent no telemetry within %d s"):format(printer.name, VISITOR_SECONDS))
    end
    core.sleep(1, core.WATCH.ALL)
  end
  check_dialect(core.seen_dialect(number))
  if core.stimulates() then
    core.rest(printer)
  end
  for path in pairs(options.files or {}) do
    if not core.shows(printer, path) then
      core.verdict("skip", "the device has no file " .. path)
    end
  end
  return printer
end

function T:printer(model, options)
  if type(model) ~= "string" then
    core.bad_argument("printer: expected a model, got " .. match.show(model))
  end
  options = options or {}
  check_options(options)
  if core.outside_printer() then
    return visitor(model, options)
  end
  check_dialect(core.model_dialect(model))
  if options.connect == false then
    local number, name, used = core.printer_new(model, options)
    return core.know_printer(core.wrap_printer(number, name, used, false))
  end
  local registers = core.outside_connect() and options.registered ~= false and not options.ini
  if registers then
    local with = { registered = false }
    for key, value in pairs(options) do
      with[key] = value
    end
    options = with
  end
  local number, name, used = core.printer_new(model, options)
  local printer = core.know_printer(core.wrap_printer(number, name, used, false))
  if registers then
    register_outside(printer)
  end
  if options.boot == false or (options.registered == false and not registers) then
    return printer
  end
  local deadline = core.now() + BOOT_SECONDS
  while not core.printer_seen(number) do
    if core.now() >= deadline then
      core.verdict("fail", "the printer never spoke", "a telemetry of " .. name, "silence for 60 s", nil, number)
    end
    core.sleep(deadline - core.now(), core.WATCH.REPLY)
  end
  return printer
end

function T:given(name)
  return core.given(name)
end

function T:file(path)
  return core.file(path)
end

function T:expect(...)
  if select("#", ...) == 0 then
    core.bad_argument("expect: of what?")
  end
  return expect.new(...)
end

-- How long what a printer tells may take to be told anew, whatever it is: all of its telemetry goes out again after 5 min
-- (connect-sdk.md 4.4, connect-buddy.md 4.3).
local VIEW_PATIENCE = "6m"

function T:expect_view(printer)
  core.check_printer(printer, "expect_view")
  if core.outside_connect() or printer.outside then
    core.verdict("skip", "needs our own server and a printer of ours: what one believes of the other")
  end
  return expect.new(printer):view()
end

-- A check on everything: left alone for a while, the server knows each printer as it is, whatever the scenario was about.
local function check_views()
  if not core.virtual() or core.outside_connect() or core.outside_printer() then
    return
  end
  core.forget_hooks()
  for _, printer in ipairs(core.known_printers()) do
    if core.view_checked(printer.number) then
      expect.new(printer):view():within(VIEW_PATIENCE)
    end
  end
end

function T:expect_event(printer, filter)
  core.check_printer(printer, "expect_event")
  return expect.new(printer):event(filter)
end

function T:expect_request(printer, filter)
  core.check_printer(printer, "expect_request")
  return expect.new(printer):request(filter)
end

function T:never(printer, filter)
  core.check_printer(printer, "never")
  return expect.never(printer, filter, "event")
end

function T:never_request(printer, filter)
  core.check_printer(printer, "never_request")
  return expect.never(printer, filter, "request")
end

function T:events_since(printer, at, filter)
  local out = {}
  for _, event in ipairs(core.filtered(core.events(core.check_printer(printer, "events_since"), 0), filter)) do
    if event.at >= at then
      out[#out + 1] = event
    end
  end
  return out
end

function T:held(id, options)
  options = options or {}
  local result = core.judged(id)
  local times = options.times or 1
  if result.violated > 0 then
    core.verdict("fail", ("%s was violated %d times"):format(id, result.violated), result.expected, result.seen,
      core.where(), result.printer)
  elseif result.exercised < times then
    local text = ("nothing was seen that %s judges"):format(id)
    if result.exercised > 0 then
      text = ("%s was exercised %d times, not %d"):format(id, result.exercised, times)
    end
    -- What a device from outside has not shown yet it may show by the end; of a server from outside only what our
    -- printers hear is known.
    local ours = not core.outside_printer() and not core.outside_connect()
    core.verdict(options.exercised == "fail" and ours and "fail" or "skip", text)
  end
  return result.exercised
end

function T:judged(id)
  local result = core.judged(id)
  return { exercised = result.exercised, violated = result.violated }
end

function T:printable(printer)
  core.check_printer(printer, "printable")
  return core.printable(printer)
end

function T:fail(text, ...)
  core.verdict("fail", format(text, ...), nil, nil, core.where())
end

function T:skip(reason, ...)
  core.verdict("skip", format(reason, ...))
end

function T:note(text, ...)
  core.note(format(text, ...))
end

-- A bare connection to { host =, port =, tls = }, a PrusaLink client of { url =, user =, password =, api_key = }, the
-- server from outside that this run judges (nil: none), and MD5 in hexadecimal digits.
function T:wire(place)
  return core.link.open(place)
end

function T:link(options)
  return core.link.client(options)
end

function T:link_target()
  return core.link.target()
end

-- How printers of a model serve PrusaLink ("pi", "buddy", "sl1"; nil: they don't), and the model that the run wants.
-- Whose firmware a printer of this model has: "mk3", "buddy" or "sl1"; the run may have another model than the scenario.
function T:family(model)
  return core.model_family(model)
end

function T:link_dialect(model)
  return core.link_model_dialect(model)
end

function T:wanted_model()
  return core.link_model()
end

function T:md5(text)
  return core.link.md5(text)
end

-- A folder on disk, and the program that is judged (48_tool.lua): started with what stands for {farm}, {folder} … in its
-- command, and whether its command has a place for something.
function T:folder()
  return core.new_folder()
end

function T:start(values, options)
  return core.start_tool(values, options)
end

function T:tool_knows(name)
  return core.tool_knows(name)
end

function T:cores()
  return core.processor_cores()
end

function T:tool_words()
  return core.tool_words()
end

-- How long somebody has to use a client by hand, seconds; nil: it is not used by hand. And a line for that person.
function T:by_hand()
  return core.by_hand()
end

function T:tell(text)
  core.announce(tostring(text))
end

function T:unix_time()
  return core.unix_time()
end

expect.settling(T)

local t = setmetatable({ connect = core.connect }, {
  __index = function(_, key)
    if key == "virtual" then
      return core.virtual()
    elseif key == "outside" then
      return { printer = core.outside_printer(), connect = core.outside_connect() }
    end
    local method = T[key]
    if method == nil then
      core.bad_argument(("t has no %s"):format(match.show(key)))
    end
    return method
  end,
})

function print(...)
  local parts = table.pack(...)
  for i = 1, parts.n do
    parts[i] = tostring(parts[i])
  end
  core.note(table.concat(parts, "\t"))
end

-- ---- Definitions ----

local FIELDS = {
  run = "function", side = "string", kind = "string", subject = "string", dialect = "string", passive = "boolean",
  virtual_only = "string", view_differs = "string",
}
local ALLOWED = {
  side = { printer = true, server = true, tool = true },
  kind = { contract = true, fidelity = true, quirk = true },
  dialect = { sdk = true, buddy = true },
}

local function define(what, name, fields)
  local function bad(text, ...)
    core.bad_argument(("%s %s: "):format(what, match.show(name)) .. text:format(...))
  end
  if type(name) ~= "string" or name == "" then
    bad("expected a name")
  elseif type(fields) ~= "table" then
    bad("expected a table { \"what must be true\", run = function(t) ... end }")
  end
  for key, value in pairs(fields) do
    local wanted = FIELDS[key]
    if key == 1 then
      wanted = "string"
    elseif key == "timeout" then
      wanted = type(value)
    elseif not wanted then
      bad("there is no field %s", match.show(key))
    end
    if type(value) ~= wanted then
      bad("field %s: expected a %s, got %s", match.show(key), wanted, match.show(value))
    elseif ALLOWED[key] and not ALLOWED[key][value] then
      bad("field %s: %s is not possible", key, match.show(value))
    end
  end
  if not fields.run then
    bad("field run is missing")
  end
  local run = fields.run
  core.define({
    check = what == "check", name = name, sentence = fields[1], side = fields.side, kind = fields.kind,
    subject = fields.subject, dialect = fields.dialect, passive = fields.passive, virtual_only = fields.virtual_only,
    timeout = fields.timeout and core.duration(fields.timeout), place = core.where(),
  }, function()
    run(t)
    expect.settle()
    if not fields.view_differs then
      check_views()
    end
  end)
end

function scenario(name)
  return function(fields) define("scenario", name, fields) end
end

function check(name)
  return function(fields) define("check", name, fields) end
end
