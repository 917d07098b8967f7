-- prusalink.md 10, Storage and transfer.

local link = include "common.lua"

local function storages(server)
  return server:get("/api/v1/storage").json.storage_list
end

check "PL-STOR-01" {
  "GET /api/v1/storage: storage_list first, an array; each with path, type and available",
  run = link.on("PB", function(t, server)
    local reply = server:get "/api/v1/storage"
    t:expect(link.keys(reply.body)[1], server:say "first key"):equals "storage_list"
    t:expect(reply.body, server:say "storage_list as an array"):matches '"storage_list":%s*%['
    for _, storage in ipairs(reply.json.storage_list) do
      t:expect(storage, server:say "a storage"):satisfies {
        path = type_of "string", type = one_of { "LOCAL", "SDCARD", "USB" }, available = type_of "boolean",
      }
    end
    t:expect(#reply.json.storage_list, server:say "number of storages"):at_least(1)
  end),
}

check "PL-STOR-02" {
  "free_space of a writable storage that is there, if given, is a whole number above 0",
  run = link.on("PB", function(t, server)
    for _, storage in ipairs(storages(server)) do
      if storage.available and not storage.read_only and storage.free_space ~= nil then
        t:expect(storage.free_space, server:say("free_space of " .. storage.path)):is_a "integer"
        t:expect(storage.free_space, server:say("free_space of " .. storage.path)):above(0)
      end
    end
  end),
}

check "PL-STOR-03" {
  "path behind /api/v1/files lists that storage",
  run = link.on("PB", function(t, server)
    for _, storage in ipairs(storages(server)) do
      if storage.available then
        local listing = server:get("/api/v1/files" .. storage.path).json
        t:expect(listing.type, server:say("type of " .. storage.path)):equals "FOLDER"
        t:expect(listing.children, server:say("children of " .. storage.path)):is_a "table"
      end
    end
  end),
}

check "PL-STOR-04" {
  "the Pi: local and sdcard, a missing card with three members; Buddy: one drive, available following it",
  kind = "fidelity",
  run = link.on("PB", function(t, server)
    local list = storages(server)
    if server.dialect == "P" then
      t:expect(#list, server:say "number of storages"):equals(2)
      local both = { { path = "/local", type = "LOCAL" }, { path = "/sdcard", type = "SDCARD" } }
      t:expect(list, server:say "storages"):satisfies(both)
      if not server.outside then
        server.printer:detach "SD Card"
        t:wait "1s"
      end
      local card = storages(server)[2]
      if not card.available then
        t:expect(card, server:say "a card that is not there"):equals { type = "SDCARD", path = "/sdcard", available = false }
      end
      return
    end
    t:expect(#list, server:say "number of storages"):equals(1)
    t:expect(list[1], server:say "the storage"):satisfies { path = "/usb/", name = "usb" }
    if not server.outside then
      t:expect(list[1].available, server:say "available with a drive"):equals(true)
      server.printer:detach "usb"
      t:expect(storages(server)[1].available, server:say "available without a drive"):equals(false)
    end
  end),
}

-- An upload whose first half is in; `finish` sends the rest and gives the reply.
local function half_upload(t, server, name)
  local size = 400000
  local path = server:folder() .. "/" .. (name or "hotbed-half.gcode")
  local text = link.gcode(size)
  local headers = { { "Content-Type", "text/x.gcode" }, { "Overwrite", "?1" }, { "Content-Length", tostring(size) } }
  local authorization = server.password and server:authorization("PUT", path, server:fetch_challenge())
  if not authorization then
    headers[#headers + 1] = { "X-Api-Key", server.api_key }
  end
  local wire = server:connect()
  wire:push(server:request("PUT", path, { headers = headers, authorization = authorization }))
  wire:push(text:sub(1, 100000), "30s")
  t:wait "1s"
  local sent = 100000
  return function(until_size)
    wire:push(text:sub(sent + 1, until_size or size), "60s")
    sent = until_size or size
    if sent == size then
      local reply, why = wire:reply "30s"
      wire:close()
      return reply or { status = why }
    end
    t:wait "1s"
  end
end

check "PL-XFER-01" {
  "GET /api/v1/transfer when idle: 204",
  run = link.on("PB", function(t, server)
    if server:get("/api/v1/status").json.transfer then
      t:skip "the printer is receiving a file"
    end
    server:must("GET", "/api/v1/transfer", 204)
  end),
}

check "PL-XFER-02" {
  "during an upload: 200 with what is transferred; transferred never goes down",
  run = link.on("PB", { write = true }, function(t, server)
    local go_on = half_upload(t, server)
    local last = -1
    for size = 150000, 350000, 50000 do
      local transfer = server:get("/api/v1/transfer").json
      t:expect(transfer, server:say "transfer"):satisfies {
        type = type_of "string", display_name = type_of "string", path = type_of "string", progress = type_of "number",
        transferred = type_of "integer", time_transferring = type_of "integer", to_print = type_of "boolean",
      }
      t:expect(transfer.transferred, server:say "transferred"):at_least(last)
      last = transfer.transferred
      go_on(size)
    end
    t:expect(last, server:say "transferred near the end"):above(100000)
    t:expect(go_on().status, server:say "the upload"):equals(201)
    server:must("GET", "/api/v1/transfer", 204)
  end),
}

check "PL-XFER-03" {
  "size: on Buddy a text of digits, on the Pi a number; progress: a fraction, and percent",
  kind = "fidelity",
  run = link.on("PB", { write = true }, function(t, server)
    local go_on = half_upload(t, server)
    go_on(200000)
    local transfer = server:get("/api/v1/transfer").json
    if server.dialect == "B" then
      t:expect(transfer.size, server:say "size"):equals "400000"
      t:expect(transfer.progress, server:say "progress of half an upload"):satisfies(between(0.3, 0.6))
    else
      t:expect(transfer.size, server:say "size"):equals(400000)
      t:expect(transfer.progress, server:say "progress of half an upload"):satisfies(between(30, 60))
    end
    t:expect(go_on().status, server:say "the upload"):equals(201)
  end),
}

check "PL-XFER-04" {
  "DELETE /api/v1/transfer: the Pi 200 while one runs, whose sender gets 400, else 204; with an id 404 on both",
  kind = "fidelity",
  run = link.on("PB", { write = true }, function(t, server)
    server:must("DELETE", "/api/v1/transfer", 204)
    local go_on = half_upload(t, server, "hotbed-stop.gcode")
    server:must("DELETE", "/api/v1/transfer/1", 404)
    if server.dialect == "P" then
      server:must("DELETE", "/api/v1/transfer", 200)
      t:expect(go_on().status, server:say "what the sender of a stopped transfer is told"):equals(400)
    else
      server:must("DELETE", "/api/v1/transfer", 405)
      t:expect(go_on().status, server:say "the upload that can't be stopped"):equals(201)
    end
  end),
}
