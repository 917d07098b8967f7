-- prusalink.md 10, Transport.

local link = include "common.lua"

check "PL-NET-01" {
  "each answer has a status line, a type for its body, and an end of its body; 204 and 304 have none",
  run = link.on("PB", function(t, server)
    local targets = {
      "/api/version", "/api/v1/info", "/api/v1/status", "/api/v1/job", "/api/v1/storage", "/api/v1/transfer",
      "/api/v1/files" .. server.root, "/api/v1/files" .. server.root .. "/not-there.gcode", "/api/not",
    }
    for _, target in ipairs(targets) do
      local reply = server:ask("GET", target, { until_end = true })
      if reply.status == 204 or reply.status == 304 then
        t:expect(reply.rest, server:say("what follows the head of a " .. reply.status)):equals ""
      else
        t:expect(reply.framing, server:say("how the body of " .. target .. " ends")):one_of { "length", "chunked", "close" }
        t:expect(reply.headers["content-type"], server:say("Content-Type of " .. target)):is_a "string"
        t:expect(reply.rest, server:say("what follows the body of " .. target)):equals ""
      end
    end
  end),
}

check "PL-NET-02" {
  "header names are matched without regard to case",
  run = link.on("PB", function(t, server)
    local target = "/api/v1/status"
    if server.password then
      local value = server:authorization("GET", target, server:fetch_challenge())
      local reply = server:exchange("GET", target, { headers = { AUTHORIZATION = value } })
      t:expect(reply and reply.status, server:say "status with AUTHORIZATION"):equals(200)
    end
    if server.api_key then
      local reply = server:exchange("GET", target, { headers = { ["x-api-key"] = server.api_key } })
      t:expect(reply and reply.status, server:say "status with x-api-key"):equals(200)
    end
  end),
}

check "PL-NET-03" {
  "a connection is kept for a second request, and closes behind an answer without chunks when the request says close",
  kind = "fidelity",
  run = link.on("B", function(t, server)
    server:ask("GET", "/api/version")
    local wire = server:connect()
    local first = server:ask("GET", "/api/version", { wire = wire, keep = true })
    server:status_of(first, "first answer"):equals(200)
    t:expect((first.headers.connection or ""):lower(), server:say "Connection of the first answer"):equals "keep-alive"
    local second = server:ask("GET", "/api/v1/status", { wire = wire })
    server:status_of(second, "second answer on the connection"):equals(200)
    t:expect((second.headers.connection or ""):lower(), server:say "Connection of the second answer"):equals "close"
    t:expect(second.framing, server:say "how the body before a close ends"):differs "chunked"
    t:expect(wire:wait_end "5s", server:say "end of the connection"):one_of { "closed", "finished" }
    wire:close()
  end),
}

check "PL-NET-04" {
  "a kept connection's JSON comes in chunks, each with four hex digits, the last one 0",
  kind = "fidelity",
  run = link.on("B", function(t, server)
    server:ask("GET", "/api/version")
    for _, target in ipairs { "/api/version", "/api/v1/status", "/api/v1/files/usb" } do
      local wire = server:connect()
      local reply = server:ask("GET", target, { wire = wire, keep = true })
      wire:close()
      t:expect(reply.framing, server:say("how the body of " .. target .. " ends")):equals "chunked"
      for i = 1, #reply.chunks - 1 do
        t:expect(reply.chunks[i], server:say "size line of a chunk"):matches "^[0-9A-F][0-9A-F][0-9A-F][0-9A-F]$"
      end
      t:expect(reply.chunks[#reply.chunks], server:say "last size line"):equals "0"
    end
  end),
}

check "PL-NET-05" {
  "answers are HTTP/1.0 with Server: PrusaLink, and close the connection",
  kind = "fidelity",
  run = link.on("P", function(t, server)
    local reply = server:get("/api/version", { until_end = true, keep = true })
    t:expect(reply.version, server:say "HTTP version"):equals "1.0"
    t:expect(reply.headers.server, server:say "Server"):equals "PrusaLink"
    t:expect(reply.ended, server:say "end of the connection"):one_of { "closed", "finished" }
  end),
}

check "PL-NET-06" {
  "a target of 168 bytes is routed, one of 169 is answered 414, also without credentials",
  kind = "fidelity",
  run = link.on("B", function(t, server)
    local function target(size)
      return "/api/v1/files/usb/" .. ("x"):rep(size - #"/api/v1/files/usb/")
    end
    server:must("GET", target(168), 404)
    local reply = server:exchange("GET", target(169))
    t:expect(reply and reply.status, server:say "target of 169 bytes, without credentials"):equals(414)
  end),
}

check "PL-NET-07" {
  "the method PATCH is answered 405 on any path, also without credentials",
  kind = "fidelity",
  run = link.on("B", function(t, server)
    for _, target in ipairs { "/api/v1/status", "/api/not", "/usb/x" } do
      local reply = server:exchange("PATCH", target)
      t:expect(reply and reply.status, server:say("PATCH " .. target)):equals(405)
    end
  end),
}

check "PL-NET-08" {
  "a malformed request line is answered 400 and closes; the next connection is served",
  run = link.on("PB", function(t, server)
    for _, line in ipairs { "GET /api/version HTTP/1.1 and more", "GET /api/version HTTX/1.1" } do
      local wire = server:connect()
      wire:send(line .. "\r\n\r\n")
      local reply, why = wire:reply "10s"
      -- Without a version that it can read, the Pi answers as HTTP/0.9 does: the page alone.
      local page = not reply and wire.unread:find("Error code: 400", 1, true) and 400
      t:expect(reply and reply.status or page or why, server:say("answer to " .. line)):equals(400)
      t:expect(wire:wait_end "10s", server:say "end of the connection"):one_of { "closed", "finished", "reset" }
      wire:close()
    end
    server:get "/api/version"
  end),
}

check "PL-NET-09" {
  "a request that comes byte by byte is answered like one that comes at once",
  run = link.on("PB", function(t, server)
    local at_once = server:get "/api/version"
    if server.password then
      server:fetch_challenge()
    end
    local authorization = server.password and server:authorization("GET", "/api/version", server.challenge)
    local text = server:request("GET", "/api/version", {
      authorization = authorization, headers = not authorization and { ["X-Api-Key"] = server.api_key } or nil,
    })
    local wire = server:connect()
    for i = 1, #text do
      wire:push(text:sub(i, i))
    end
    local reply, why = wire:reply "10s"
    wire:close()
    t:expect(reply and reply.status or why, server:say "status"):equals(200)
    t:expect(reply.body, server:say "body"):equals(at_once.body)
  end),
}

check "PL-NET-10" {
  "an idle connection is closed after 60 to 180 s; half a request and silence get a bare 408 after 10 s or more",
  kind = "fidelity",
  timeout = "20m",
  run = link.on("B", { slow = "up to 6 min" }, function(t, server)
    server:ask("GET", "/api/version")
    local wire = server:connect()
    server:ask("GET", "/api/version", { wire = wire, keep = true })
    local began = t:now()
    t:expect(wire:wait_end "200s", server:say "end of an idle connection within 200 s"):one_of { "closed", "finished" }
    t:expect(t:now() - began, server:say "seconds until an idle connection is closed"):at_least(59)
    t:expect(t:now() - began, server:say "seconds until an idle connection is closed"):at_most(181)
    wire = server:connect()
    wire:send "GET /api/version HTTP/1.1\r\nHost:"
    began = t:now()
    t:expect(wire:wait_end "120s", server:say "end after half a request"):is_a "string"
    t:expect(t:now() - began, server:say "seconds until half a request is given up"):at_least(9.9)
    t:expect(wire.unread, server:say "what half a request is answered"):matches "^HTTP/1.1 408 Request Timeout\r\n\r\n"
    wire:close()
  end),
}

check "PL-NET-11" {
  "a fourth busy connection is taken and waits for one of three; none is lost",
  kind = "fidelity",
  run = link.on("B", function(t, server)
    server:ask("GET", "/api/version")
    local busy = {}
    for i = 1, 3 do
      busy[i] = server:connect()
      busy[i]:push "GET /api/version HTTP/1.1\r\n" -- more is still to come: it can't be dropped
    end
    local fourth = server:connect()
    local authorization = server.password and server:authorization("GET", "/api/v1/status", server.challenge)
    fourth:send(server:request("GET", "/api/v1/status", {
      authorization = authorization, headers = not authorization and { ["X-Api-Key"] = server.api_key } or nil,
    }))
    t:expect(fourth:reply "2s", server:say "an answer on the fourth connection while three are busy"):is_nil()
    t:expect(fourth.ended, server:say "end of the fourth connection"):is_nil()
    for i = 1, 3 do
      busy[i]:send(("Host: %s\r\nConnection: close\r\n\r\n"):format(server.host))
      local reply, why = busy[i]:reply "10s"
      t:expect(reply and reply.status or why, server:say("answer on busy connection " .. i)):equals(401)
      busy[i]:close()
    end
    local reply, why = fourth:reply "10s"
    t:expect(reply and reply.status or why, server:say "answer on the fourth connection afterwards"):equals(200)
    fourth:close()
  end),
}

check "PL-NET-12" {
  "errors are JSON where application/json is the first type accepted, else text",
  kind = "fidelity",
  run = link.on("B", function(t, server)
    local reply = server:must("GET", "/api/not", 404, { headers = { Accept = "application/json" } })
    t:expect(reply.body, server:say "body with JSON accepted first"):equals '{"title": "404: Not Found","message":""}'
    reply = server:must("GET", "/api/not", 404, { headers = { Accept = "text/html, application/json" } })
    t:expect(reply.headers["content-type"], server:say "Content-Type with HTML accepted first"):matches "^text/plain"
    t:expect(reply.body, server:say "body with HTML accepted first"):matches "^404: Not Found"
  end),
}

check "PL-NET-13" {
  "a query makes /api/v1/status unknown: 404",
  kind = "quirk",
  run = link.on("B", function(_, server)
    server:must("GET", "/api/v1/status?x=1", 404)
  end),
}
