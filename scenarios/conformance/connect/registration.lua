-- connect-sdk.md 13.2: identity and registration.

local function unregistered(t, options)
  options = options or {}
  options.registered = false
  if t.outside.connect then
    options.host = "sdk" -- a PrusaLink registers only where GET /info is answered, which is no rule of the SDK's
  end
  local printer = t:printer("mk3s", options)
  t:wait "12s" -- found and identified by its host
  return printer
end

local function polls(t, printer, filter)
  filter = filter or {}
  filter.method, filter.path = "GET", "/p/register"
  return t.connect:requests(printer, filter)
end

check "CON-REG-01" {
  run = function(t)
    local printer = unregistered(t)
    printer:register()
    local request = t:expect_request(printer, { method = "POST", path = "/p/register" }):within "20s"
    for _, key in ipairs { "sn", "fingerprint", "printer_type", "firmware" } do
      t:expect(request.json, "body"):has(key)
    end
    t:held("CON-REG-01", { exercised = "fail" })
  end,
}

check "CON-REG-02" {
  run = function(t)
    local printer = unregistered(t)
    printer:register()
    t:expect_request(printer, { method = "POST", path = "/p/register" }):within "20s"
    t:held("CON-REG-02", { exercised = "fail" })
  end,
}

check "CON-REG-03" {
  run = function(t)
    local printer = unregistered(t)
    printer:register()
    local request = t:expect_request(printer, { method = "POST", path = "/p/register" }):within "20s"
    local told = request.json.printer_type
    t:expect(told, "printer_type"):equals(printer.type or told)
    t:expect_request(printer, { path = "/p/telemetry" }):within "30s"
    t:expect(t.connect:command(printer, "SEND_INFO")):ended():within "10s"
    local info = t.connect:events(printer, { event = "INFO", data = { type = any } })
    local data = info[#info].data
    t:expect(("%s.%s.%s"):format(data.type, data.version, data.subversion), "type in INFO"):equals(told)
    t:held("CON-REG-03", { exercised = "fail" })
  end,
}

check "CON-REG-04" {
  run = function(t)
    local printer = unregistered(t)
    printer:register()
    local request = t:expect_request(printer, { method = "POST", path = "/p/register", status = 200 }):within "20s"
    local poll = t:wait_until(function()
      return polls(t, printer)[1] -- on sockets it may be here before we look
    end, "5s")
    t:expect(poll, "a poll"):is_a "table"
    t:expect(poll.headers.code, "Code"):equals(request.reply.headers.code)
    t:expect(poll.body, "body of the poll"):equals ""
    t:held("CON-REG-04", { exercised = "fail" })
  end,
}

check "CON-REG-05" {
  run = function(t)
    t.connect.auto_add = false
    local printer = unregistered(t)
    printer:register()
    t:wait "20s"
    local seen = polls(t, printer, { status = 202 })
    t:expect(#seen, "polls in 20 s"):at_least(5)
    for i = 2, #seen do
      t:expect(seen[i].at - seen[i - 1].replied_at, "seconds between a 202 and the next poll"):at_least(0.999)
    end
    t:held("CON-REG-05", { exercised = "fail" })
  end,
}

check "CON-REG-06" {
  run = function(t)
    local printer = unregistered(t)
    printer:register()
    local done = t:expect_request(printer, { method = "GET", path = "/p/register", status = 200 }):within "30s"
    local telemetry = t:expect_request(printer, { path = "/p/telemetry" }):within "10s"
    t:expect(telemetry.headers.token, "Token"):equals(done.reply.headers.token)
    t:never_request(printer, { method = "GET", path = "/p/register" }):during "10s"
    t:held("CON-REG-06", { exercised = "fail" })
  end,
}

check "CON-REG-07" {
  run = function(t)
    for _, answer in ipairs { { status = 404 }, { status = 500 }, { status = 204 }, { status = 401 } } do
      local printer = unregistered(t)
      local hook = t.connect:on("poll", { printer = printer }, function()
        return answer
      end)
      printer:register()
      t:expect_request(printer, { method = "GET", path = "/p/register", status = answer.status }):within "20s"
      hook:off()
      t:never_request(printer, { method = "GET", path = "/p/register" }):during "10s"
    end
    t:held("CON-REG-07", { exercised = "fail" })
  end,
}

check "CON-REG-08" {
  run = function(t)
    for _, status in ipairs { 400, 403, 409, 500, 503, 202 } do
      local printer = unregistered(t)
      local hook = t.connect:on("register", { printer = printer }, function()
        return { status = status }
      end)
      printer:register()
      t:expect_request(printer, { method = "POST", path = "/p/register", status = status }):within "20s"
      t:never_request(printer, { method = "GET", path = "/p/register" }):during "5s"
      hook:off()
    end
    t:held("CON-REG-08", { exercised = "fail" })
  end,
}

check "CON-REG-12" {
  "host, TLS and port come from the ini file; port 0 leaves the port out of the address",
  side = "printer",
  kind = "fidelity",
  virtual_only = "it needs hosts named in an ini file",
  run = function(t)
    local cases = {
      { host = "connect.example.net", tls = "True", port = "0", url = "https://connect.example.net" },
      { host = "connect.example.net", tls = "False", port = "0", url = "http://connect.example.net" },
      { host = "connect.example.net", tls = "True", port = "8443", url = "https://connect.example.net:8443" },
      { host = "connect.example.net", tls = "False", url = "http://connect.example.net" },
    }
    for _, case in ipairs(cases) do
      local lines = { "[printer]", "type = MK3S", "", "[service::connect]", "hostname = " .. case.host,
        "token = 9f1c2ab77e0d4c5e8a10" }
      if case.tls then lines[#lines + 1] = "tls = " .. case.tls end
      if case.port then lines[#lines + 1] = "port = " .. case.port end
      local printer = t:printer("mk3s", { ini = table.concat(lines, "\n") .. "\n", boot = false })
      t:expect(printer.server, "the server of the ini file"):equals(case.url)
    end
  end,
}

-- The server's side.

-- The answer to its registration. Whether that is right is CON-REG-09's to say; without a code there is nothing to poll.
local function coded(t, printer)
  printer:register()
  local request = t:expect_request(printer, { method = "POST", path = "/p/register", status = any }):within "30s"
  if t.outside.connect and (request.status ~= 200 or not request.reply.headers.code) then
    t:skip("the server gave no code to poll with: %d", request.status)
  end
end

check "CON-REG-09" {
  run = function(t)
    local printer = unregistered(t)
    printer:register()
    local request = t:expect_request(printer, { method = "POST", path = "/p/register", status = any }):within "30s"
    if t.outside.connect then -- nothing is wrong with this registration
      t:expect(request.status, "answer to POST /p/register"):equals(200)
    end
    t:held("CON-REG-09", { exercised = "fail" })
  end,
}

check "CON-REG-10" {
  run = function(t)
    local printer = unregistered(t)
    coded(t, printer)
    t:expect_request(printer, { method = "GET", path = "/p/register", status = any }):within "30s"
    t:wait "10s"
    t:held("CON-REG-10", { exercised = "fail" })
  end,
}

check "CON-REG-11" {
  run = function(t)
    local printer = unregistered(t)
    coded(t, printer)
    t:wait "20s"
    t:held("CON-REG-11", { exercised = "fail" })
  end,
}
