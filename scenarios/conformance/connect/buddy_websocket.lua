-- connect-buddy.md 12.3: the WebSocket of firmware that is built for it. What is said in it is told as the requests of
-- the other build, so that the checks of messages, commands and transfers run over both:
-- hotbed check connect-printer --websocket.

local buddy = include "buddy_common.lua"

local function printer_of(t)
  if t.outside.printer then
    t:skip "whether a device's firmware has a WebSocket can't be chosen"
  end
  return buddy.printer(t, { websocket = true })
end

local function rest(t)
  local printer = printer_of(t)
  t:wait "20s" -- what it says at its start is over
  return printer, t:now()
end

-- Its requests for a WebSocket since an instant.
local function upgrades(t, printer, since)
  local list = {}
  for _, request in ipairs(t.connect:requests(printer, { method = "GET", path = "/p/ws" })) do
    if request.at >= (since or 0) then
      list[#list + 1] = request
    end
  end
  return list
end

local function first_after_upgrade(t, printer, since)
  local upgrade = upgrades(t, printer, since)
  t:expect(#upgrade, "requests for a WebSocket"):at_least(1)
  local posts = buddy.posts(t, printer, upgrade[#upgrade].at)
  for _, post in ipairs(posts) do
    if post.connection == upgrade[#upgrade].connection then
      return post, upgrade
    end
  end
  t:expect(nil, "a message in the new WebSocket"):is_a "table"
end

local function between(t, value, least, most, what)
  t:expect(value, what):at_least(least)
  t:expect(value, what):at_most(most)
end

-- It is asked something in bytes of the check's own; what it says to that in the next seconds.
local function say(t, printer, text, frames)
  local since = t:now()
  if frames then
    for i, piece in ipairs(frames) do
      t.connect:frame(printer, { opcode = i == 1 and "text" or "continuation", text = piece, fin = i == #frames })
    end
  else
    t.connect:frame(printer, { text = text })
  end
  t:wait "2s"
  local events = {}
  for _, post in ipairs(buddy.posts(t, printer, since)) do
    if post.json.event then
      events[#events + 1] = post.json
    end
  end
  return events
end

local ASK = '{"command":"SEND_STATE_INFO","kwargs":{}}'

local function answered(t, events, id, what)
  t:expect(#events, what .. ": events"):equals(1)
  t:expect(events[1].event, what):equals "STATE_CHANGED"
  t:expect(events[1].command_id, what .. ": command_id"):equals(id)
end

local function rejected(t, events, id, reason)
  t:expect(#events, reason .. ": events"):equals(1)
  t:expect(events[1].event, reason):equals "REJECTED"
  t:expect(events[1].command_id, reason .. ": command_id"):equals(id)
  t:expect(events[1].reason, "reason"):equals(reason)
end

check "BUD-WS-01" {
  "the WebSocket is asked for with GET /p/ws, ten headers in their order and a key of 16 bytes",
  side = "printer",
  run = function(t)
    local printer = rest(t)
    local upgrade = upgrades(t, printer)[1]
    t:expect(upgrade.head:match "^[^\r\n]*", "request"):equals "GET /p/ws HTTP/1.1"
    local names = {}
    for name in upgrade.head:gmatch "\n([%w-]+):" do
      names[#names + 1] = name
    end
    t:expect(names, "headers"):equals {
      "Host", "Connection", "Fingerprint", "Token", "User-Agent-Printer", "User-Agent-Version", "Upgrade",
      "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol",
    }
    t:expect(upgrade.headers.connection, "Connection"):equals "upgrade"
    t:expect(upgrade.headers["sec-websocket-protocol"], "subprotocol"):equals "prusa-connect"
    t:expect(upgrade.headers["sec-websocket-key"], "key"):matches "^[%w+/]+==$"
    t:expect(#upgrade.headers["sec-websocket-key"], "letters of the key"):equals(24)
    t:held "BUD-WS-01"
  end,
}

check "BUD-WS-02" {
  "a WebSocket that was granted with a wrong accept value, without the subprotocol or in a list is left at once",
  side = "printer",
  run = function(t)
    local printer = rest(t)
    for _, misbehaviour in ipairs { "ws-accept:1", "ws-protocol:1", "ws-connection:1" } do
      local since = t:now()
      t.connect:misbehave(misbehaviour)
      t.connect:close_socket(printer)
      t:wait "4s"
      local asked = upgrades(t, printer, since)
      t:expect(#asked, "requests for a WebSocket with " .. misbehaviour):equals(2)
      -- libmicrohttpd would not say that Connection header; where it serves, it is refused instead.
      if misbehaviour ~= "ws-connection:1" or asked[1].status == 101 then
        t:expect(asked[1].status, "what it was answered"):equals(101)
        between(t, asked[2].at - asked[1].at, 0.0999, 0.7, "seconds to the next one")
      end
    end
    t:held "BUD-WS-02"
  end,
}

check "BUD-WS-03" {
  "the first message in a WebSocket is a pending event or a full telemetry",
  side = "printer",
  run = function(t)
    local printer, since = rest(t)
    t:expect(first_after_upgrade(t, printer).json.event, "first message after the start"):equals "INFO"
    t.connect:close_socket(printer)
    t:wait "2s"
    t:expect(buddy.is_full(first_after_upgrade(t, printer, since)), "the first message is a full telemetry"):is_true()
    t:held "BUD-WS-03"
  end,
}

check "BUD-WS-04" {
  "data frames: text, then continuations, the last with FIN, at most 512 bytes, masked",
  side = "printer",
  run = function(t)
    local printer = rest(t)
    t:expect(t.connect:command(printer, "SEND_INFO")):answered("INFO"):within "15s"
    t:expect(#upgrades(t, printer), "requests for a WebSocket"):equals(1)
    t:held "BUD-WS-04"
  end,
}

check "BUD-WS-05" {
  "an empty ping when nothing was sent for more than 15 s, at most 0.6 s later",
  side = "printer",
  run = function(t)
    local printer = rest(t)
    t:wait "100s"
    t.connect:command(printer, "SEND_STATE_INFO") -- it has to say something, should it say nothing by itself
    t:wait "5s"
    t:held "BUD-WS-05"
  end,
}

check "BUD-WS-06" {
  "a ping is answered by a pong with its payload, also between the fragments of a message",
  side = "printer",
  run = function(t)
    local printer = rest(t)
    t.connect:frame(printer, { opcode = "ping", text = "are you there?" })
    t:wait "2s"
    t.connect:frame(printer, { text = "J0000", fin = false })
    t:wait "1s"
    t.connect:frame(printer, { opcode = "ping", text = "and now?" })
    t:wait "2s"
    t.connect:frame(printer, { opcode = "continuation", text = "000b" .. ASK })
    t:wait "2s"
    t:held "BUD-WS-06"
  end,
}

check "BUD-WS-07" {
  "a masked frame of the server, one with reserved bits or with a length of 64 bits ends the connection",
  side = "printer",
  run = function(t)
    local printer = rest(t)
    for _, frame in ipairs {
      { text = "J0000000b" .. ASK, masked = true },
      { text = "J0000000b" .. ASK, rsv = 2 },
      { text = ("D"):rep(65536) },
    } do
      local since = t:now()
      t.connect:frame(printer, frame)
      t:wait "2s"
      local asked = upgrades(t, printer, since)
      t:expect(#asked, "requests for another WebSocket"):equals(1)
      t:expect(asked[1].at - since, "seconds to it"):at_most(0.6)
    end
    t:held "BUD-WS-07"
  end,
}

check "BUD-WS-08" {
  "after the server's Close it connects again without cooldown, and says a full telemetry and no INFO",
  side = "printer",
  run = function(t)
    local printer, since = rest(t)
    t.connect:close_socket(printer, 1001, "going away")
    t:wait "3s"
    local first, asked = first_after_upgrade(t, printer, since)
    t:expect(asked[1].at - since, "seconds to the next WebSocket"):at_most(0.6)
    t:expect(buddy.is_full(first), "the first message is a full telemetry"):is_true()
    for _, post in ipairs(buddy.posts(t, printer, since)) do
      t:expect(post.json.event, "event behind it"):differs "INFO"
    end
    t:held "BUD-WS-08"
  end,
}

check "BUD-WS-09" {
  "ids of commands are hexadecimal, in letters of either case",
  side = "printer",
  run = function(t)
    local printer = rest(t)
    answered(t, say(t, printer, "J0000000b" .. ASK), 11, "J0000000b")
    answered(t, say(t, printer, "J0000000B" .. ASK), 11, "J0000000B")
  end,
}

check "BUD-WS-10" {
  "a message without a whole header, or without an id, is rejected with command_id 0",
  side = "printer",
  run = function(t)
    local printer = rest(t)
    rejected(t, say(t, printer, "J000"), 0, "Message too short to contain header")
    rejected(t, say(t, printer, "Jzzzzzzzz" .. ASK), 0, "Could not parse command ID")
  end,
}

check "BUD-WS-11" {
  "a command of 512 bytes is taken, also in several frames; one of 513 is rejected, and the connection stays",
  side = "printer",
  run = function(t)
    local printer, since = rest(t)
    local function padded(size)
      return ASK .. (" "):rep(size - #ASK)
    end
    rejected(t, say(t, printer, "J00000005" .. padded(513)), 5, "Oversized command")
    answered(t, say(t, printer, "J00000006" .. padded(512)), 6, "512 bytes")
    local text = padded(512)
    answered(t, say(t, printer, nil, { "J0000", "0007" .. text:sub(1, 100), text:sub(101) }), 7, "three frames")
    t:expect(#upgrades(t, printer, since), "requests for another WebSocket"):equals(0)
  end,
}

check "BUD-WS-12" {
  "an unknown type is rejected, type D is nothing, F is a G",
  side = "printer",
  run = function(t)
    local printer = rest(t)
    rejected(t, say(t, printer, "Z0000000c{}"), 12, "Unrecognized type of message")
    t:expect(#say(t, printer, "D0000000dhello"), "events after a debug text"):equals(0)
    for i, type in ipairs { "G", "F" } do
      local events = say(t, printer, ("%s%08xM105\n"):format(type, 100 + i))
      t:expect(#events, type .. ": events"):equals(2)
      t:expect(events[1].event, type .. ": first"):equals "ACCEPTED"
      t:expect(events[2].event, type .. ": second"):equals "FINISHED"
      t:expect(events[2].command_id, type .. ": command_id"):equals(100 + i)
    end
  end,
}

check "BUD-WS-13" {
  "attempts that are refused with 403 are 0.2, 0.8, 3.2, 12.8, 51.2, 60, 60 s apart",
  side = "printer",
  run = function(t)
    local printer = rest(t)
    local since = t:now()
    t.connect:misbehave("ws-status=403")
    t.connect:close_socket(printer)
    t:wait "200s"
    local asked = upgrades(t, printer, since)
    local apart = { 0.2, 0.8, 3.2, 12.8, 51.2, 60, 60 }
    t:expect(#asked, "attempts"):at_least(#apart + 1)
    for i, seconds in ipairs(apart) do
      between(t, asked[i + 1].at - asked[i].at, seconds - 0.001, seconds + 0.1 + seconds * 0.01,
        ("seconds from attempt %d to the next"):format(i))
    end
  end,
}

check "BUD-WS-14" {
  "with nothing new, telemetry is sent every 120 s",
  side = "printer",
  run = function(t)
    local printer = rest(t)
    t:wait "500s"
    local told = buddy.telemetries(t, printer, 30)
    t:expect(#told, "telemetries in 8 minutes"):at_least(3)
    for i = 2, #told do
      between(t, told[i].at - told[i - 1].at, 119.999, 120.6, "seconds between two")
    end
  end,
}
