-- connect-buddy.md 12.2: registration.

local buddy = include "buddy_common.lua"

local function registrations(t, printer)
  return t.connect:requests(printer, { method = "POST", path = "/p/register" })
end

local function polls(t, printer)
  return t.connect:requests(printer, { method = "GET", path = "/p/register" })
end

check "BUD-REG-01" {
  "the registration has sn, fingerprint, printer_type, firmware in this order, and no Fingerprint or Token",
  side = "printer",
  run = function(t)
    local printer = buddy.registering(t)
    t:wait "10s"
    local request = registrations(t, printer)[1]
    t:expect(request, "a registration"):is_a "table"
    t:expect(buddy.keys(request.body), "keys of the body"):equals { "sn", "fingerprint", "printer_type", "firmware" }
    t:expect(request.headers.fingerprint, "Fingerprint"):is_nil()
    t:expect(request.headers.token, "Token"):is_nil()
  end,
}

check "BUD-REG-02" {
  "polls carry the Code and are more than 5 s apart, each on a connection of its own",
  side = "printer",
  run = function(t)
    t.connect.auto_add = false
    local printer = buddy.registering(t)
    t:wait "40s"
    local code = registrations(t, printer)[1].reply.headers.code
    local seen = polls(t, printer)
    t:expect(#seen, "polls in 40 s"):at_least(5)
    for i, poll in ipairs(seen) do
      t:expect(poll.headers.code, "Code"):equals(code)
      if i > 1 then
        t:expect(poll.at - seen[i - 1].replied_at, "seconds between polls"):at_least(5)
        t:expect(poll.connection, "connection of a poll"):differs(seen[i - 1].connection)
      end
    end
  end,
}

check "BUD-REG-03" {
  "202 and 204 to a poll both mean: not yet",
  side = "printer",
  run = function(t)
    for _, status in ipairs { 202, 204 } do
      local printer = buddy.registering(t)
      local count = 0
      local hook = t.connect:on("poll", function()
        count = count + 1
        return { status = status }
      end)
      t:wait "30s"
      t:expect(count, ("polls in 30 s, answered %d"):format(status)):at_least(3)
      hook:off()
      t:expect_request(printer, { path = "/p/telemetry" }):within "20s"
    end
  end,
}

check "BUD-REG-04" {
  "after three refused registrations there is no fourth",
  side = "printer",
  run = function(t)
    local count = 0
    t.connect:on("register", function()
      count = count + 1
      return { status = 500 }
    end)
    buddy.registering(t)
    t:wait "2m"
    t:expect(count, "registrations in 2 min"):equals(3)
  end,
}

check "BUD-REG-05" {
  "polls that fail go on",
  side = "printer",
  run = function(t)
    local printer = buddy.registering(t)
    local count = 0
    local hook = t.connect:on("poll", function()
      count = count + 1
      return count % 2 == 0 and { status = 500 } or { status = 0, after = "close" }
    end)
    t:wait "2m"
    t:expect(count, "failing polls in 2 min"):at_least(20)
    hook:off()
    t:expect_request(printer, { path = "/p/telemetry" }):within "20s"
  end,
}

check "BUD-REG-06" {
  "of a Code 25 characters are kept, of a Token 20",
  side = "printer",
  run = function(t)
    local code, token = ("C0DE5"):rep(7), ("t0k3n"):rep(5)
    t.connect:on("register", { times = 1 }, function()
      return { status = 200, headers = { Code = code } }
    end)
    local polled
    t.connect:on("poll", { times = 1 }, function(message)
      polled = message.headers.code
      return { status = 200, headers = { Token = token } }
    end)
    local seen
    local hook = t.connect:on("event", function(message)
      seen = seen or message.headers.token
      return { status = 204 }
    end)
    buddy.registering(t)
    t:wait_until(function()
      return seen
    end, "1m")
    hook:off()
    t:expect(polled, "Code of the poll"):equals(code:sub(1, 25))
    t:expect(seen, "Token of the first event"):equals(token:sub(1, 20))
  end,
}

check "BUD-REG-07" {
  "with the token there are no more polls, and it is on every request",
  side = "printer",
  run = function(t)
    local printer = buddy.registering(t)
    local done = t:expect_request(printer, { method = "GET", path = "/p/register", status = 200 }):within "30s"
    t:expect_request(printer, { path = "/p/telemetry" }):within "10s"
    t:never_request(printer, { path = "/p/register" }):during "30s"
    for _, post in ipairs(buddy.posts(t, printer)) do
      t:expect(post.headers.token, "Token"):equals(done.reply.headers.token)
    end
  end,
}
