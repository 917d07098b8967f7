-- prusalink.md 10, Legacy.

local link = include "common.lua"

local WRITE = { write = true }
local PRINT = { write = true, print = true }

local function post_json(server, target, status, text)
  return server:must("POST", target, status, { headers = { ["Content-Type"] = "application/json" }, body = text })
end

check "PL-LEG-01" {
  "GET /api/printer: state.text, the flags, and the temperatures of tool0 and bed",
  run = link.on("PBS", function(t, server)
    local printer = server:get("/api/printer").json
    t:expect(printer.state, server:say "state"):satisfies { text = type_of "string", flags = type_of "table" }
    for _, flag in ipairs { "operational", "paused", "printing", "error", "ready" } do
      t:expect(printer.state.flags[flag], server:say("flag " .. flag)):is_a "boolean"
    end
    t:expect(printer.temperature, server:say "temperature"):satisfies {
      tool0 = { actual = type_of "number" }, bed = { actual = type_of "number" },
    }
  end),
}

check "PL-LEG-02" {
  "Buddy: no link_state in IDLE, closedOnError; the Pi: link_state is the v1 state, and text by state",
  kind = "fidelity",
  run = link.on("PB", function(t, server)
    local state = server:get("/api/printer").json.state
    local v1 = server:state()
    if server.dialect == "B" then
      if v1 == "IDLE" then
        t:expect(state.flags, server:say "flags in IDLE"):lacks "link_state"
      end
      t:expect(state.flags, server:say "flags"):has "closedOnError"
      return
    end
    local texts = {
      IDLE = "Operational", READY = "Operational", FINISHED = "Operational", STOPPED = "Cancelling", BUSY = "Busy",
      PRINTING = "Printing", PAUSED = "Paused", ERROR = "Error", ATTENTION = "Error",
    }
    t:expect(state.flags.link_state, server:say "link_state"):equals(v1)
    t:expect(state.text, server:say("text in " .. v1)):equals(texts[v1])
  end),
}

check "PL-LEG-03" {
  'GET /api/job in IDLE: {"state":"Operational","job": null,"progress": null}',
  kind = "fidelity",
  run = link.on("B", function(t, server)
    if server:state() ~= "IDLE" then
      t:skip "the printer is not IDLE"
    end
    t:expect(server:get("/api/job").body, server:say "the job"):equals '{"state":"Operational","job": null,"progress": null}'
  end),
}

check "PL-LEG-04" {
  "progress.completion, when a number, is within 0 and 1",
  run = link.on("PBS", function(t, server)
    local function look()
      local progress = server:get("/api/job").json.progress
      local completion = type(progress) == "table" and progress.completion
      if type(completion) == "number" then
        t:expect(completion, server:say "progress.completion"):satisfies(between(0, 1))
        return true
      end
    end
    look()
    if server.dialect ~= "S" and (not server.outside or server.may.print) then
      local id = server:print(60)
      t:wait "30s"
      t:expect(look(), server:say "a number in progress.completion of a print"):is_true()
      server:stop(id)
    end
  end),
}

check "PL-LEG-05" {
  "POST /api/job: pause, resume, toggle and cancel 204 or 409; 101 bytes 413; no JSON 400; no length 411",
  kind = "fidelity",
  run = link.on("B", PRINT, function(t, server)
    local function command(text, status)
      post_json(server, "/api/job", status, text)
    end
    local pause, resume = '{"command":"pause","action":"pause"}', '{"command":"pause","action":"resume"}'
    server:rest()
    command(pause, 409)
    command('{"command":"cancel"}', 409)
    server:print()
    t:wait "10s"
    command(resume, 409)
    command(pause, 204)
    server:wait_state({ "PAUSED" }, "60s", "state after pause")
    t:wait "15s"
    command(resume, 204)
    server:wait_state({ "PRINTING" }, "60s", "state after resume")
    t:wait "15s"
    command('{"command":"pause","action":"toggle"}', 204)
    server:wait_state({ "PAUSED" }, "60s", "state after toggle")
    t:wait "15s"
    command('{"command":"cancel"}', 204)
    server:wait_state({ "STOPPED", "IDLE" }, "60s", "state after cancel")
    command('{"command":"pause"' .. (" "):rep(101 - 19) .. "}", 413)
    command("pause", 400)
    server:must("POST", "/api/job", 411)
  end),
}

check "PL-LEG-06" {
  "an unknown job command: Buddy 400 with JSON whatever is accepted, the Pi 204; toggle on the Pi: 204 without effect",
  kind = "quirk",
  run = link.on("PB", PRINT, function(t, server)
    local function command(text, status)
      return server:must("POST", "/api/job", status, {
        headers = { ["Content-Type"] = "application/json", Accept = "text/plain" }, body = text,
      })
    end
    if server.dialect == "B" then
      t:expect(command('{"command":"dance"}', 400).json, server:say "body of the 400"):is_a "table"
      return
    end
    local id = server:print()
    t:wait "5s"
    command('{"command":"dance"}', 204)
    command('{"command":"pause","action":"toggle"}', 204)
    t:wait "15s"
    t:expect(server:state(), server:say "state after toggle"):equals "PRINTING"
    server:stop(id)
  end),
}

-- A multipart body of { name, value [, file name] }.
local function form(parts)
  local boundary, out = "hotbed-boundary-7MA4", {}
  for _, part in ipairs(parts) do
    local file = part[3] and ('; filename="%s"'):format(part[3]) or ""
    local kind = part[3] and "Content-Type: application/octet-stream\r\n" or ""
    local part_form = '--%s\r\nContent-Disposition: form-data; name="%s"%s\r\n%s\r\n%s\r\n'
    out[#out + 1] = part_form:format(boundary, part[1], file, kind, part[2])
  end
  out[#out + 1] = ("--%s--\r\n"):format(boundary)
  return table.concat(out), "multipart/form-data; boundary=" .. boundary
end

local function post_form(server, parts, headers)
  local body, kind = form(parts)
  local all = { { "Content-Type", kind } }
  for name, value in pairs(headers or {}) do
    all[#all + 1] = { name, value }
  end
  return server:ask("POST", "/api/files/local", { headers = all, body = body, duration = "30s" })
end

check "PL-LEG-07" {
  "multipart POST to /api/files/local: 410",
  kind = "fidelity",
  run = link.on("B", function(t, server)
    server:status_of(post_form(server, { { "file", "G28\n", "hotbed.gcode" } }), "multipart POST"):equals(410)
    t:expect(server.dialect, "dialect"):equals "B"
  end),
}

local function folder_name(server)
  return "/" .. server.folder_name
end

check "PL-LEG-08" {
  "multipart POST with file, path and print=false: 201, and it is listed",
  kind = "fidelity",
  run = link.on("PS", WRITE, function(t, server)
    local suffix = server.dialect == "S" and ".sl1" or ".gcode"
    if server.dialect == "S" then
      t:skip "SL1 takes whole resin projects only, and none is at hand"
    end
    server:folder()
    local name = "hotbed-form" .. suffix
    local reply = post_form(server, { { "path", folder_name(server) }, { "print", "false" }, { "file", link.gcode(3000), name } })
    server:status_of(reply, "multipart POST"):equals(201)
    t:expect(server:visible(server:folder() .. "/" .. name), server:say "the file"):is_a "table"
    t:expect(server:get(server:folder() .. "/" .. name).json.size, server:say "size"):equals(3000)
  end),
}

check "PL-LEG-09" {
  "multipart POST without file 400; x.txt 415; over the free space 413; the same name is replaced",
  kind = "fidelity",
  run = link.on("P", WRITE, function(t, server)
    server:folder()
    local path = { "path", folder_name(server) }
    server:status_of(post_form(server, { path }), "without file"):equals(400)
    server:status_of(post_form(server, { path, { "file", "text", "x.txt" } }), "x.txt"):equals(415)
    for _, size in ipairs { 500, 800 } do
      server:status_of(post_form(server, { path, { "file", link.gcode(size), "hotbed-twice.gcode" } }),
        ("%d bytes"):format(size)):equals(201)
      t:wait(link.LAG)
    end
    t:expect(server:get(server:folder() .. "/hotbed-twice.gcode").json.size, server:say "size after the second"):equals(800)
    local wire = server:connect()
    local body, kind = form { path, { "file", "x", "hotbed-huge.gcode" } }
    wire:push(server:request("POST", "/api/files/local", {
      authorization = server.password and server:authorization("POST", "/api/files/local", server:fetch_challenge()),
      headers = { { "Content-Type", kind }, { "Content-Length", "9000000000000000" } },
    }))
    wire:push(body)
    wire:finish() -- the Pi answers when the body has ended (captures/prusalink-server 53)
    local reply, why = wire:reply "30s"
    wire:close()
    t:expect(reply and reply.status or why, server:say "over the free space"):equals(413)
  end),
}

check "PL-LEG-10" {
  "GET /api/files: Buddy one element USB, the same for /api/files/local; the Pi the tree with free and total, 304 with its ETag",
  kind = "fidelity",
  run = link.on("PB", function(t, server)
    local reply = server:get "/api/files"
    t:expect(reply.json.files, server:say "files"):is_a "table"
    if server.dialect == "B" then
      t:expect(#reply.json.files, server:say "number of elements"):equals(1)
      local usb = { name = "USB", path = "/usb", children = type_of "table" }
      t:expect(reply.json.files[1], server:say "the element"):satisfies(usb)
      t:expect(server:get("/api/files/local").body, server:say "/api/files/local"):equals(reply.body)
      return
    end
    t:expect(reply.json, server:say "the tree"):satisfies { free = type_of "string", total = type_of "string" }
    server:must("GET", "/api/files", 304, { headers = { ["If-None-Match"] = reply.headers.etag } })
  end),
}

check "PL-LEG-11" {
  'POST /api/files/usb/X with {"command":"start"}: 204, 404 or 409; a body of 26 bytes: 413',
  kind = "fidelity",
  run = link.on("B", PRINT, function(t, server)
    server:rest()
    local path = server:file("hotbed-begin.gcode", link.print(300)):gsub("^/api/v1/files", "/api/files")
    post_json(server, path, 413, '{"command":"start"       }')
    post_json(server, "/api/files/usb/hotbed-not-there.gcode", 404, '{"command":"start"}')
    post_json(server, path, 204, '{"command":"start"}')
    server:wait_state({ "PRINTING", "ATTENTION" }, "60s", "state after start")
    post_json(server, path, 409, '{"command":"start"}')
    server:rest()
    t:expect(server:state(), server:say "state"):differs "PRINTING"
  end),
}

check "PL-LEG-12" {
  'GET /api/settings: Buddy {"printer": {}}, the Pi with username and printer.name',
  kind = "fidelity",
  run = link.on("PB", function(t, server)
    local reply = server:get "/api/settings"
    if server.dialect == "B" then
      t:expect(reply.body, server:say "settings"):equals '{"printer": {}}'
    else
      t:expect(reply.json, server:say "settings"):satisfies { username = type_of "string", printer = { name = any } }
    end
  end),
}

check "PL-LEG-13" {
  "POST /api/login: 200, session null, name _api; POST /api/settings with a right key and no digest: 401",
  kind = "fidelity",
  run = link.on("P", function(t, server)
    local login = server:must("POST", "/api/login", 200, { body = "" }).json
    t:expect(login, server:say "login"):satisfies { session = null, name = "_api" }
    if server.api_key then
      local reply = server:ask("POST", "/api/settings", {
        auth = "key", headers = { ["Content-Type"] = "application/json" }, body = "{}",
      })
      server:status_of(reply, "POST /api/settings with the key"):equals(401)
    end
  end),
}

check "PL-LEG-14" {
  "a new API key of 6 characters: 400; of 7: 200, and in force at once",
  kind = "fidelity",
  run = link.on("P", { hands = "its key is changed" }, function(t, server)
    post_json(server, "/api/settings/apikey", 400, '{"api-key": "sixsix"}')
    post_json(server, "/api/settings/apikey", 200, '{"api-key": "seven77"}')
    local reply = server:exchange("GET", "/api/v1/status", { headers = { ["X-Api-Key"] = "seven77" } })
    t:expect(reply and reply.status, server:say "status with the new key"):equals(200)
  end),
}

check "PL-LEG-15" {
  "a nozzle target of 306: 400 Temperature too high; homing while PRINTING: 400",
  kind = "fidelity",
  run = link.on("P", PRINT, function(t, server)
    local reply = post_json(server, "/api/printer/tool", 400, '{"command": "target", "targets": {"tool0": 306}}')
    t:expect(reply.body, server:say "body of the 400"):contains "Temperature too high"
    local id = server:print()
    post_json(server, "/api/printer/printhead", 400, '{"command": "home", "axes": ["x"]}')
    server:stop(id)
  end),
}

check "PL-LEG-16" {
  "set ready in IDLE: 200, state READY; while PRINTING and FINISHED: 409; cancel in READY: 500, still READY",
  kind = "fidelity",
  run = link.on("P", PRINT, function(t, server)
    server:print(20)
    server:must("POST", "/api/printer/ready", 409, { body = "" })
    server:wait_state({ "FINISHED" }, "120s", "state at the end of a print")
    server:must("POST", "/api/printer/ready", 409, { body = "" })
    server:rest()
    server:must("POST", "/api/printer/ready", 200, { body = "" })
    server:wait_state({ "READY" }, "5s", "state after it was set ready")
    if server:shows_quirks() then
      server:must("DELETE", "/api/printer/ready", 500)
      t:wait "2s"
      t:expect(server:state(), server:say "state after cancel ready"):equals "READY"
    end
  end),
}

check "PL-LEG-17" {
  "GET /api/connection: the Pi tells connect.registration; Buddy 404",
  kind = "fidelity",
  run = link.on("PB", function(t, server)
    if server.dialect == "B" then
      server:must("GET", "/api/connection", 404)
    else
      t:expect(server:get("/api/connection").json.connect, server:say "connect"):satisfies {
        registration = one_of { "NO_REGISTRATION", "IN_PROGRESS", "FINISHED" },
      }
    end
  end),
}

check "PL-LEG-18" {
  "GET /api/printerprofiles has projectExtensions; api of GET /api/version is 0.1",
  kind = "fidelity",
  run = link.on("S", function(t, server)
    local profiles = server:get("/api/printerprofiles").json.profiles
    t:expect(profiles[1], server:say "the profile"):satisfies { projectExtensions = type_of "table" }
    t:expect(server:get("/api/version").json.api, server:say "api"):equals "0.1"
  end),
}
