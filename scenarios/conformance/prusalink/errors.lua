-- prusalink.md 10, Errors, cameras, update.

local link = include "common.lua"

check "PL-ERR-01" {
  "an error with JSON accepted is JSON with title, and message or text",
  run = link.on("PB", function(t, server)
    for _, target in ipairs { "/api/not", "/api/v1/files" .. server.root .. "/hotbed-not-there.gcode", "/api/v1/job/999999" } do
      local method = target:find "job" and "DELETE" or "GET"
      local reply = server:ask(method, target, { headers = { Accept = "application/json" } })
      -- The Pi answers a job that never was on DELETE in its own words, and /api/not as GET.
      if reply.status >= 400 then
        t:expect(reply.headers["content-type"], server:say("type of the error of " .. target)):matches "^application/json"
        t:expect(reply.json, server:say("error of " .. target)):satisfies { title = type_of "string" }
        local text = reply.json.message or reply.json.text
        t:expect(text, server:say("message or text of the error of " .. target)):is_a "string"
      end
    end
  end),
}

check "PL-ERR-02" {
  "with an error id: url is Content-Location and names /error/; HTML where it is accepted; else text, the title first",
  kind = "fidelity",
  run = link.on("P", function(t, server)
    local path = "/api/v1/files/local/hotbed-not-there.gcode"
    local reply = server:must("GET", path, 404, { headers = { Accept = "application/json" } })
    t:expect(reply.json, server:say "error"):satisfies { url = like "/error/" }
    t:expect(reply.headers["content-location"], server:say "Content-Location"):equals(reply.json.url)
    local title = reply.json.title
    reply = server:must("GET", path, 404, { headers = { Accept = "text/html" } })
    t:expect(reply.headers["content-type"], server:say "type with HTML accepted"):matches "^text/html"
    reply = server:must("GET", path, 404, { headers = { Accept = "image/png" } })
    t:expect(reply.headers["content-type"], server:say "type with neither accepted"):matches "^text/plain"
    t:expect(reply.body:match "^[^\n]*", server:say "first line of the text"):equals(title)
  end),
}

check "PL-ERR-03" {
  "errors have code #10xxx, title, message and url",
  kind = "fidelity",
  run = link.on("S", function(t, server)
    local reply = server:exchange("GET", "/api/printer", { headers = { Accept = "application/json" } })
    t:expect(reply and reply.status, server:say "GET /api/printer without credentials"):equals(401)
    t:expect(reply.json, server:say "error"):satisfies {
      code = like "^#10%d%d%d$", title = type_of "string", message = type_of "string", url = like "^https?://",
    }
  end),
}

check "PL-CAM-01" {
  "the Pi: the list of cameras, unknown ones 404, a snapshot with its times and 304; Buddy: 404",
  kind = "fidelity",
  run = link.on("PB", function(t, server)
    if server.dialect == "B" then
      server:must("GET", "/api/v1/cameras", 404)
      server:must("GET", "/api/v1/cameras/snap", 404)
      return
    end
    local list = server:get("/api/v1/cameras").json.camera_list
    t:expect(list, server:say "camera_list"):is_a "table"
    local reply = server:must("GET", "/api/v1/cameras/hotbed-none", 404)
    t:expect(reply.json, server:say "answer to an unknown camera"):satisfies { message = type_of "string" }
    reply = server:ask("GET", "/api/v1/cameras/snap")
    if reply.status ~= 200 then
      server:status_of(reply, "a snapshot where there is no camera"):one_of { 204, 404 }
      return
    end
    local date = reply.headers["last-modified"]
    t:expect(date, server:say "Last-Modified of a snapshot"):is_a "string"
    t:expect(reply.headers, server:say "headers of a snapshot"):has "expires"
    t:expect(reply.headers["cache-control"], server:say "Cache-Control of a snapshot"):matches "^private, max%-age="
    -- It keeps the time with a fraction, so that its own date is before the picture (as PL-FILE-09).
    local later = "Thu, 31 Dec 2099 00:00:00 GMT"
    server:must("GET", "/api/v1/cameras/snap", 304, { headers = { ["If-Modified-Since"] = later } })
  end),
}

check "PL-UPD-01" {
  "GET /api/v1/update/prusalink: 200 or 204 with Update-Available, or 409; system 501; x 400",
  kind = "fidelity",
  run = link.on("P", function(t, server)
    local reply = server:ask("GET", "/api/v1/update/prusalink", { duration = "60s" })
    server:status_of(reply, "GET /api/v1/update/prusalink"):one_of { 200, 204, 409 }
    if reply.status ~= 409 then
      t:expect(reply.headers["update-available"], server:say "Update-Available"):equals(reply.status == 200 and "True" or "False")
    end
    server:must("GET", "/api/v1/update/system", 501)
    server:must("GET", "/api/v1/update/x", 400)
  end),
}
