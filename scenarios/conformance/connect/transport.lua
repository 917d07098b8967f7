-- connect-sdk.md 13.1: transport.
local common = include "common.lua"

check "CON-TRP-01" {
  passive = true,
  run = function(t)
    local printer = t:printer "mk3s"
    t:expect_request(printer, { method = "POST", path = "/p/telemetry" }):within "5s"
    t:held("CON-TRP-01", { exercised = "fail" })
  end,
}

check "CON-TRP-02" {
  passive = true,
  run = function(t)
    local printer = t:printer "mk3s"
    t:wait "5s"
    for _, request in ipairs(t.connect:requests(printer, { headers = { fingerprint = any } })) do
      t:expect(request.headers.fingerprint, "Fingerprint"):equals(printer.fingerprint)
    end
    t:held("CON-TRP-02", { exercised = "fail" })
  end,
}

check "CON-TRP-03" {
  passive = true,
  run = function(t)
    t:printer "mk3s"
    t:wait "5s"
    t:held("CON-TRP-03", { exercised = "fail" })
  end,
}

check "CON-TRP-04" {
  view_differs = "what was to be told before there was a token is not told later (connect-sdk.md 1.9, 3.3)",
  run = function(t)
    t.connect.auto_add = false
    local printer = t:printer("mk3s", { registered = false })
    t:wait "20s"
    printer:register()
    t:expect_request(printer, { method = "GET", path = "/p/register", status = 202 }):within "30s"
    t:never_request(printer, { path = like "^/p/[te]" }):during "20s"
    t.connect:add(printer)
    t:expect_request(printer, { path = "/p/telemetry" }):within "10s"
    t:held("CON-TRP-04", { exercised = "fail" })
  end,
}

check "CON-TRP-05" {
  passive = true,
  run = function(t)
    t:printer "mk3s"
    t:wait "5s"
    t:held("CON-TRP-05", { exercised = "fail" })
  end,
}

check "CON-TRP-06" {
  passive = true,
  run = function(t)
    local printer = t:printer "mk3s"
    local request = t:expect_request(printer, { path = "/p/telemetry" }):within "5s"
    t:expect(request.headers["user-agent"], "User-Agent"):matches "^Prusa%-Connect%-SDK%-Printer/%d+%.%d+"
    t:expect(request.headers["user-agent-printer"], "User-Agent-Printer"):matches "^%d+%.%d+%.%d+$"
    t:expect(request.headers["user-agent-version"], "User-Agent-Version"):matches "%S"
  end,
}

check "CON-TRP-07" {
  run = function(t)
    local printer = t:printer "mk3s"
    t:wait "2.1s" -- between two telemetries
    local before = t:now()
    printer:clock_jump "30s"
    t:wait "5s"
    local marked = 0
    for _, request in ipairs(t.connect:requests(printer, { at = above(before) })) do
      if request.headers["clock-adjusted"] then
        t:expect(request.headers["clock-adjusted"], "Clock-Adjusted"):equals "1"
        marked = marked + 1
      end
    end
    t:expect(marked, "requests with Clock-Adjusted after one jump"):equals(1)
  end,
}

check "CON-TRP-08" {
  passive = true,
  run = function(t)
    t:printer "mk3s"
    t:wait "5s"
    t:held("CON-TRP-08", { exercised = "fail" })
  end,
}

check "CON-TRP-09" {
  run = function(t)
    local printer = t:printer "mk3s"
    t.connect:reply_next(printer, { status = 0, after = "stall" })
    local silent = t:expect_request(printer, { path = "/p/telemetry" }):within "10s"
    local following = t:expect_request(printer, { path = "/p/telemetry" }):within "12s"
    t:expect(following.at - silent.at, "seconds until the next request"):near(10, 0.5)
    t:expect(following.connection, "connection"):differs(silent.connection)
  end,
}

check "CON-TRP-10" {
  run = function(t)
    local printer = t:printer "mk3s"
    t:wait "1s"
    t.connect:reply_next(printer, { status = 0, after = "reset" })
    local lost = t:expect_request(printer, { path = "/p/telemetry" }):within "10s"
    t:wait "5s"
    local again = t.connect:requests(printer, { path = "/p/telemetry", headers = { timestamp = lost.headers.timestamp } })
    t:expect(#again, "requests with the Timestamp of the lost one"):equals(1)
  end,
}

check "CON-TRP-11" {
  run = function(t)
    local printer = t:printer "mk3s"
    t:wait "1s"
    t.connect:reply_next(printer, { status = 204, delay = "6s" })
    local held = t:expect_request(printer, { path = "/p/telemetry" }):within "10s"
    t:never_request(printer, { path = like "^/p/" }):during "5s"
    t:expect_request(printer, { path = "/p/telemetry", at = above(held.at + 5.9) }):within "5s"
    t:held("CON-TRP-11", { exercised = "fail" })
  end,
}

check "CON-TRP-12" {
  run = function(t)
    local printer = t:printer "mk3s"
    for _, status in ipairs { 400, 401, 403, 404, 409, 410, 429, 500, 502, 503 } do
      local refusing = common.always(t, "telemetry", printer, { status = status })
      t:expect_request(printer, { path = "/p/telemetry", status = status }):within "10s"
      refusing:off()
      local after = t:expect_request(printer, { path = "/p/telemetry", status = 204 }):within "6s"
      t:expect(after.headers.token, ("Token after a %d"):format(status)):equals(printer.token)
    end
    t:held("CON-TRP-12", { exercised = "fail" })
  end,
}

-- The server's side.

check "CON-TRP-13" {
  run = function(t)
    local printer = common.printer(t)
    common.converse(t, printer)
    t:wait "10s"
    t:held("CON-TRP-13", { exercised = "fail" })
  end,
}

check "CON-TRP-14" {
  run = function(t)
    local printer = common.printer(t)
    common.converse(t, printer)
    t:held("CON-TRP-14", { exercised = "fail" })
  end,
}

check "CON-TRP-15" {
  run = function(t)
    local printer = t:printer "mk3s"
    for _ = 1, 10 do -- whatever tenth it began with, some of these are no short decimals as floats
      printer:clock_jump "100ms"
      t:wait "1s"
    end
    t:held("CON-TRP-15", { exercised = "fail" })
  end,
}

check "CON-TRP-16" {
  run = function(t)
    t:printer "mk3s"
    t:wait "10s"
    t:held("CON-TRP-16", { exercised = "fail" })
  end,
}
