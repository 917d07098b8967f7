-- prusalink.md 10, Clients.

local client = include "common.lua"

check "PL-CL-01" {
  "follows a challenge with qop and MD5-sess (the Pi) and one without qop (Buddy): gets 200 on both",
  run = client.on("PB", function(t, bed)
    local digests = client.find(bed.requests, client.is_digest)
    if #digests == 0 and #client.find(bed.requests, function(request) return request.headers["X-Api-Key"] ~= nil end) > 0 then
      client.nothing "the client uses X-Api-Key"
    end
    t:expect(#client.find(digests, client.good), bed.name .. ": requests with digest that were accepted"):at_least(1)
  end),
}

-- How often the same request was refused with credentials, one after the other.
local function refused_in_a_row(requests)
  local worst, counts = 0, {}
  for _, request in ipairs(requests) do
    local key = request.method .. " " .. request.target
    if request.status == 401 and client.is_digest(request) then
      counts[key] = (counts[key] or 0) + 1
      worst = math.max(worst, counts[key])
    elseif client.good(request) then
      counts[key] = 0
    end
  end
  return worst
end

-- A nonce is stale when it is old: one that was offered a moment ago is not, and the libraries that everybody uses
-- (python3-requests, httpx) give up when they are refused with it.
check "PL-CL-02" {
  "repeats a request with the new nonce after stale=true; stops after two refusals in a row",
  run = function(t)
    local wishes = {}
    for dialect in client.each(t, "PB") do
      wishes[#wishes + 1] = { dialect, { misbehave = { "expire:1" } } }
      wishes[#wishes + 1] = { dialect, { misbehave = { "stale" } } }
    end
    client.judge(t, client.beds(t, wishes), function(bed)
      bed:visit():ended_by_itself()
      local digests = client.find(bed.requests, client.is_digest)
      if #digests == 0 then
        client.nothing "the client uses no digest"
      elseif bed.options.misbehave[1] == "expire:1" then
        client.expect_repeated(bed)
      else
        t:expect(refused_in_a_row(bed.requests), bed.name .. ": refusals in a row of the same request"):at_most(2)
      end
    end)
  end,
}

check "PL-CL-03" {
  "sends no body with GET, HEAD and DELETE",
  run = client.on("PB", function(t, bed)
    for _, request in ipairs(bed.requests) do
      if request.method == "GET" or request.method == "HEAD" or request.method == "DELETE" then
        local length = tonumber(request.headers["Content-Length"] or "0")
        t:expect(length, client.told(bed, request) .. ": bytes of body"):equals(0)
        t:expect(request.headers["Transfer-Encoding"], client.told(bed, request) .. ": Transfer-Encoding"):is_nil()
      end
    end
  end),
}

check "PL-CL-04" {
  "treats 204 on /job and /transfer as none",
  run = client.on("PB", function(t, bed)
    local asked = client.find(bed.requests, function(request)
      local path = client.path(request)
      return (path == "/api/v1/job" or path == "/api/v1/transfer") and request.status == 204
    end)
    if #asked == 0 then
      client.nothing "the client asks neither for the job nor for the transfer"
    elseif not bed.code then
      client.nothing "by hand nobody tells whether the client was content"
    end
    t:expect(bed.code, bed.name .. ": exit code of the client, where there is no job"):equals(0)
  end),
}

check "PL-CL-05" {
  "survives arrays and objects, both spellings, texts and numbers, unknown keys, missing ones, an unknown state",
  run = function(t)
    local wishes, plain, busy = {}, {}, {}
    for dialect in client.each(t, "PB") do
      local odds = {
        {}, { "add-key" }, { "drop-key=time_remaining", "drop-key=free_space", "drop-key=m_timestamp" },
        { 'set-key=state:"DANCING"@/api/v1/status' }, { "retype-key=size" },
        { dialect == "P" and "rename-key=read_only:ro" or "rename-key=ro:read_only" },
      }
      for _, odd in ipairs(odds) do
        wishes[#wishes + 1] = { dialect, { misbehave = odd } }
      end
      table.insert(wishes, #wishes - #odds + 2, { dialect, { misbehave = {}, printing = true } })
    end
    client.judge(t, client.beds(t, wishes), function(bed)
      bed:visit():ended_by_itself()
      plain[bed.dialect] = plain[bed.dialect] or bed.code -- the first of each has nothing odd about it
      if bed.options.printing then
        busy[bed.dialect] = bed.code
      elseif bed.code then
        local odd = table.concat(bed.options.misbehave, ", ")
        local codes = { plain[bed.dialect] }
        if odd:find "^set%-key=state" then -- a state that it doesn't know may be one in which it does nothing
          codes[2] = busy[bed.dialect]
        end
        t:expect(bed.code, ("%s: exit code of the client with %s"):format(bed.name, odd)):one_of(codes)
      end
    end)
  end,
}

check "PL-CL-06" {
  "uploads with Content-Length, never in chunks; boolean headers as ?0 and ?1",
  run = client.on("PB", function(t, bed)
    for _, request in ipairs(bed:uploads()) do
      t:expect(request.headers["Transfer-Encoding"], client.told(bed, request) .. ": Transfer-Encoding"):is_nil()
      t:expect(request.headers["Content-Length"], client.told(bed, request) .. ": Content-Length"):is_a "string"
      for _, name in ipairs { "Overwrite", "Print-After-Upload", "Create-Folder", "Force" } do
        local value = request.headers[name]
        if value then
          t:expect(value, ("%s: %s"):format(client.told(bed, request), name)):one_of { "?0", "?1" }
        end
      end
    end
  end),
}

check "PL-CL-07" {
  "sends text/x.gcode towards the Pi",
  run = client.on("P", function(t, bed)
    for _, request in ipairs(bed:uploads()) do
      if request.method == "PUT" then
        t:expect(request.headers["Content-Type"], client.told(bed, request) .. ": Content-Type"):matches "^text/x%.gcode"
      end
    end
  end),
}

check "PL-CL-08" {
  "reads while it uploads, and stops at an early error",
  run = client.on("B", { misbehave = { "early=507@PUT" }, file_size = 16 * 1024 * 1024 }, function(t, bed)
    local uploads = client.find(bed:uploads(), function(request) return request.status == 507 end)
    if #uploads == 0 then
      client.nothing "no upload came as far as an early error"
    end
    for _, request in ipairs(uploads) do
      local what = client.told(bed, request) .. ": bytes sent though it was refused at once"
      t:expect(request.body_bytes, what):below(14 * 1024 * 1024)
    end
    t:expect(#uploads, bed.name .. ": uploads of the same file though there is no room"):at_most(3)
  end),
}

check "PL-CL-09" {
  "after 409 Can't print right now it knows that the file is there, and does not upload it again",
  run = client.on("B", { printing = true }, function(t, bed)
    local wanting = client.find(bed:uploads(), function(request)
      return request.headers["Print-After-Upload"] == "?1" and request.status == 409
    end)
    if #wanting == 0 then
      client.nothing "the client did not ask a busy printer to print what it uploads"
    end
    for _, request in ipairs(wanting) do
      local again = client.find(bed.requests, function(other)
        return other.method == "PUT" and other.target == request.target and other.number > request.number
      end)
      t:expect(#again, client.told(bed, request) .. ": uploads after the 409"):equals(0)
    end
  end),
}

check "PL-CL-10" {
  "has no total timeout for an upload below size / 20 KB/s",
  timeout = "3m",
  run = client.on("B", { upload_speed = 20000, file_size = 700000 }, function(t, bed)
    local uploads = client.find(bed:uploads(), function(request) return request.status ~= 401 end)
    for _, request in ipairs(uploads) do
      t:expect(request.status, client.told(bed, request) .. ": status of an upload of 35 s"):equals(201)
    end
    t:expect(#uploads, bed.name .. ": uploads"):at_least(1)
  end),
}

check "PL-CL-11" {
  "percent-encodes refs before it uses them; accepts 404 for a thumbnail",
  run = client.on("PB", function(t, bed)
    for _, request in ipairs(bed.requests) do
      t:expect(request.target, bed.name .. ": target"):matches "^[%w%-._~:/?#%[%]@!$&'()*+,;=%%]*$"
    end
    local pictures = client.find(bed.requests, function(request)
      return request.target:find "^/thumb/" or request.target:find "^/api/thumbnails/" or request.target:find "/raw$"
        or request.target:find "^/usb/"
    end)
    if #pictures == 0 then
      client.nothing "the client uses no ref"
    elseif #client.find(pictures, function(request) return request.status == 404 end) > 0 and bed.code then
      t:expect(bed.code, bed.name .. ": exit code of the client though a thumbnail is 404"):equals(0)
    end
  end),
}

-- The most connections with a request on its way at one time.
local function most_at_once(requests)
  local worst = 0
  for _, request in ipairs(requests) do
    local open = {}
    for _, other in ipairs(requests) do
      if other.at <= request.at and (not other.ended or other.ended > request.at) then
        open[other.connection] = true
      end
    end
    local count = 0
    for _ in pairs(open) do
      count = count + 1
    end
    worst = math.max(worst, count)
  end
  return worst
end

-- The most often that one document was asked for within a second.
local function most_in_a_second(requests)
  local worst, what = 0, nil
  for _, request in ipairs(requests) do
    if request.method == "GET" and client.good(request) then
      local same = client.find(requests, function(other)
        return other.method == "GET" and other.target == request.target and client.good(other)
          and other.at >= request.at and other.at < request.at + 0.95
      end)
      if #same > worst then
        worst, what = #same, request
      end
    end
  end
  return worst, what
end

check "PL-CL-12" {
  "keeps to one connection and one poll a second per printer",
  run = function(t)
    local wishes = {}
    for dialect in client.each(t, "B") do
      wishes = { { dialect, { misbehave = { "late=1" } } }, { dialect, {} } } -- to see what overlaps, and what follows
    end
    client.judge(t, client.beds(t, wishes), function(bed)
      bed:visit()
      if bed.options.misbehave then
        t:expect(most_at_once(bed.requests), bed.name .. ": connections with a request on its way"):at_most(1)
        return
      end
      local worst, request = most_in_a_second(bed.requests)
      if request then
        -- A look before and a look after what was done is no polling.
        t:expect(worst, client.told(bed, request) .. ": times within a second"):at_most(2)
      end
    end)
  end,
}

check "PL-CL-13" {
  "takes the job id from an answer for each command",
  run = client.on("PB", { printing = true }, function(t, bed)
    local readings = bed.printer:readings()
    local commands = client.find(bed.requests, function(request)
      return request.target:find "^/api/v1/job/" ~= nil and request.method ~= "GET"
    end)
    if #commands == 0 then
      client.nothing "the client commands no job"
    end
    for _, request in ipairs(commands) do
      local asked = client.find(bed.requests, function(other)
        return other.number < request.number and other.method == "GET" and other.status == 200
          and (client.path(other) == "/api/v1/job" or client.path(other) == "/api/v1/status")
      end)
      t:expect(#asked, client.told(bed, request) .. ": times it was told the id before"):at_least(1)
      if readings.job_id and readings.job_id > 0 then
        t:expect(request.target, bed.name .. ": target of a command"):matches("^/api/v1/job/" .. readings.job_id)
      end
    end
  end),
}

check "PL-CL-14" {
  "asks /api/version before it uploads, and uses POST multipart only where upload-by-put is missing or false",
  run = client.on("PB", function(t, bed)
    for _, request in ipairs(bed:uploads()) do
      local asked = client.find(bed.requests, function(other)
        return other.number < request.number and client.path(other) == "/api/version" and other.status == 200
      end)
      t:expect(#asked, client.told(bed, request) .. ": times /api/version was asked before"):at_least(1)
      t:expect(client.is_form(request), client.told(bed, request) .. ": whether it is multipart"):is_false()
    end
  end),
}
