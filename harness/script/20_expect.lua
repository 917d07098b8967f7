-- Expectations. Each is a probe that says whether it holds now, what was found and what was seen instead. One that may
-- take time is judged by `within`; without it, at the scenario's next step, which no time separates from the present.

local core = core
local match = core.match
local show, fits = match.show, match.fits

local expect = {}
core.expect = expect

local WATCH = core.WATCH -- what wakes a waiter: bits that C compares before any Lua runs
local POLL_SECONDS = 0.1 -- functions may look at things that change without a message

local pending

-- A host without PrusaLink implements none of these (connect-sdk.md 5.4), and that breaks nothing. Whoever plays a
-- device from outside may be one: what was expected of such a command can't be judged then.
local OPTIONAL_COMMANDS = {
  GCODE = true, START_PRINT = true, STOP_PRINT = true, PAUSE_PRINT = true, RESUME_PRINT = true, SEND_JOB_INFO = true,
  UPGRADE = true, RESET_PRINTER = true, LOAD_FILAMENT = true, UNLOAD_FILAMENT = true,
}

local function excuse(self)
  local command = self.subject
  if type(command) ~= "table" or rawget(command, "hotbed") ~= "command" or not OPTIONAL_COMMANDS[command.name] or
    not core.outside_printer() then
    return
  end
  for _, event in ipairs(core.command_answers(command.id)) do
    if event.event == "REJECTED" and event.reason == "Not Implemented" then
      core.verdict("skip", "the device does not implement " .. command.name)
    end
  end
end

local function fail(self, seen)
  excuse(self)
  core.verdict("fail", self.reason or "expectation not met", self.expected, seen, self.where, self.printer)
end

-- Judge what waits for judgement: called at every step of the scenario and at its end.
function expect.settle()
  local self = pending
  if self then
    pending = nil
    local holds, _, seen = self.probe()
    if not holds then
      fail(self, seen)
    end
  end
end

-- Make every function of a class settle first, so that expectations are judged in the order of their lines.
function expect.settling(class)
  for name, method in pairs(class) do
    if type(method) == "function" and name:sub(1, 2) ~= "__" then
      class[name] = function(...)
        expect.settle()
        return method(...)
      end
    end
  end
  return class
end

local Waiting = {}

function Waiting:within(duration)
  local limit = core.duration(duration)
  if pending == self then
    pending = nil
  else
    expect.settle()
  end
  local deadline = core.now() + limit
  while true do
    local holds, found, seen = self.probe()
    if holds then
      return found
    end
    excuse(self)
    local left = deadline - core.now()
    if left <= 0 then
      self.expected = ("%s within %s"):format(self.expected, core.duration_text(limit))
      fail(self, seen)
    end
    core.sleep(self.poll and math.min(left, POLL_SECONDS) or left, self.watch, self.printer)
  end
end

-- What an expectation may lack; anything else that is asked of it is a mistake.
local OPTIONAL = { subject = true, name = true, reason = true, printer = true, poll = true, where = true }

-- A member of what was found: asked for, the expectation is judged now.
local function member_of_found(self, key)
  if pending == self then
    pending = nil
  end
  local holds, found, seen = self.probe()
  if not holds then
    fail(self, seen)
  elseif type(found) ~= "table" then
    core.bad_argument(("there is no %s behind an expectation: :within(duration)"):format(show(key)))
  end
  return found[key]
end

Waiting.__index = function(self, key)
  local method = Waiting[key]
  if method == nil and not OPTIONAL[key] then
    return member_of_found(self, key)
  end
  return method
end

local function must(self, expected, watch, probe)
  self.expected = (self.name and self.name .. ": " or "") .. expected
  self.watch, self.probe = watch, probe
  setmetatable(self, Waiting)
  pending = self
  return self
end

-- ---- Values, and functions that are asked again and again ----

local Value = {}

local function value_must(self, expected, test)
  local subject = self.subject
  if type(subject) == "function" then
    self.poll = true
    return must(self, expected, WATCH.ALL, function()
      local value = subject()
      return test(value), value, show(value)
    end)
  end
  self.expected = (self.name and self.name .. ": " or "") .. expected
  if not test(subject) then
    fail(self, show(subject))
  end
  return subject
end

local function is_number(value)
  return type(value) == "number"
end

function Value:equals(wish)
  return value_must(self, show(wish), function(value) return match.equal(value, wish) end)
end

function Value:differs(other)
  return value_must(self, "not " .. show(other), function(value) return not match.equal(value, other) end)
end

function Value:matches(pattern)
  return value_must(self, "a text like " .. show(pattern), function(value)
    return type(value) == "string" and value:find(pattern) ~= nil
  end)
end

function Value:contains(wish)
  return value_must(self, "something with " .. show(wish) .. " in it", function(value)
    if type(value) == "string" then
      return type(wish) == "string" and value:find(wish, 1, true) ~= nil
    elseif type(value) ~= "table" then
      return false
    end
    for _, member in pairs(value) do
      if fits(member, wish) then
        return true
      end
    end
    return false
  end)
end

function Value:has(key)
  return value_must(self, "the member " .. show(key), function(value)
    return type(value) == "table" and value[key] ~= nil
  end)
end

function Value:lacks(key)
  return value_must(self, "no member " .. show(key), function(value)
    return type(value) == "table" and value[key] == nil
  end)
end

function Value:is_a(kind)
  return value_must(self, "of type " .. show(kind), function(value) return match.is_type(value, kind) end)
end

function Value:is_true()
  return value_must(self, "true", function(value) return not not value end)
end

function Value:is_false()
  return value_must(self, "false", function(value) return not value end)
end

function Value:is_nil()
  return value_must(self, "nothing", function(value) return value == nil end)
end

function Value:above(bound)
  return value_must(self, "above " .. bound, function(value) return is_number(value) and value > bound end)
end

function Value:below(bound)
  return value_must(self, "below " .. bound, function(value) return is_number(value) and value < bound end)
end

function Value:at_least(bound)
  return value_must(self, "at least " .. bound, function(value) return is_number(value) and value >= bound end)
end

function Value:at_most(bound)
  return value_must(self, "at most " .. bound, function(value) return is_number(value) and value <= bound end)
end

function Value:near(wish, tolerance)
  return value_must(self, ("%s ± %s"):format(wish, tolerance), function(value)
    return is_number(value) and math.abs(value - wish) <= tolerance
  end)
end

function Value:one_of(values)
  local wish = one_of(values)
  return value_must(self, wish.text, wish.test)
end

function Value:satisfies(filter)
  return value_must(self, show(filter), function(value) return fits(value, filter) end)
end

-- ---- Printers ----

local Printer = {}

function Printer:state(...)
  local wishes = { ... }
  local number = self.subject.number
  return must(self, "state " .. table.concat(wishes, " or "), WATCH.STATE, function()
    local state = core.reported_state(number)
    for _, wish in ipairs(wishes) do
      if state == wish then
        return true, state
      end
    end
    return false, nil, "state " .. (state == "" and "unknown: no message yet" or tostring(state))
  end)
end

function Printer:telemetry(filter)
  match.check_filter(filter, "telemetry")
  local number = self.subject.number
  return must(self, "telemetry with " .. show(filter), WATCH.REQUEST, function()
    local telemetry = core.telemetry(number) or {}
    local seen = {}
    for key in pairs(filter) do
      seen[key] = telemetry[key]
    end
    return fits(telemetry, filter), telemetry, show(seen)
  end)
end

-- What our own server believes of it, from its messages alone, is what it is.
function Printer:view()
  local number = self.subject.number
  local label = "the server's view to equal the truth"
  must(self, label, WATCH.REQUEST, function()
    local truth, believed = core.view_differences(number)
    if not truth then
      self.expected = label
      return true
    end
    self.expected = ("%s: %s"):format(label, truth)
    return false, nil, believed
  end)
  self.reason, self.poll = "the server's view of the printer is not the truth", true
  return self
end

-- The first of a growing list that fits; what was looked at once is not looked at again.
local function find_in(fetch, since, filter, label)
  local last, count = since, 0
  return function()
    for _, item in ipairs(fetch(last)) do
      last = item.number or last -- one that is not answered yet has none
      count = count + 1
      if not filter or fits(item, filter) then
        return true, item
      end
    end
    return false, nil, count == 0 and "no " .. label or ("%d %s, none of them like that"):format(count, label)
  end
end

function Printer:event(filter)
  match.check_filter(filter, "event")
  local number = self.subject.number
  return must(self, "an event " .. show(filter or {}), WATCH.EVENT, find_in(function(last)
    return core.events(number, last)
  end, core.last_event(), filter, "events"))
end

function Printer:request(filter)
  match.check_filter(filter, "request")
  local number = self.subject.number
  return must(self, "a request " .. show(filter or {}), WATCH.REPLY | WATCH.ARRIVAL, find_in(function(last)
    return core.requests(number, last)
  end, core.last_request(), filter, "requests"))
end

-- ---- Commands ----

local Command = {}

local function told(self)
  return ("%s (%s)"):format(self.subject.name, self.subject.id)
end

-- What a command was answered so far, in one line.
local function answers_text(id)
  local parts = {}
  for _, event in ipairs(core.command_answers(id)) do
    local why = event.reason and " (" .. event.reason .. ")" or ""
    if event.data and event.data.error then
      why = " (" .. tostring(event.data.error) .. ")"
    end
    parts[#parts + 1] = event.event .. why
  end
  return #parts == 0 and "no answer, " .. core.command_status(id) or table.concat(parts, ", ")
end

local function answer_must(self, expected, test)
  local id = self.subject.id
  return must(self, told(self) .. " " .. expected, WATCH.COMMAND, function()
    for _, event in ipairs(core.command_answers(id)) do
      if test(event) then
        return true, event
      end
    end
    return false, nil, answers_text(id)
  end)
end

function Command:answered(name, filter)
  match.check_filter(filter, "answered")
  return answer_must(self, "answered " .. show(name) .. (filter and " " .. show(filter) or ""), function(event)
    return fits(event.event, name) and (not filter or fits(event, filter))
  end)
end

function Command:accepted()
  return Command.answered(self, "ACCEPTED")
end

local NOT_FINISHED = { ACCEPTED = true, REJECTED = true, FAILED = true }

function Command:finished(filter)
  match.check_filter(filter, "finished")
  local id = self.subject.id
  return must(self, told(self) .. " finished" .. (filter and " with " .. show(filter) or ""), WATCH.COMMAND, function()
    if core.command_status(id) == "finished" then
      local answers = core.command_answers(id) -- the last one is the end, STATE_CHANGED may come before
      for i = #answers, 1, -1 do
        if not NOT_FINISHED[answers[i].event] and (not filter or fits(answers[i], filter)) then
          return true, answers[i]
        end
      end
    end
    return false, nil, answers_text(id)
  end)
end

function Command:rejected(reason)
  return answer_must(self, "rejected" .. (reason and " with " .. show(reason) or ""), function(event)
    return event.event == "REJECTED" and (reason == nil or fits(event.reason, reason))
  end)
end

function Command:failed(pattern)
  return answer_must(self, "failed" .. (pattern and " with an error like " .. show(pattern) or ""), function(event)
    local text = event.data and event.data.error
    return event.event == "FAILED" and (pattern == nil or (type(text) == "string" and text:find(pattern) ~= nil))
  end)
end

function Command:delivered()
  local id = self.subject.id
  return must(self, told(self) .. " delivered", WATCH.COMMAND, function()
    local status = core.command_status(id)
    return status ~= "pending", status, status
  end)
end

function Command:ended()
  local id = self.subject.id
  return must(self, told(self) .. " ended", WATCH.COMMAND, function()
    local status = core.command_status(id)
    local ended = status == "finished" or status == "failed" or status == "rejected" or status == "lost"
    return ended, status, answers_text(id)
  end)
end

-- ---- What is expected of which ----

local classes = { printer = Printer, command = Command, value = Value }

local function index_of(class, kind)
  return function(_, key)
    local method = class[key]
    if method == nil and not OPTIONAL[key] then
      core.bad_argument(("a %s can't be expected to be %s: there is no such expectation"):format(kind, show(key)))
    end
    return method
  end
end

local metatables = {}
for kind, class in pairs(classes) do
  metatables[kind] = { __index = index_of(class, kind) }
end

function expect.new(subject, name)
  expect.settle()
  local kind = type(subject) == "table" and rawget(subject, "hotbed") or "value"
  local self = { subject = subject, name = name, where = core.where() }
  if kind == "printer" then
    self.printer = subject.number
    self.name = name or subject.name
  elseif kind == "command" then
    self.printer = subject.printer.number
  end
  return setmetatable(self, metatables[kind] or metatables.value)
end

-- ---- What must not happen ----

local Never = {}
Never.__index = Never

function Never:during(duration)
  local limit = core.duration(duration)
  local deadline = core.now() + limit
  while true do
    local found, item = self.probe()
    if found then
      self.expected = ("no %s for %s"):format(self.expected, core.duration_text(limit))
      fail(self, show(item))
    end
    local left = deadline - core.now()
    if left <= 0 then
      return
    end
    core.sleep(left, self.watch, self.printer)
  end
end

function expect.never(printer, filter, kind)
  expect.settle()
  match.check_filter(filter, "never")
  local number = printer.number
  local events = kind == "event"
  local fetch, since = events and core.events or core.requests, events and core.last_event() or core.last_request()
  local before = {} -- came before this moment, though their answers come later
  for _, request in ipairs(events and {} or fetch(number, since)) do
    before[request.connection .. "@" .. request.at] = true
  end
  return setmetatable({
    where = core.where(),
    printer = number,
    reason = "something happened that must not",
    expected = kind .. " " .. show(filter or {}),
    watch = events and WATCH.EVENT or WATCH.REPLY | WATCH.ARRIVAL,
    probe = find_in(function(last)
      local list = fetch(number, last)
      return events and list or core.filtered(list, function(request)
        return not before[request.connection .. "@" .. request.at]
      end)
    end, since, filter, kind .. "s"),
  }, Never)
end
