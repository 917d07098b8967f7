-- What the checks of a sync tool need: virtual printers at loop-back ports, a folder, a farm file, the tool run between
-- them, and what the printers' drives hold and were asked afterwards (link-sync.md 10.1: L, R, W).
local common = {}

local NAMES = { "Ada", "Bea", "Eve", "Ida", "Lea", "Mia", "Noa", "Oda", "Pia", "Rea", "Sia", "Tea", "Una", "Vea", "Zoe" }
local PASSWORD = "Hotbed-secret-12"

local Bed = {}
Bed.__index = Bed

-- Some g-code that is another one for each name.
function common.gcode(name, bytes)
  local line = ("; %s\nG1 X10 Y10 F1200\n"):format(name)
  return line:rep((bytes or 200) // #line + 1)
end

-- How long an upload takes at `upload_speed` is what interrupting one needs.
-- options: models (or count), misbehave (a list per printer), upload_speed, storage (as t:printer has it)
function common.bed(t, options)
  options = options or {}
  local models = options.models or {}
  for i = #models + 1, options.count or (#models == 0 and 1 or 0) do
    models[i] = "mk4"
  end
  local bed = setmetatable({ t = t, printers = {}, source = t:folder(), work = t:folder(), home = t:folder(), zone = "UTC" }, Bed)
  for i, model in ipairs(models) do
    local printer = t:printer(model, { connect = false, storages = options.storage and { options.storage } })
    bed.printers[i] = { name = NAMES[i], printer = printer, model = model, password = PASSWORD }
  end
  for i, one in ipairs(bed.printers) do
    if not t:wait_until(function() return one.printer:state() ~= "BUSY" end, "30s") then
      t:fail("%s does not boot", one.printer)
    end
    one.served = one.printer:serve_link {
      password = PASSWORD, upload_speed = options.upload_speed, misbehave = options.misbehave and options.misbehave[i] or nil,
    }
  end
  return bed
end

-- ---- The folder and the drives ----

-- In the folder, an hour old unless told otherwise.
function Bed:here(path, content, options)
  options = options or {}
  self.source:write(path, content or common.gcode(path), options.time and options or { age = options.age or 3600 })
end

-- On a drive, past PrusaLink; two hours old unless told otherwise.
function Bed:there(i, path, content, age)
  local one = self.printers[i]
  one.printer:set_clock((one.clock or 0) - (age or 7200))
  one.printer:put_file("/usb/" .. path, content or common.gcode(path))
  one.printer:set_clock(one.clock or 0)
end

-- { [path] = content } of a drive, hidden and other files too; folders in a second table. `names`: without contents, for
-- whoever looks again and again.
function Bed:tree(i, names)
  local files, folders = {}, {}
  local function walk(below)
    for _, entry in ipairs(self.printers[i].printer:files("/usb" .. below) or {}) do
      local path = below .. "/" .. entry.name
      if entry.folder then
        folders[path:sub(2)] = true
        walk(path)
      else
        files[path:sub(2)] = names or self.printers[i].printer:file_content("/usb" .. path)
      end
    end
  end
  walk ""
  return files, folders
end

local function eligible(path)
  return path:match "%.gcode$" or path:match "%.bgcode$"
end

local function listed(path)
  local name = path:lower():match "[^/]*$"
  return name:match "%.b?gcode$" or name:match "%.gco?$" or name:match "%.bgc$" or name:match "%.g$"
end

local function short(content)
  return content and ("%d bytes, %s"):format(#content, content:match "^[^\n]*") or "nothing"
end

-- The print files below a destination are those of the folder, in path and content (I1).
function Bed:expect_in_step(i, destination)
  local t, one = self.t, self.printers[i]
  local prefix = destination and destination .. "/" or ""
  local tree, wanted = self:tree(i), {}
  for path, content in pairs(self.source:files()) do
    if eligible(path) and not ("/" .. path):find "/%." then
      wanted[prefix .. path] = content
    end
  end
  for path, content in pairs(wanted) do
    if tree[path] ~= content then
      t:fail("%s: %s should be as in the folder (%s) and is %s\n%s", one.name, path, short(content), short(tree[path]),
        self:told())
    end
  end
  for path in pairs(tree) do
    if listed(path) and path:sub(1, #prefix) == prefix and not wanted[path] then
      t:fail("%s: %s is not in the folder\n%s", one.name, path, self:told())
    end
  end
end

-- ---- The tool ----

local function fields_of(one)
  return { printer_type = one.model:upper(), host = one.served.url, username = one.served.user, password = one.password }
end

-- A farm file as Link Sync has it; `change` may be a function that edits each printer's fields.
function Bed:write_farm(name, change)
  local lines = {}
  for _, one in ipairs(self.printers) do
    local fields = fields_of(one)
    if change then
      change(fields, one)
    end
    lines[#lines + 1] = one.name .. ":"
    for _, key in ipairs { "printer_type", "host", "username", "password", "extra" } do
      if fields[key] then
        lines[#lines + 1] = ("    %s: %s"):format(key, json.encode(fields[key]))
      end
    end
  end
  self.work:write(name or "farm.yml", table.concat(lines, "\n") .. "\n")
  self.farm = self.work.path .. "/" .. (name or "farm.yml")
end

-- The same as JSON.
function Bed:write_json(name)
  local printers = {}
  for _, one in ipairs(self.printers) do
    printers[one.name] = fields_of(one)
  end
  self.work:write(name, json.encode(printers))
  self.farm = self.work.path .. "/" .. name
end

-- options: dry, destination (false: none), printer, skip, relative_to, any_state, timeout, folder, farm, powerless
function Bed:start(options)
  options = options or {}
  if not self.farm then
    self:write_farm()
  end
  if options.dry and not self.t:tool_knows "execute" then
    self.t:skip "the command has no {execute:OPTION}: there is no dry run of it"
  end
  local destination = options.destination
  if destination == nil and self.t:tool_knows "destination" then
    destination = "/usb"
  end
  local folder = options.folder
  if folder == nil then
    folder = self.source.path
  end
  self.run_of = self.t:start({
    farm = options.farm or self.farm, folder = folder, execute = not options.dry, destination = destination or nil,
    printer = options.printer, skip = options.skip, ["relative-to"] = options.relative_to,
    ["any-state"] = options.any_state, timeout = options.timeout,
  }, {
    environment = { "HOME=" .. self.home.path, "XDG_STATE_HOME", "TZ=" .. (options.zone or self.zone) },
    powerless = options.powerless,
  })
  return self.run_of
end

-- Run it to its end.
function Bed:run(options)
  self.before = {}
  for i, one in ipairs(self.printers) do
    self.before[i] = #one.printer:requests_of_link() + 1
  end
  local run = self:start(options)
  if not run:wait(options and options.limit or "60s") then
    run:signal "KILL"
    self.t:fail("the tool did not end within %s\n%s", options and options.limit or "60s", run.command)
  end
  return run
end

-- What the last run printed, for whoever has to find out why.
function Bed:told()
  local run = self.run_of
  return run and run.text and ("%s\nexit code %d\n%s"):format(run.command, run.code, run.text:sub(1, 2000)) or ""
end

function Bed:expect_code(run, wanted, what)
  local good = wanted == "failure" and run.code ~= 0 and run.code < 128 or run.code == wanted
  if not good then
    self.t:fail("%s: the exit code should be %s and is %d\n%s", what or "the run", wanted, run.code, self:told())
  end
end

function Bed:expect_told(run, text, what)
  if not run.text:find(text, 1, true) then
    self.t:fail("%s: %s should be told\n%s", what or "the run", text, self:told())
  end
end

-- ---- What was asked ----

local function decode(target)
  return (target:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

-- The requests of the last run that were let in: those answered 401 are tries without credentials. Paths are decoded
-- and without "/api/v1/files".
function Bed:asked(i, from)
  local out = {}
  for _, request in ipairs(self.printers[i].printer:requests_of_link(from or (self.before and self.before[i]) or 1)) do
    if request.status ~= 401 then
      request.file = decode(request.target):match "^/api/v1/files(/.*)$"
      out[#out + 1] = request
    end
  end
  return out
end

-- Those that change something, as "PUT /usb/a.gcode"; requests for folders are of a kind of their own.
function Bed:changes(i, from)
  local out = {}
  for _, request in ipairs(self:asked(i, from)) do
    local folder = request.headers["Create-Folder"] ~= nil
    if request.method ~= "GET" and request.method ~= "HEAD" then
      out[#out + 1] = { what = folder and "FOLDER" or request.method, file = request.file, request = request,
        told = ("%s %s (%d)"):format(folder and "FOLDER" or request.method, request.file or request.target, request.status) }
    end
  end
  return out
end

function Bed:expect_untouched(i, what)
  for _, change in ipairs(self:changes(i)) do
    if change.what ~= "FOLDER" then
      self.t:fail("%s: nothing should be changed on %s, but %s\n%s", what, self.printers[i].name, change.told, self:told())
    end
  end
end

-- How often something of a kind was done.
function Bed:count(i, what)
  local count = 0
  for _, change in ipairs(self:changes(i)) do
    count = count + (change.what == what and 1 or 0)
  end
  return count
end

-- A run of which everything succeeds, and one behind it that moves nothing (I1, I2).
function Bed:bring_in_step(options)
  local run = self:run(options)
  self:expect_code(run, 0, "the first run")
  for i in ipairs(self.printers) do
    self:expect_in_step(i, options and options.below)
  end
  self:expect_second_empty(options)
end

function Bed:expect_second_empty(options)
  self:expect_code(self:run(options), 0, "the second run")
  for i in ipairs(self.printers) do
    self:expect_untouched(i, "the second run")
  end
end

-- ---- Single requests, to the printers themselves ----

-- The reply to one request with the right key; headers is text, each line with \r\n.
function Bed:ask(i, method, path, headers, body)
  local served = self.printers[i].served
  local wire = self.t:wire { host = served.host, port = served.port }
  wire:send(("%s %s HTTP/1.1\r\nHost: %s\r\nX-Api-Key: %s\r\n%s%s\r\n%s"):format(method, path, served.host, served.api_key,
    headers or "", body and ("Content-Length: %d\r\n"):format(#body) or "", body or ""))
  local reply, why = wire:reply("15s", method == "HEAD")
  wire:close()
  if not reply then
    self.t:fail("%s %s: %s", method, path, why)
  end
  return reply
end

function Bed:put(i, path, content, headers)
  return self:ask(i, "PUT", "/api/v1/files/usb/" .. path, headers, content or common.gcode(path))
end

common.password = PASSWORD
common.decode = decode
common.listed = listed
return common
