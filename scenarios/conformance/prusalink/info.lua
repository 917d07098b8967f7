-- prusalink.md 10, Version and info.

local link = include "common.lua"

check "PL-INFO-01" {
  "GET /api/version: JSON with api, and with a text that begins PrusaLink, OctoPrint or Prusa SLA",
  run = link.on("PBS", function(t, server)
    local version = server:get("/api/version").json
    t:expect(version.api, server:say "api"):is_a "string"
    t:expect(version.text, server:say "text"):is_a "string"
    local known = version.text:find "^PrusaLink" or version.text:find "^OctoPrint" or version.text:find "^Prusa SLA"
    t:expect(known, server:say("whether text is one that PrusaSlicer takes, " .. version.text)):is_true()
  end),
}

check "PL-INFO-02" {
  "api is a version of at least 2.0.0",
  run = link.on("PB", function(t, server)
    local api = server:get("/api/version").json.api
    t:expect(api, server:say "api"):matches "^%d+%.%d+%.%d+"
    t:expect(tonumber(api:match "^%d+"), server:say "first number of api"):at_least(2)
  end),
}

check "PL-INFO-03" {
  "capabilities.upload-by-put is true exactly if upload by PUT works",
  run = link.on("PB", { write = true }, function(t, server)
    local version = server:get("/api/version").json
    local told = type(version.capabilities) == "table" and version.capabilities["upload-by-put"] == true
    local reply = server:upload(server:folder() .. "/put.gcode", link.gcode(200), { Overwrite = "?1" })
    t:expect(told, server:say("upload-by-put, where PUT is answered " .. reply.told)):equals(reply.status == 201)
  end),
}

check "PL-INFO-04" {
  "Buddy: the keys in their order, text PrusaLink; the Pi: text is PrusaLink and its version, original begins PrusaLink I3MK",
  kind = "fidelity",
  run = link.on("PB", function(t, server)
    local reply = server:get "/api/version"
    if server.dialect == "B" then
      t:expect(link.keys(reply.body), server:say "keys"):equals {
        "api", "server", "nozzle_diameter", "text", "hostname", "capabilities",
      }
      t:expect(reply.json.text, server:say "text"):equals "PrusaLink"
    else
      t:expect(reply.json.text, server:say "text"):equals("PrusaLink " .. tostring(reply.json.server))
      t:expect(reply.json.original, server:say "original"):matches "^PrusaLink I3MK"
    end
  end),
}

check "PL-INFO-05" {
  "?system=1 adds python and system, ?system=0 and ?system=x do not",
  kind = "fidelity",
  run = link.on("P", function(t, server)
    local with = server:get("/api/version?system=1")
    t:expect(with.json.python, server:say "python"):is_a "table"
    t:expect(with.body, server:say "python as an array"):matches '"python": %['
    t:expect(with.body, server:say "system as an object"):matches '"system": {'
    for _, value in ipairs { "0", "x" } do
      local without = server:get("/api/version?system=" .. value).json
      t:expect(without, server:say("answer to ?system=" .. value)):lacks "python"
      t:expect(without, server:say("answer to ?system=" .. value)):lacks "system"
    end
  end),
}

check "PL-INFO-06" {
  "GET /api/v1/info: an object, its members of the types of the specification",
  run = link.on("PB", function(t, server)
    local info = server:get("/api/v1/info").json
    local types = { nozzle_diameter = "number", serial = "string", min_extrusion_temp = "integer", hostname = "string" }
    for key, kind in pairs(types) do
      if info[key] ~= nil and info[key] ~= null then
        t:expect(info[key], server:say(key)):is_a(kind)
      end
    end
  end),
}

check "PL-INFO-07" {
  "Buddy: nozzle_diameter with two decimals, mmu a boolean; the Pi: hostname and port are Connect's",
  kind = "fidelity",
  run = link.on("PB", function(t, server)
    local reply = server:get "/api/v1/info"
    if server.dialect == "B" then
      t:expect(reply.body, server:say "nozzle_diameter"):matches '"nozzle_diameter":%d+%.%d%d[,}]'
      t:expect(reply.json.mmu, server:say "mmu"):is_a "boolean"
    elseif server:shows_quirks() then
      t:expect(reply.json.hostname, server:say "hostname"):equals "connect.prusa3d.com"
      t:expect(reply.json.port, server:say "port"):equals(0)
    else
      t:expect(reply.json.hostname, server:say "hostname"):is_a "string"
    end
  end),
}

check "PL-INFO-08" {
  "POST to /api/v1/info: 405",
  run = link.on("PB", function(_, server)
    server:must("POST", "/api/v1/info", 405, { body = "" })
  end),
}
