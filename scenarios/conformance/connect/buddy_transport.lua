-- connect-buddy.md 12.1: requests, and what the answers to them lead to.

local buddy = include "buddy_common.lua"

check "BUD-HTTP-01" {
  "telemetry goes to POST /p/telemetry, events to POST /p/events",
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    buddy.ask(t, printer)
    t:wait "15s"
    for _, post in ipairs(buddy.posts(t, printer)) do
      local place = post.json.event and "/p/events" or "/p/telemetry"
      t:expect(post.head:match "^[^\r\n]*", "request"):equals(("POST %s HTTP/1.1"):format(place))
    end
  end,
}

local HEADERS = {
  "Host", "Connection", "Transfer-Encoding", "Content-Type", "Fingerprint", "Token", "User-Agent-Printer",
  "User-Agent-Version",
}

check "BUD-HTTP-02" {
  "telemetry and events have these eight headers in this order, and no other",
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    t:wait "10s"
    for _, post in ipairs(buddy.posts(t, printer)) do
      local names = {}
      for name in post.head:gmatch "\n([%w-]+):" do
        names[#names + 1] = name
      end
      t:expect(names, "headers"):equals(HEADERS)
    end
  end,
}

check "BUD-HTTP-03" {
  "Host never has a port",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    t:wait "10s"
    for _, post in ipairs(buddy.posts(t, printer)) do
      t:expect(post.headers.host, "Host"):matches "^[^:]+$"
    end
  end,
}

check "BUD-HTTP-04" {
  "the header Fingerprint is the first 16 characters of the fingerprint in INFO",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    local command = t.connect:command(printer, "SEND_INFO")
    local info = t:expect(command):answered("INFO"):within "15s"
    t:wait "10s"
    for _, post in ipairs(buddy.posts(t, printer)) do
      t:expect(post.headers.fingerprint, "Fingerprint"):equals(info.data.fingerprint:sub(1, 16))
    end
  end,
}

check "BUD-HTTP-05" {
  "bodies come in chunks of at most 248 bytes, their sizes in four capital hex digits, the last one 0000",
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    t:expect(t.connect:command(printer, "SEND_INFO")):ended():within "15s"
    t:wait "10s"
    for _, post in ipairs(buddy.posts(t, printer)) do
      t:expect(post.headers["transfer-encoding"], "Transfer-Encoding"):equals "chunked"
    end
    t:held("BUD-HTTP-05", { exercised = "skip" }) -- a server that does not show how a body was cut can't tell
  end,
}

-- BUD-HTTP-14 is no check: below TLS a server of ours sees no ClientHello, and in virtual time there is no TLS. What our
-- printers say in theirs is tested on the bytes (tests/harness/test_net_tls_buddy.c).

-- The posts from the STATE_CHANGED on that is answered with this status, once.
local function answered(t, printer, status, duration)
  local since = t:now()
  local hook = t.connect:on("event", { printer = printer, event = "STATE_CHANGED", times = 1 }, function()
    return { status = status }
  end)
  buddy.ask(t, printer)
  t:expect_request(printer, { path = "/p/events", status = status }):within "15s"
  t:wait(duration)
  hook:off()
  local posts = buddy.posts(t, printer, since)
  while posts[1] and posts[1].json.event ~= "STATE_CHANGED" do
    table.remove(posts, 1)
  end
  return posts
end

check "BUD-HTTP-06" {
  "connections are kept after 204, and not after Connection: close",
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    local since = t:now()
    t:wait "15s"
    local kept = buddy.posts(t, printer, since)
    for i = 2, #kept do
      t:expect(kept[i].connection, "connection after a 204"):equals(kept[1].connection)
    end
    t.connect:reply_next(printer, { status = 204, headers = { Connection = "close" } })
    t:expect_request(printer, { path = "/p/telemetry" }):within "10s"
    t:expect_request(printer, { path = "/p/telemetry", connection = different(kept[1].connection) }):within "10s"
  end,
}

check "BUD-HTTP-07" {
  "an event that is answered 408, 429, 503 or 504 is posted again, at least 100 ms later on another connection",
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    for _, status in ipairs { 408, 429, 503, 504 } do
      local posts = answered(t, printer, status, "3s")
      t:expect(#posts, "posts from the event on"):at_least(2)
      t:expect(posts[2].body, ("body of the post after %d"):format(status)):equals(posts[1].body)
      t:expect(posts[2].at - posts[1].replied_at, "seconds to the next post"):at_least(0.0999)
      t:expect(posts[2].connection, "connection of the next post"):differs(posts[1].connection)
    end
  end,
}

check "BUD-HTTP-08" {
  "an event that is answered 500 or 502 is never posted again; the next post comes at least 100 ms later",
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    for _, status in ipairs { 500, 502 } do
      local posts = answered(t, printer, status, "20s")
      t:expect(#posts, "posts from the event on"):at_least(2)
      t:expect(posts[2].at - posts[1].replied_at, "seconds to the next post"):at_least(0.0999)
      for i = 2, #posts do
        t:expect(posts[i].body, ("body of a post after %d"):format(status)):differs(posts[1].body)
      end
    end
  end,
}

check "BUD-HTTP-09" {
  "an event that is answered 400 is dropped; the next post follows at once on another connection",
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    local posts = answered(t, printer, 400, "5s")
    t:expect(#posts, "posts from the event on"):at_least(2)
    t:expect(posts[2].body, "body of the next post"):differs(posts[1].body)
    t:expect(posts[2].at - posts[1].replied_at, "seconds to the next post"):below(0.1)
    t:expect(posts[2].connection, "connection of the next post"):differs(posts[1].connection)
  end,
}

check "BUD-HTTP-10" {
  "a 200 without Command-Id ends the connection, and no REJECTED is sent",
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    t:wait "2s"
    local since = t:now()
    t.connect:reply_next(printer, { status = 200, headers = { ["Command-Id"] = false }, json = { command = "SEND_INFO" } })
    local refused = t:expect_request(printer, { path = "/p/telemetry", status = 200 }):within "10s"
    t:expect(buddy.ask(t, printer)):ended():within "15s"
    for _, event in ipairs(t:events_since(printer, since)) do
      t:expect(event.event, "event"):equals "STATE_CHANGED"
    end
    for _, post in ipairs(buddy.posts(t, printer, refused.replied_at + 0.001)) do
      t:expect(post.connection, "connection of a later post"):differs(refused.connection)
    end
  end,
}

-- A command that does nothing but be answered, filled up with blanks.
local function padded(size)
  local text = '{"command":"SEND_STATE_INFO"}'
  return text .. (" "):rep(size - #text)
end

check "BUD-HTTP-11" {
  "a command of 513 bytes is REJECTED, \"Response too long\"; one of 512 is done",
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    local command = t.connect:raw(printer, { name = "SEND_STATE_INFO", body = padded(512) })
    t:expect(command):answered("STATE_CHANGED"):within "15s"
    command = t.connect:raw(printer, { name = "SEND_STATE_INFO", body = padded(513) })
    t:expect(command):rejected("Response too long"):within "15s"
  end,
}

check "BUD-HTTP-12" {
  "a command in chunks, without Content-Length, is REJECTED, \"Error parsing JSON\"",
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    t.connect:reply_next(printer, {
      raw = "HTTP/1.1 200 OK\r\nCommand-Id: 77\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        .. "1d\r\n" .. padded(29) .. "\r\n0\r\n\r\n",
    })
    t:expect_event(printer, { event = "REJECTED", command_id = 77, reason = "Error parsing JSON" }):within "10s"
  end,
}

check "BUD-HTTP-13" {
  "a command of type text/plain is REJECTED, \"Unknown command\"; text/x.gcode and text/x-gcode are G-code",
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    local command = t.connect:raw(printer, { content_type = "text/plain", body = "M115" })
    t:expect(command):rejected("Unknown command"):within "15s"
    for _, content_type in ipairs { "text/x.gcode", "text/x-gcode" } do
      command = t.connect:raw(printer, { content_type = content_type, body = "M115" })
      t:expect(command):answered("FINISHED"):within "20s"
      t:expect(command:answer "ACCEPTED", "ACCEPTED"):is_a "table"
    end
  end,
}
