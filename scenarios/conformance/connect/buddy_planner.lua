-- connect-buddy.md 12.4: what comes when, and after what.

local buddy = include "buddy_common.lua"

check "BUD-PLN-07" {
  "values that change all the time never bring two telemetries closer than 750 ms, but for those behind an event",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    t:expect(t.connect:gcode(printer, "M104 S120")):answered("FINISHED"):within "20s"
    local since = t:now()
    t:wait "25s"
    t:expect(t.connect:gcode(printer, "M104 S0")):answered("FINISHED"):within "20s"
    local before
    local close = 0
    for _, post in ipairs(buddy.posts(t, printer, since)) do
      if post.path == "/p/telemetry" and before and before.path == "/p/telemetry" then
        t:expect(post.at - before.at, "seconds between telemetries"):at_least(0.749)
        close = close + (post.at - before.at < 2 and 1 or 0)
      end
      before = post
    end
    t:expect(close, "telemetries that a change has brought"):at_least(10)
  end,
}

check "BUD-PLN-10" {
  "what is due at one time comes in order: INFO, FILE_CHANGED, STATE_CHANGED, CANCELABLE_CHANGED, telemetry",
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    t:wait "5s"
    -- While the server takes its time, everything happens; its answer brings a change of the drive.
    t.connect:reply_next(printer, buddy.command(4710, "CREATE_FOLDER", { path = "/usb/made" }, { delay = "9s" }))
    t:wait "6s"
    local since = t:now()
    printer:load_filament "PETG"
    printer:start_print(buddy.file)
    t:expect_event(printer, { event = "CANCELABLE_CHANGED" }):within "20s"
    t:wait "2s"
    local seen = {}
    for _, post in ipairs(buddy.posts(t, printer, since)) do
      seen[#seen + 1] = post.json.event or "telemetry"
      if seen[#seen] == "telemetry" then
        break
      end
    end
    t:expect(seen, "posts"):equals { "INFO", "FILE_CHANGED", "STATE_CHANGED", "CANCELABLE_CHANGED", "telemetry" }
  end,
}

-- INFOs from an instant on.
local function info_posts(t, printer, since)
  return t.connect:requests(printer, { path = "/p/events", json = { event = "INFO" }, at = above(since - 0.0005) })
end

local function infos(t, printer, since)
  return #info_posts(t, printer, since)
end

-- Seconds from each end of an attempt to the next attempt.
local function waits(list)
  local out = {}
  for i = 2, #list do
    out[#out + 1] = list[i].at - (list[i - 1].replied_at or list[i - 1].at)
  end
  return out
end

check "BUD-PLN-11" {
  "INFO is tried again after 0.1, 0.2, 0.4 … 51.2, 60, 60 s without end; one success begins anew at 0.1 s",
  side = "printer",
  timeout = "10m",
  run = function(t)
    local printer = buddy.over_http(t)
    t:wait "2s" -- past its start
    local failing = t.connect:on("event", { printer = printer, event = "INFO" }, function()
      return { status = 503 }
    end)
    local since = t:now()
    t.connect:command(printer, "SEND_INFO")
    t:wait "240s"
    failing:off()
    local seen = info_posts(t, printer, since)
    local expected = 0.1
    for _, wait in ipairs(waits(seen)) do
      t:expect(wait, "seconds to the next attempt"):near(expected, 0.2)
      expected = math.min(expected * 2, 60)
    end
    t:expect(#seen, "attempts in 4 min"):at_least(12)
    t:expect_request(printer, { path = "/p/telemetry", status = 204 }):within "70s"
    t:wait "1s"
    since = t:now()
    t.connect:on("event", { printer = printer, event = "INFO", times = 1 }, function()
      return { status = 503 }
    end)
    t.connect:command(printer, "SEND_INFO")
    t:wait "10s"
    seen = info_posts(t, printer, since)
    t:expect(waits(seen)[1], "seconds to the attempt after a success"):near(0.1, 0.2)
  end,
}

local function refuse_next_info(t, printer)
  t.connect:on("event", { printer = printer, event = "INFO", times = 1 }, function()
    return { status = 401 }
  end)
end

check "BUD-PLN-13" {
  "an INFO that is answered 401 is not repeated until there is something new in it, or until it is asked for",
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    t:wait "5s"
    for _, way in ipairs { "new", "asked" } do
      t:wait "2s"
      local since = t:now()
      refuse_next_info(t, printer)
      printer:load_filament(way == "new" and "PETG" or "ASA")
      t:wait "25s"
      t:expect(infos(t, printer, since), "INFOs, the first answered 401"):equals(1)
      if way == "new" then
        printer:load_filament "PC"
        t:expect_event(printer, { event = "INFO", data = { tools = { ["1"] = { material = "PC" } } } }):within "5s"
      else
        t:expect(t.connect:command(printer, "SEND_INFO")):answered("INFO"):within "15s"
      end
    end
  end,
}

check "BUD-PLN-14" {
  "after failures of at least 10 s the next event is INFO, then comes telemetry",
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    t:wait "10s"
    local failing = t.connect:on("telemetry", { printer = printer }, function()
      return { status = 503 }
    end)
    local since = t:now()
    t:expect_event(printer, { event = "INFO" }):within "1m"
    failing:off()
    t:wait "20s"
    local posts = buddy.posts(t, printer, since)
    local at
    for i, post in ipairs(posts) do
      if post.json.event then
        at = i
        break
      end
    end
    t:expect(posts[at].json.event, "first event"):equals "INFO"
    t:expect(posts[at].json, "that INFO"):lacks "command_id"
    t:expect(posts[at].at - since, "seconds of failures before it"):at_least(6) -- the last success was up to 4 s earlier
    t:expect(posts[at + 1].path, "the post behind it"):equals "/p/telemetry"
    t:expect(infos(t, printer, since), "INFOs"):equals(1)
  end,
}

-- G-code that keeps it busy for half a minute, longer than its queue takes.
local function busy(t, printer)
  local command = t.connect:gcode(printer, ("G4 S3\n"):rep(18))
  t:expect(command):answered("ACCEPTED"):within "20s"
  t:wait "2s"
  return command
end

check "BUD-PLN-16" {
  "the id of the G-code that runs, sent again, is ACCEPTED again and not run twice; over a WebSocket it is REJECTED",
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    local command = busy(t, printer)
    t.connect:reply_next(printer, {
      status = 200, body = "G4 S3",
      headers = { ["Command-Id"] = tostring(command.id), ["Content-Type"] = "text/x.gcode" },
    })
    t:wait "3s"
    local accepted = t.connect:events(printer, { event = "ACCEPTED", command_id = command.id })
    t:expect(#accepted, "ACCEPTED"):equals(2)
    t:expect(command):answered("FINISHED"):within "90s"
    t:wait "15s"
    t:expect(#t.connect:events(printer, { event = "FINISHED", command_id = command.id }), "FINISHED"):equals(1)
    if t.outside.printer then
      return
    end
    local other = buddy.printer(t, { websocket = true })
    local running = busy(t, other)
    t.connect:frame(other, { text = ("G%08xG4 S3"):format(running.id) })
    local event = t:expect_event(other, { event = "REJECTED", command_id = running.id }):within "10s"
    t:expect(event, "REJECTED over a WebSocket"):lacks "reason"
  end,
}

check "BUD-PLN-17" {
  "another command while G-code runs is REJECTED without a reason",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    local command = busy(t, printer)
    t.connect:reply_next(printer, buddy.command(4711, "SEND_INFO"))
    local event = t:expect_event(printer, { command_id = 4711 }):within "10s"
    t:expect(event.event, "answer"):equals "REJECTED"
    t:expect(event, "REJECTED"):lacks "reason"
    t:expect(command):answered("FINISHED"):within "90s"
  end,
}

check "BUD-PLN-19" {
  'a command in the answer to FILE_INFO or FILE_CHANGED is REJECTED, "Processing other command"; behind others it is done',
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    local id = 4711
    local function ride(name, kwargs, event)
      id = id + 1
      t.connect:on("event", { printer = printer, event = event, times = 1 }, function()
        return buddy.command(id, "SEND_INFO")
      end)
      t.connect:command(printer, name, kwargs)
      return t:expect_event(printer, { command_id = id }):within "20s"
    end
    local answer = ride("SEND_FILE_INFO", { path = "/usb" }, "FILE_INFO")
    t:expect(answer.reason, "reason"):equals "Processing other command"
    if not t.outside.printer then
      answer = ride("CREATE_FOLDER", { path = "/usb/made" }, "FILE_CHANGED")
      t:expect(answer.reason, "reason"):equals "Processing other command"
    end
    t:expect(ride("SEND_STATE_INFO", nil, "STATE_CHANGED").event, "answer to a command behind another event"):equals "INFO"
  end,
}

check "BUD-PLN-21" {
  "without a server or a token nothing is sent",
  side = "printer",
  virtual_only = "in real time nobody can tell a silent printer from a slow one",
  run = function(t)
    local printer = buddy.printer(t, { registered = false })
    t:wait "30s"
    t:expect(#t.connect:requests(printer), "requests without a token"):equals(0)
    local known = buddy.printer(t)
    local url, token = known.server, known.token
    for _, way in ipairs { "server", "token" } do
      known:set_server(way == "token" and url or nil, way == "server" and token or nil)
      local since = t:now()
      t:wait "30s"
      t:expect(#t.connect:requests(known, { at = above(since) }), "requests without a " .. way):equals(0)
      known:set_server(url, token)
      local first = t:expect_request(known, { method = "POST" }):within "5s"
      t:expect(first.json.event, "the first message afterwards"):equals "INFO"
    end
  end,
}
