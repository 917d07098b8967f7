-- What the checks of PrusaLink clients share: a virtual printer in a chosen state, the client let loose on it (the
-- command that is judged, somebody by hand, or our own client), and what it asked meanwhile.

local client = {}

local MODELS = { P = "mk3s", B = "mk4", S = "sl1" }
local ROOTS = { P = "/PrusaLink gcodes", B = "/usb", S = "/local" }
local STORAGES = { P = "local", B = "usb", S = "local" }
local NAMES = { P = "hotbed cube (1).gcode", B = "hotbed cube (1).gcode", S = "hotbed cube (1).sl1" }

local Bed = {}
Bed.__index = Bed

function client.gcode(size)
  return ("; made by hotbed, moves nothing and heats nothing\n"):rep(size // 50) -- a line has 50 bytes
end

local function print_file(seconds)
  return ("G4 S5\n"):rep(seconds // 5)
end

-- Nothing was done that could be judged: of one dialect the others may tell, of all it is a skip with this reason.
function client.nothing(reason, ...)
  error({ nothing = reason:format(...) }, 0)
end

-- A printer of a dialect ("P", "B", "S") that boots. options: misbehave, upload_speed, printing, files, file_size (of what a
-- client that uploads is given)
local function begin(t, dialect, options)
  local root = ROOTS[dialect]
  local files = { [root .. "/cube.gcode"] = print_file(3600), [root .. "/other part.gcode"] = print_file(60) }
  if dialect == "S" then -- which lists projects only
    files = { [root .. "/other part.sl1"] = print_file(60) }
  end
  for name, content in pairs(options.files or {}) do
    files[root .. "/" .. name] = content
  end
  local model = t:wanted_model() or MODELS[dialect]
  return setmetatable({
    t = t, dialect = dialect, root = root, name = model, options = options, file_size = options.file_size or 20000,
    printer = t:printer(model, { connect = false, files = files, job_counter = 41 }),
  }, Bed)
end

local function serve(self)
  local t, options = self.t, self.options
  if not t:wait_until(function() return self.printer:state() ~= "BUSY" end, "60s") then
    t:fail("%s does not boot", self.printer)
  end
  if options.printing then
    self.printer:start_print(self.root .. "/cube.gcode")
    t:wait_until(function() return self.printer:state() == "PRINTING" end, "30s")
  end
  self.place = self.printer:serve_link {
    password = self.dialect == "P" and "Hotbed-word-12" or nil, api_key = self.dialect == "P" and "hotbed-key-1" or nil,
    misbehave = options.misbehave, upload_speed = options.upload_speed,
  }
end

-- Printers that boot side by side, for { dialect, options } each.
function client.beds(t, wishes)
  local beds = {}
  for i, wish in ipairs(wishes) do
    beds[i] = begin(t, wish[1], wish[2] or {})
  end
  for _, bed in ipairs(beds) do
    serve(bed)
  end
  return beds
end

-- ---- Our own client ----

-- What a careful program does: asks what there is, uploads, looks at the result.
local function our_visit(bed)
  local link = bed.t:link { url = bed.place.url, user = bed.place.user, password = bed.place.password }
  local good = true
  local function need(result)
    if result.outcome ~= "ok" then
      good = false
      bed.t:note("%s: our client: %s", bed.name, result.told)
    end
    return result
  end
  if need(link:version()).outcome == "unauthorized" then
    return 1 -- nothing else would be answered either
  end
  need(link:status())
  need(link:job())
  need(link:transfer())
  local storages = need(link:storages())
  local path = storages.json and storages.json.storage_list and storages.json.storage_list[1].path
    or "/" .. STORAGES[bed.dialect]
  local listing = need(link:list(path))
  for _, child in ipairs(listing.json and listing.json.children or {}) do
    local ref = child.refs and child.refs.thumbnail
    if type(ref) == "string" then
      link:download(ref) -- may be 404
    end
  end
  local upload = link:upload(path .. "/" .. NAMES[bed.dialect], client.gcode(bed.file_size), {
    overwrite = true, print = bed.options.printing,
  })
  if not upload.stored then
    need(upload)
  end
  local job = link:job()
  if type(job.json) == "table" and math.type(job.json.id) == "integer" then
    link:pause(job.json.id)
  end
  return good and 0 or 1
end

-- ---- The client let loose ----

local function run_command(bed)
  local t, place = bed.t, bed.place
  local folder = t:folder()
  folder:write(NAMES[bed.dialect], client.gcode(bed.file_size))
  local values = {
    host = place.host, port = place.port, url = place.url, user = place.user, password = place.password,
    ["api-key"] = place.api_key or place.password, file = folder.path .. "/" .. NAMES[bed.dialect],
    storage = STORAGES[bed.dialect],
  }
  local run = t:start(values, {
    folder = folder, optional = true,
    environment = { "HOTBED_PRUSALINK_USER=" .. place.user, "HOTBED_PRUSALINK_PASSWORD=" .. place.password },
  })
  if not run:wait(bed.patience or "60s") then
    run:signal "KILL"
    t:fail("%s: the client did not end within %s", bed.name, bed.patience or "60s")
  end
  return run.code, run.text
end

local function by_hand(bed, seconds)
  bed.t:tell(("%s is at %s, user %s, password %s, key %s: for %d s what comes there is judged"):format(bed.name,
    bed.place.url, bed.place.user, bed.place.password, bed.place.api_key or bed.place.password, seconds))
  bed.t:wait(seconds)
end

-- Let the client work on the printer. Afterwards bed.code is its exit code (nil: by hand) and bed.requests what it asked.
function Bed:visit()
  local t = self.t
  local hand = t:by_hand()
  if hand then
    by_hand(self, hand)
  elseif t:tool_words() then
    self.code, self.text = run_command(self)
  else
    self.code = our_visit(self)
  end
  self.requests = self.printer:requests_of_link(1)
  for i, request in ipairs(self.requests) do
    request.number = i
  end
  if #self.requests == 0 then
    client.nothing("the client asked %s nothing", self.name)
  end
  return self
end

-- The client was not ended by a signal, nor did the shell fail to find it.
function Bed:ended_by_itself()
  if self.code then
    self.t:expect(self.code, self.name .. ": exit code of the client"):below(126)
  end
  return self
end

-- ---- What it asked ----

function client.path(request)
  return request.target:match "^[^?]*"
end

function client.find(requests, test)
  local out = {}
  for _, request in ipairs(requests) do
    if test(request) then
      out[#out + 1] = request
    end
  end
  return out
end

function client.is_upload(request)
  return (request.method == "PUT" and request.target:find("^/api/v1/files/") ~= nil and not request.headers["Create-Folder"])
    or client.is_form(request)
end

function client.is_form(request)
  return request.method == "POST" and (request.headers["Content-Type"] or ""):lower():find("^multipart/") ~= nil
end

function client.is_digest(request)
  return (request.headers.Authorization or ""):find "^Digest " ~= nil
end

function client.good(request)
  return request.status >= 200 and request.status < 400
end

function client.told(bed, request)
  return ("%s: %s %s"):format(bed.name, request.method, request.target)
end

-- What was refused for its nonce was asked once more and let in.
function client.expect_repeated(bed)
  local refused = client.find(bed.requests, function(request) return client.is_digest(request) and request.status == 401 end)[1]
  if not refused then
    client.nothing "the client uses no nonce twice"
  end
  local later = client.find(bed.requests, function(request)
    return request.number > refused.number and request.method == refused.method and request.target == refused.target
      and client.good(request)
  end)
  bed.t:expect(#later, client.told(bed, refused) .. ": times it was let in after its nonce had expired"):at_least(1)
end

-- The uploads of the client; skips where there are none.
function Bed:uploads()
  local uploads = client.find(self.requests, client.is_upload)
  if #uploads == 0 then
    client.nothing "the client uploads nothing"
  end
  return uploads
end

-- The run function of a check: on a printer of each of these dialects, prepared as the options say.
function client.on(dialects, options, judge)
  if type(options) == "function" then
    options, judge = {}, options
  end
  return function(t)
    local wishes = {}
    for dialect in client.each(t, dialects) do
      wishes[#wishes + 1] = { dialect, options }
    end
    client.judge(t, client.beds(t, wishes), function(bed)
      judge(t, bed:visit())
    end)
  end
end

-- Judge each bed; skip if there was nothing to judge on any.
function client.judge(t, beds, judge)
  local judged, reason
  for _, bed in ipairs(beds) do
    local good, problem = pcall(judge, bed)
    if good then
      judged = true
    elseif type(problem) == "table" and problem.nothing then
      reason = problem.nothing
    else
      error(problem, 0)
    end
  end
  if not judged then
    t:skip("%s", reason)
  end
end

local LETTERS = { pi = "P", buddy = "B", sl1 = "S" }

-- Those of the dialects that the run's model speaks, if it has one.
function client.each(t, dialects)
  local wanted = t:wanted_model()
  if wanted then
    local only = LETTERS[t:link_dialect(wanted) or ""] or "?"
    if not dialects:find(only, 1, true) then
      t:skip("%s is none of those that this is about", wanted)
    end
    dialects = only
  end
  return dialects:gmatch "."
end

return client
