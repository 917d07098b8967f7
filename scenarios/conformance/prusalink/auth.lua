-- prusalink.md 10, Authentication.

local link = include "common.lua"

-- The answer to a GET with this Authorization, or as `options` say.
local function get(server, target, options)
  local reply, why = server:exchange("GET", target, options)
  if not reply then
    server.t:fail("%s: GET %s was not answered: %s", server.name, target, why)
  end
  return reply
end

local function needs_password(t, server)
  if not server.password then
    t:skip "needs --user and --password"
  end
end

local function needs_key(t, server)
  if not server.api_key then
    t:skip "needs --api-key"
  end
end

-- A small document that every flavour serves to whoever may read it.
local function target_of(server)
  return server.dialect == "S" and "/api/version" or "/api/v1/status"
end

check "PL-AUTH-01" {
  "without credentials: 401 with a Digest challenge that has realm and nonce",
  run = link.on("PBS", function(t, server)
    local reply = get(server, "/api/version")
    server:status_of(reply, "GET /api/version without credentials"):equals(401)
    t:expect(reply.headers["www-authenticate"], server:say "WWW-Authenticate"):matches "^Digest "
    t:expect(link.challenge(reply), server:say "challenge"):satisfies { realm = like ".", nonce = like "." }
  end),
}

check "PL-AUTH-02" {
  "realm Administrator, qop auth, MD5-sess, nonce and opaque of 64 hex digits, no stale",
  kind = "fidelity",
  run = link.on("P", function(t, server)
    local reply = get(server, "/api/version")
    local hex = "^" .. ("%x"):rep(64) .. "$"
    t:expect(link.challenge(reply), server:say "challenge"):satisfies {
      realm = "Administrator", qop = "auth", algorithm = "MD5-sess", nonce = like(hex), opaque = like(hex), stale = absent,
    }
    t:expect(reply.headers["www-authenticate"], server:say "form of the challenge"):matches(
      '^Digest realm="Administrator",qop="auth",algorithm="MD5%-sess",nonce="%x+",opaque="%x+"$')
  end),
}

check "PL-AUTH-03" {
  "realm Printer API, nonce of 16 hex digits, stale=false; no qop, algorithm, opaque",
  kind = "fidelity",
  run = link.on("B", function(t, server)
    local reply = get(server, "/api/version")
    t:expect(link.challenge(reply), server:say "challenge"):satisfies {
      realm = "Printer API", nonce = like("^" .. ("%x"):rep(16) .. "$"), stale = "false", qop = absent,
      algorithm = absent, opaque = absent,
    }
  end),
}

check "PL-AUTH-04" {
  "realm prusa-sl1, user maker",
  kind = "fidelity",
  run = link.on("S", function(t, server)
    local challenge = link.challenge(get(server, "/api/version"))
    t:expect(challenge, server:say "challenge"):satisfies { realm = "prusa-sl1" }
    needs_password(t, server)
    local value = server:authorization("GET", "/api/version", challenge, { user = "maker" })
    server:status_of(get(server, "/api/version", { authorization = value }), "user maker"):equals(200)
  end),
}

check "PL-AUTH-05" {
  "an answer made as the challenge asks is accepted",
  run = link.on("PBS", function(t, server)
    needs_password(t, server)
    local challenge = server:fetch_challenge()
    local value = server:authorization("GET", target_of(server), challenge)
    server:status_of(get(server, target_of(server), { authorization = value }), "right credentials"):equals(200)
  end),
}

check "PL-AUTH-06" {
  "a wrong password: 401 with a new challenge that is not stale",
  run = link.on("PB", function(t, server)
    local stranger = { password = "not-the-password", user = server.user or "maker" }
    local value = server:authorization("GET", "/api/v1/status", server:fetch_challenge(), stranger)
    local reply = get(server, "/api/v1/status", { authorization = value })
    server:status_of(reply, "wrong password"):equals(401)
    t:expect(link.challenge(reply), server:say "challenge after a wrong password"):satisfies {
      nonce = like ".", stale = function(stale) return stale ~= "true" end,
    }
  end),
}

check "PL-AUTH-07" {
  "a foreign nonce: the Pi says stale whatever the response, Buddy only if the response fits that nonce",
  kind = "fidelity",
  run = link.on("PB", function(t, server)
    needs_password(t, server)
    local challenge = server:fetch_challenge()
    local foreign = ("0"):rep(#challenge.nonce - 1) .. "1"
    local fits = server:authorization("GET", "/api/v1/status", challenge, { nonce = foreign })
    local reply = get(server, "/api/v1/status", { authorization = fits })
    server:status_of(reply, "foreign nonce, fitting response"):equals(401)
    t:expect(link.challenge(reply).stale, server:say "stale, foreign nonce, fitting response"):equals "true"
    local other = server:authorization("GET", "/api/v1/status", challenge, { nonce = foreign, response = ("0"):rep(32) })
    reply = get(server, "/api/v1/status", { authorization = other })
    server:status_of(reply, "foreign nonce, wrong response"):equals(401)
    local wish = server.dialect == "P" and "true" or "false"
    t:expect(link.challenge(reply).stale, server:say "stale, foreign nonce, wrong response"):equals(wish)
  end),
}

check "PL-AUTH-08" {
  "one nonce serves 100 requests; it is stale after 300 s on Buddy, after 60 to 120 s on the Pi",
  kind = "fidelity",
  timeout = "20m",
  run = link.on("PB", { slow = "2 to 5 min" }, function(t, server)
    needs_password(t, server)
    local challenge, began = server:fetch_challenge(), t:now()
    local value = server:authorization("GET", "/api/version", challenge)
    for i = 1, 100 do
      server:status_of(get(server, "/api/version", { authorization = value }), "use " .. i .. " of a nonce"):equals(200)
    end
    local good, stale = table.unpack(server.dialect == "P" and { 59, 121 } or { 295, 305 })
    t:wait(began + good - t:now())
    server:status_of(get(server, "/api/version", { authorization = value }), good .. " s after the challenge"):equals(200)
    t:wait(began + stale - t:now())
    local reply = get(server, "/api/version", { authorization = value })
    server:status_of(reply, stale .. " s after the challenge"):equals(401)
    t:expect(link.challenge(reply).stale, server:say "stale of an old nonce"):equals "true"
  end),
}

check "PL-AUTH-09" {
  "the same Authorization from another User-Agent: 401 stale",
  kind = "fidelity",
  run = link.on("P", function(t, server)
    needs_password(t, server)
    local value = server:authorization("GET", "/api/version", server:fetch_challenge())
    server:status_of(get(server, "/api/version", { authorization = value }), "the User-Agent of the challenge"):equals(200)
    local reply = get(server, "/api/version", { authorization = value, agent = "another" })
    server:status_of(reply, "another User-Agent"):equals(401)
    t:expect(link.challenge(reply).stale, server:say "stale"):equals "true"
  end),
}

check "PL-AUTH-10" {
  "a response made with qop=auth, nc and cnonce: 401, stale=false",
  kind = "fidelity",
  run = link.on("B", function(t, server)
    needs_password(t, server)
    local value = server:authorization("GET", "/api/v1/status", server:fetch_challenge(), { qop = "auth" })
    local reply = get(server, "/api/v1/status", { authorization = value })
    server:status_of(reply, "with qop"):equals(401)
    t:expect(link.challenge(reply).stale, server:say "stale"):equals "false"
  end),
}

check "PL-AUTH-11" {
  "algorithm or opaque left out, or plain MD5: 401",
  kind = "fidelity",
  run = link.on("P", function(t, server)
    needs_password(t, server)
    local wrongs = {
      ["algorithm left out"] = { algorithm = false, sum = "MD5-sess" },
      ["opaque left out"] = { opaque = false },
      ["plain MD5"] = { algorithm = "MD5" },
    }
    for what, with in pairs(wrongs) do
      local value = server:authorization("GET", "/api/version", server:fetch_challenge(), with)
      server:status_of(get(server, "/api/version", { authorization = value }), what):equals(401)
    end
    local value = server:authorization("GET", "/api/version", server:fetch_challenge())
    server:status_of(get(server, "/api/version", { authorization = value }), "nothing left out"):equals(200)
  end),
}

check "PL-AUTH-12" {
  "a response that was made for GET is refused for DELETE on the same path",
  run = link.on("PB", function(t, server)
    needs_password(t, server)
    -- A file that is not there: nothing is lost if the server takes it.
    local target = ("/api/v1/files%s/hotbed-not-there.gcode"):format(server.root)
    local value = server:authorization("GET", target, server:fetch_challenge())
    local reply, why = server:exchange("DELETE", target, { authorization = value })
    t:expect(reply and reply.status or why, server:say "DELETE with a response for GET"):equals(401)
  end),
}

check "PL-AUTH-13" {
  "Authorization: Basic is answered 401 at once",
  run = link.on("PB", function(t, server)
    local began = t:now()
    local reply = get(server, "/api/v1/status", { authorization = "Basic bWFrZXI6cGFzc3dvcmQ=" })
    server:status_of(reply, "Basic"):equals(401)
    t:expect(t:now() - began, server:say "seconds until the answer"):below(5)
  end),
}

check "PL-AUTH-14" {
  "the right X-Api-Key alone is accepted on every v1 document",
  run = link.on("PB", function(t, server)
    needs_key(t, server)
    for _, name in ipairs { "info", "status", "job", "storage", "transfer", "files" .. server.root } do
      local reply = server:ask("GET", "/api/v1/" .. name, { auth = "key" })
      server:status_of(reply, "GET /api/v1/" .. name .. " with the key"):one_of { 200, 204 }
    end
  end),
}

local function refused_key(t, server, reply, text)
  if server.dialect == "P" then
    server:status_of(reply, text):equals(403)
    t:expect(reply.body, server:say("body, " .. text)):equals "Bad X-Api-Key."
  else
    server:status_of(reply, text):equals(401)
    t:expect(reply.headers["www-authenticate"], server:say("challenge, " .. text)):equals 'ApiKey realm="Printer API"'
  end
end

check "PL-AUTH-15" {
  "a wrong key: Buddy 401 with an ApiKey challenge, the Pi 403 Bad X-Api-Key., also where none is set",
  kind = "fidelity",
  run = link.on("PB", function(t, server)
    refused_key(t, server, get(server, "/api/v1/status", { headers = { ["X-Api-Key"] = "not-the-key" } }), "wrong key")
    if not server.outside and server.dialect == "P" then
      server.printer:serve_link {} -- as delivered: no key
      refused_key(t, server, get(server, "/api/v1/status", { headers = { ["X-Api-Key"] = "not-the-key" } }), "no key set")
    end
  end),
}

check "PL-AUTH-16" {
  "a proper prefix of the key, or the key with one more character, is refused",
  run = link.on("PB", function(t, server)
    needs_key(t, server)
    for _, key in ipairs { server.api_key:sub(1, -2), server.api_key .. "x" } do
      local reply = get(server, "/api/v1/status", { headers = { ["X-Api-Key"] = key } })
      server:status_of(reply, ("a key of %d characters instead of %d"):format(#key, #server.api_key)):one_of { 401, 403 }
    end
  end),
}

check "PL-AUTH-17" {
  "/api/not is 401 without credentials, 404 with them",
  kind = "fidelity",
  run = link.on("B", function(_, server)
    server:status_of(get(server, "/api/not"), "/api/not without credentials"):equals(401)
    server:must("GET", "/api/not", 404)
  end),
}

check "PL-AUTH-18" {
  "of both headers the last decides: a right key behind a wrong digest 200, a wrong digest behind the key 401 Digest",
  kind = "fidelity",
  run = link.on("B", function(t, server)
    needs_key(t, server)
    local challenge = server:fetch_challenge()
    local zeros = { response = ("0"):rep(32), user = "maker", password = "" }
    local wrong = server:authorization("GET", "/api/v1/status", challenge, zeros)
    local key, digest = { "X-Api-Key", server.api_key }, { "Authorization", wrong }
    server:status_of(get(server, "/api/v1/status", { headers = { digest, key } }), "key last"):equals(200)
    local reply = get(server, "/api/v1/status", { headers = { key, digest } })
    server:status_of(reply, "wrong digest last"):equals(401)
    t:expect(reply.headers["www-authenticate"], server:say "challenge, wrong digest last"):matches "^Digest "
  end),
}

check "PL-AUTH-19" {
  "401 carries Connection: close for PUT and POST, keep-alive for GET",
  kind = "fidelity",
  run = link.on("B", function(t, server)
    local wishes = { GET = "keep-alive", PUT = "close", POST = "close" }
    for _, method in ipairs { "GET", "PUT", "POST" } do
      local options = { keep = true }
      if method ~= "GET" then
        options.body = ""
      end
      local reply, why = server:exchange(method, "/api/v1/files/usb/hotbed-not-there.gcode", options)
      t:expect(reply and reply.status or why, server:say(method .. " without credentials")):equals(401)
      t:expect(reply.headers.connection, server:say("Connection of the 401 to " .. method)):equals(wishes[method])
    end
  end),
}

check "PL-AUTH-20" {
  "HEAD of a file needs no credentials",
  kind = "quirk",
  run = link.on("P", function(t, server)
    local path = server:some_file()
    local reply, why = server:exchange("HEAD", path)
    t:expect(reply and reply.status or why, server:say "HEAD of a file without credentials"):equals(200)
  end),
}

check "PL-AUTH-21" {
  "after 200 wrong passwords the right one works within 10 s",
  run = link.on("PBS", function(t, server)
    needs_password(t, server)
    local challenge = server:fetch_challenge()
    local wrong = server:authorization("GET", "/api/version", challenge, { password = "not-the-password" })
    for i = 1, 200 do
      local reply = get(server, "/api/version", { authorization = wrong })
      server:status_of(reply, "wrong password, time " .. i):one_of { 401, 403, 429 }
    end
    local right
    t:wait_until(function()
      local value = server:authorization("GET", "/api/version", server:fetch_challenge())
      right = get(server, "/api/version", { authorization = value })
      return right.status == 200
    end, "10s")
    server:status_of(right, "the right password afterwards"):equals(200)
  end),
}
