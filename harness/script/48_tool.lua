-- Programs that are judged: folders for them to work on, and the command with what a check wants of it filled in.

local core = core

-- ---- Folders ----

local Folder = {}
Folder.__index = Folder

-- options: time (Unix seconds) or age (seconds before now)
function Folder:write(path, content, options)
  options = options or {}
  local time = options.time or (options.age and core.unix_time() - options.age)
  core.folder_write(self.number, path, content, time)
end

function Folder:read(path)
  return core.folder_read(self.number, path)
end

function Folder:remove(path)
  core.folder_change(self.number, path, "remove")
end

function Folder:make(path)
  core.folder_change(self.number, path, "make")
end

function Folder:link(path, target)
  core.folder_change(self.number, path, "link", target)
end

function Folder:mode(path, mode)
  core.folder_change(self.number, path, "mode", mode)
end

function Folder:set_time(path, time)
  core.folder_change(self.number, path, "time", time)
end

-- { ["a/b.gcode"] = content } of all files in it.
function Folder:files(below, out)
  below, out = below or "", out or {}
  for _, entry in ipairs(core.folder_names(self.number, below)) do
    local path = below == "" and entry[1] or below .. "/" .. entry[1]
    if entry[2] then
      self:files(path, out)
    else
      out[path] = core.folder_read(self.number, path)
    end
  end
  return out
end

function core.new_folder()
  local self = setmetatable({}, Folder)
  self.number, self.path = core.folder_new()
  return self
end

-- ---- The command ----

-- How our own program is told what a check wants.
local OURS = {
  "sync", "{farm}", "{folder}", "{execute:--execute}", "{destination:--destination}", "{printer:--printer}",
  "{skip:--skip}", "{any-state:--any-state}", "{relative-to:--relative-to}", "{timeout:--timeout}",
}

local function template()
  local words, own = core.tool_command()
  if not words then
    words = { own, table.unpack(OURS) }
  end
  return words
end

-- Fill one word in; nothing is left of "{execute:--execute}" when nobody wants it.
local function fill(word, values, used, out)
  local name, flag = word:match "^{([%w-]+):(.*)}$"
  if name then
    used[name] = true
    local value = values[name]
    if value then
      if flag ~= "" then
        out[#out + 1] = flag
      end
      if value ~= true then
        out[#out + 1] = tostring(value)
      end
    end
    return
  end
  local without -- false: a word that the check wants left out
  local text = word:gsub("{([%w-]+)}", function(inner)
    used[inner] = true
    without = without or values[inner] == false
    return values[inner] and tostring(values[inner]) or "{" .. inner .. "}"
  end)
  if not without then
    out[#out + 1] = text
  end
end

-- The words of the command; what is wanted of it and has no place in it makes the check skip.
local function words_of(values, optional)
  local out, used = {}, {}
  for _, word in ipairs(template()) do
    fill(word, values, used, out)
  end
  for name, value in pairs(values) do
    if value and not used[name] and name ~= "execute" and not optional then
      core.verdict("skip", ("the command has no place for %s: {%s:OPTION} in it says how it is told"):format(name, name))
    end
  end
  return out
end

-- Whether the command has a place for it.
function core.tool_knows(name)
  for _, word in ipairs(template()) do
    if word:find("{" .. name .. "}", 1, true) or word:find("{" .. name .. ":", 1, true) then
      return true
    end
  end
  return false
end

-- The words of the command; nil: none was given, and it is ours that is judged.
function core.tool_words()
  return (core.tool_command())
end

-- ---- Running it ----

local Run = {}
Run.__index = Run

-- Until it has ended: itself; nil when it has not within the duration.
function Run:wait(duration)
  local deadline = core.now() + core.duration(duration or "60s")
  while not self.code do
    self.code, self.output, self.errors, self.took = core.tool_ended(self.number)
    local left = deadline - core.now()
    if not self.code and left <= 0 then
      return nil
    elseif not self.code then
      core.sleep(left, core.WATCH.TOOL)
    end
  end
  self.told = ("exit code %d"):format(self.code)
  self.text = self.output .. self.errors
  return self
end

-- "INT", "TERM", "KILL"
function Run:signal(name)
  core.tool_signal(self.number, name)
end

-- What root has to do without to be refused what others are refused.
local POWERLESS = { "setpriv", "--bounding-set", "-dac_override,-dac_read_search" }

-- values: what stands for {farm}, {folder} …; options: environment, optional (the command needs no place for all of them),
-- powerless (run by root it reads only what its modes allow).
-- It runs where we do: paths in a command are its author's.
function core.start_tool(values, options)
  local run = setmetatable({ told = "the command" }, Run)
  local environment = { "COLUMNS=300", "NO_PROXY=*", "no_proxy=*", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY" }
  for _, text in ipairs(options.environment or {}) do
    environment[#environment + 1] = text
  end
  local words = words_of(values, options.optional)
  if options.powerless then
    words = table.move(words, 1, #words, #POWERLESS + 1, { table.unpack(POWERLESS) })
  end
  run.command = table.concat(words, " ")
  run.number = core.tool_start(words, environment)
  return run
end
