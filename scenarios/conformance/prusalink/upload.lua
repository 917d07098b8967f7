-- prusalink.md 10, Upload.

local link = include "common.lua"

local WRITE = { write = true }
local PRINT = { write = true, print = true }

-- A PUT whose head and body are sent by hand: the connection, with the head gone.
local function begin_upload(server, path, headers)
  local all = { { "Content-Type", "text/x.gcode" } }
  for _, header in ipairs(headers) do
    all[#all + 1] = header
  end
  local authorization = server.password and server:authorization("PUT", path, server:fetch_challenge())
  if not authorization then
    all[#all + 1] = { "X-Api-Key", server.api_key }
  end
  local wire = server:connect()
  wire:push(server:request("PUT", path, { headers = all, authorization = authorization }))
  return wire
end

local function reply_on(server, wire, text, duration)
  local reply, why = wire:reply(duration or "30s")
  wire:close()
  server.t:expect(reply and reply.status or why, server:say(text)):is_a "integer"
  return reply
end

local function content_of(server, path)
  local ref = server:get(path).json.refs.download
  return server:must("GET", link.encode(ref), 200, { duration = "60s" }).body
end

check "PL-UPL-01" {
  "PUT of a new file: 201, then listed with its size",
  run = link.on("PB", WRITE, function(t, server)
    local path = server:folder() .. "/hotbed-new.gcode"
    server:ask("DELETE", path)
    local content = link.gcode(5000)
    server:status_of(server:upload(path, content), "PUT of a new file"):equals(201)
    t:expect(server:visible(path), server:say "the file within 2 s"):is_a "table"
    t:expect(server:get(path).json.size, server:say "size"):equals(5000)
    t:expect(server:child(server:folder(), "hotbed-new.gcode"), server:say "the file in the listing"):is_a "table"
  end),
}

check "PL-UPL-02" {
  "the storage's path, a slash and the name is taken even where that doubles a slash",
  run = link.on("PB", WRITE, function(t, server)
    server:folder()
    local storage = server:get("/api/v1/storage").json.storage_list[1].path
    local path = ("/api/v1/files%s/%s/hotbed-slash.gcode"):format(storage, server.folder_name)
    server:status_of(server:upload(path, link.gcode(300), { Overwrite = "?1" }), "PUT " .. path):equals(201)
    t:expect(server:visible(server:folder() .. "/hotbed-slash.gcode"), server:say "the file"):is_a "table"
  end),
}

check "PL-UPL-03" {
  "the same again without Overwrite, with ?0, or with true: 409, the old content stays",
  run = link.on("PB", WRITE, function(t, server)
    local path = server:file("hotbed-old.gcode", link.gcode(400))
    for _, value in ipairs { "", "?0", "true" } do
      local reply = server:upload(path, link.gcode(900), value ~= "" and { Overwrite = value } or nil)
      server:status_of(reply, ("PUT of a file that is there, Overwrite: %s"):format(value)):equals(409)
    end
    t:wait(link.LAG)
    t:expect(server:get(path).json.size, server:say "size"):equals(400)
  end),
}

check "PL-UPL-04" {
  "with Overwrite: ?1: 201, new content",
  run = link.on("PB", WRITE, function(t, server)
    local path = server:file("hotbed-over.gcode", link.gcode(400))
    local new = link.gcode(900)
    server:status_of(server:upload(path, new, { Overwrite = "?1" }), "PUT with Overwrite: ?1"):equals(201)
    t:wait_until(function() return server:get(path).json.size == 900 end, link.LAG)
    t:expect(content_of(server, path) == new, server:say "whether the content is the new one"):is_true()
  end),
}

check "PL-UPL-05" {
  "Print-After-Upload: ?1 in IDLE: 201, then it prints that file; without it nothing prints",
  run = link.on("PB", PRINT, function(t, server)
    server:rest()
    local path = server:folder() .. "/hotbed-go.gcode"
    server:status_of(server:upload(path, link.print(300), { Overwrite = "?1" }), "PUT"):equals(201)
    t:wait "5s"
    t:expect(server:state(), server:say "state after an upload that does not print"):differs "PRINTING"
    local reply = server:upload(path, link.print(300), { Overwrite = "?1", ["Print-After-Upload"] = "?1" })
    server:status_of(reply, "PUT with Print-After-Upload: ?1"):equals(201)
    server:wait_state(server.dialect == "B" and { "PRINTING", "ATTENTION" } or { "PRINTING" }, "60s", "state after it")
    local file = server:get("/api/v1/job").json.file
    t:expect(file.display_name or file.name, server:say "the job's file"):equals "hotbed-go.gcode"
    server:rest()
  end),
}

check "PL-UPL-06" {
  "Print-After-Upload: ?1 while another file is printed: 409, the file is stored, and the job goes on",
  run = link.on("PB", PRINT, function(t, server)
    local id = server:print()
    local path = server:folder() .. "/hotbed-wait.gcode"
    server:ask("DELETE", path)
    t:wait(link.LAG)
    local reply = server:upload(path, link.print(300), { ["Print-After-Upload"] = "?1" })
    server:status_of(reply, "PUT with Print-After-Upload: ?1 while printing"):equals(409)
    t:expect(server:visible(path), server:say "the file"):is_a "table"
    t:expect(server:get("/api/v1/job").json.id, server:say "id of the job"):equals(id)
    server:stop(id)
  end),
}

check "PL-UPL-07" {
  "no Content-Length, or chunks: 411, and nothing is stored",
  run = link.on("PB", WRITE, function(t, server)
    local path = server:folder() .. "/hotbed-411.gcode"
    local wire = begin_upload(server, path, {})
    t:expect(reply_on(server, wire, "PUT without a length").status, server:say "PUT without a length"):equals(411)
    wire = begin_upload(server, path, { { "Transfer-Encoding", "chunked" } })
    wire:send "5\r\nG28\r\n\r\n0\r\n\r\n"
    t:expect(reply_on(server, wire, "PUT in chunks").status, server:say "PUT in chunks"):equals(411)
    t:wait(link.LAG)
    server:must("GET", path, 404)
  end),
}

check "PL-UPL-08" {
  "Content-Length: 0: Buddy 501, the Pi 411",
  kind = "fidelity",
  run = link.on("PB", WRITE, function(_, server)
    local reply = server:upload(server:folder() .. "/hotbed-zero.gcode", "")
    server:status_of(reply, "PUT of nothing"):equals(server.dialect == "B" and 501 or 411)
  end),
}

check "PL-UPL-09" {
  "x.txt: 415 Not a GCODE; the other print names, and any Content-Type, are accepted",
  kind = "fidelity",
  run = link.on("B", WRITE, function(t, server)
    local folder = server:folder()
    local reply = server:upload(folder .. "/x.txt", link.gcode(100))
    server:status_of(reply, "PUT of x.txt"):equals(415)
    t:expect(reply.body, server:say "body of the 415"):contains "Not a GCODE"
    for i, name in ipairs { "X1.BGCODE", "x2.gco", "x3.g", "x4.gc", "x5.bgc" } do
      reply = server:upload(folder .. "/" .. name, link.gcode(100), { Overwrite = "?1" })
      server:status_of(reply, "PUT of " .. name):equals(201)
      t:expect(i, "file"):at_least(1)
    end
    reply = server:ask("PUT", folder .. "/x6.gcode", {
      headers = { { "Content-Type", "application/pdf" }, { "Overwrite", "?1" } }, body = link.gcode(100),
    })
    server:status_of(reply, "PUT as application/pdf"):equals(201)
  end),
}

check "PL-UPL-10" {
  "Content-Type application/gcode+binary, and none at all: 415",
  kind = "fidelity",
  run = link.on("P", WRITE, function(_, server)
    local path = server:folder() .. "/hotbed-type.gcode"
    local reply = server:ask("PUT", path, { headers = { ["Content-Type"] = "application/gcode+binary" }, body = link.gcode(100) })
    server:status_of(reply, "PUT as application/gcode+binary"):equals(415)
    reply = server:ask("PUT", path, { body = link.gcode(100) })
    server:status_of(reply, "PUT without Content-Type"):equals(415)
  end),
}

check "PL-UPL-11" {
  "application/octet-stream on a new file: 500; a body of 65366 bytes: 400, of 65365 and 65367: 201",
  kind = "quirk",
  run = link.on("P", WRITE, function(t, server)
    local folder = server:folder()
    local reply = server:ask("PUT", folder .. "/hotbed-octets.gcode", {
      headers = { ["Content-Type"] = "application/octet-stream" }, body = link.gcode(100),
    })
    server:status_of(reply, "PUT of a new file as application/octet-stream"):equals(500)
    for size, status in pairs { [65365] = 201, [65366] = 400, [65367] = 201 } do
      reply = server:upload(("%s/hotbed-%d.gcode"):format(folder, size), link.gcode(size), { Overwrite = "?1" })
      server:status_of(reply, ("PUT of %d bytes"):format(size)):equals(status)
      t:wait "1s"
    end
  end),
}

check "PL-UPL-12" {
  "names: the Pi refuses # and % with 400, Buddy what FAT forbids with 422, and a path of more than 103 bytes with 415",
  kind = "fidelity",
  run = link.on("PB", WRITE, function(_, server)
    local folder = server:folder()
    if server.dialect == "P" then
      for _, name in ipairs { "hotbed%23.gcode", "hotbed%25.gcode" } do
        server:status_of(server:upload(folder .. "/" .. name, link.gcode(100)), "PUT of " .. name):equals(400)
      end
      return
    end
    server:status_of(server:upload(folder .. "/hotbed%3A.gcode", link.gcode(100)), "PUT of a name with :"):equals(422)
    local own = #folder - #"/api/v1/files" + 1 -- "/usb/hotbed-check/"
    local fits, long = ("y"):rep(103 - own - 6) .. ".gcode", ("y"):rep(104 - own - 6) .. ".gcode"
    server:status_of(server:upload(folder .. "/" .. fits, link.gcode(100), { Overwrite = "?1" }), "path of 103 bytes"):equals(201)
    server:status_of(server:upload(folder .. "/" .. long, link.gcode(100), { Overwrite = "?1" }), "path of 104 bytes"):equals(415)
  end),
}

check "PL-UPL-13" {
  "a missing parent folder is made, and the file can be read back; of two missing levels the Pi shows the file after a restart",
  run = link.on("PB", WRITE, function(t, server)
    local path = server:folder() .. "/new1/x.gcode"
    server:status_of(server:upload(path, link.gcode(100), { Overwrite = "?1" }), "PUT below a missing folder"):equals(201)
    t:expect(server:visible(path), server:say "the file below a new folder"):is_a "table"
    path = server:folder() .. "/new2/new3/x.gcode"
    server:status_of(server:upload(path, link.gcode(100), { Overwrite = "?1" }), "PUT below two missing folders"):equals(201)
    if server.dialect == "B" then
      t:expect(server:visible(path), server:say "the file below two new folders"):is_a "table"
    elseif server:shows_quirks() then
      t:wait(link.LAG)
      server:must("GET", path, 404)
    end
  end),
}

check "PL-UPL-14" {
  "names with blanks, UTF-8 and brackets come back as the same display_name",
  run = link.on("PB", WRITE, function(t, server)
    for _, name in ipairs { "hot bed (1).gcode", "hotbed-žluťoučký.gcode", "hotbed[2]+.gcode" } do
      local path = server:file(name)
      t:expect(server:get(path).json.display_name, server:say "display_name"):equals(name)
      t:expect(server:child(server:folder(), name), server:say(name .. " in the listing")):is_a "table"
    end
  end),
}

check "PL-UPL-15" {
  "the client closes in the middle: nothing new is listed, and a new upload works within 30 s",
  run = link.on("PB", WRITE, function(t, server)
    local path = server:folder() .. "/hotbed-cut.gcode"
    local wire = begin_upload(server, path, { { "Content-Length", "300000" } })
    wire:push(link.gcode(100000))
    t:wait "1s"
    wire:close()
    t:wait "3s"
    server:must("GET", path, 404)
    t:expect(server:child(server:folder(), "hotbed-cut.gcode"), server:say "half a file in the listing"):is_nil()
    local reply
    t:wait_until(function()
      reply = server:upload(server:folder() .. "/hotbed-after.gcode", link.gcode(1000), { Overwrite = "?1" })
      return reply.status == 201
    end, "30s")
    server:status_of(reply, "an upload afterwards"):equals(201)
  end),
}

check "PL-UPL-16" {
  "a second upload during the first is refused, and the first completes",
  run = link.on("PB", WRITE, function(t, server)
    local text = link.gcode(300000)
    local path = server:folder() .. "/hotbed-first.gcode"
    local wire = begin_upload(server, path, { { "Content-Length", "300000" }, { "Overwrite", "?1" } })
    wire:push(text:sub(1, 100000))
    t:wait "1s"
    local reply = server:upload(server:folder() .. "/hotbed-second.gcode", link.gcode(1000), { Overwrite = "?1" })
    if not server.outside then
      server:status_of(reply, "a second upload"):equals(server.dialect == "B" and 409 or 500)
    end
    server:status_of(reply, "a second upload"):at_least(400)
    wire:push(text:sub(100001), "60s")
    t:expect(reply_on(server, wire, "the first upload").status, server:say "the first upload"):equals(201)
  end),
}

check "PL-UPL-17" {
  "silence in the body: 408 Connection timeout, not before 10 s, and nothing is left",
  kind = "fidelity",
  run = link.on("B", WRITE, function(t, server)
    local path = server:folder() .. "/hotbed-silent.gcode"
    local wire = begin_upload(server, path, { { "Content-Length", "10000" } })
    wire:push(link.gcode(2000))
    local began = t:now()
    local reply = reply_on(server, wire, "an upload that falls silent", "60s")
    t:expect(reply.status, server:say "an upload that falls silent"):equals(408)
    t:expect(reply.body, server:say "body of the 408"):contains "Connection timeout"
    t:expect(t:now() - began, server:say "seconds until the 408"):at_least(9.9)
    server:must("GET", path, 404)
  end),
}

check "PL-UPL-18" {
  "longer than the free space: 507 without waiting for the body",
  kind = "fidelity",
  run = link.on("B", WRITE, function(t, server)
    local path = server:folder() .. "/hotbed-huge.gcode"
    local wire = begin_upload(server, path, { { "Content-Length", "4000000000000" } })
    t:expect(reply_on(server, wire, "an upload larger than the drive").status,
      server:say "an upload larger than the drive"):equals(507)
    server:must("GET", path, 404)
  end),
}

check "PL-UPL-19" {
  "overwriting the file that is printed: Buddy 409 File is busy, the Pi 201",
  kind = "fidelity",
  run = link.on("PB", PRINT, function(t, server)
    local id, path = server:print()
    local reply = server:upload(path, link.print(600), { Overwrite = "?1" })
    if server.dialect == "B" then
      server:status_of(reply, "PUT over the file that is printed"):equals(409)
      t:expect(reply.body, server:say "body of the 409"):contains "File is busy"
    elseif server:shows_quirks() then
      server:status_of(reply, "PUT over the file that is printed"):equals(201)
    end
    server:stop(id)
  end),
}

check "PL-UPL-20" {
  "the 201: Buddy has a body like GET of the file, and Connection: close; the Pi's is empty",
  kind = "fidelity",
  run = link.on("PB", WRITE, function(t, server)
    local path = server:folder() .. "/hotbed-201.gcode"
    local reply = server:upload(path, link.gcode(321), { Overwrite = "?1" })
    server:status_of(reply, "PUT"):equals(201)
    if server.dialect == "P" then
      t:expect(reply.body, server:say "body of the 201"):equals ""
      return
    end
    t:expect(reply.json, server:say "body of the 201"):satisfies {
      name = type_of "string", display_name = "hotbed-201.gcode", type = "PRINT_FILE", size = 321,
    }
    t:expect(reply.headers.connection, server:say "Connection of the 201"):equals "close"
    t:expect(reply.framing, server:say "how its body ends"):equals "close"
  end),
}

local function create(server, path)
  local reply = server:ask("PUT", path, { headers = { ["Create-Folder"] = "?1" }, body = "" })
  server:visible(path)
  return reply
end

check "PL-UPL-21" {
  "PUT onto an existing folder without Overwrite: 409",
  run = link.on("PB", WRITE, function(_, server)
    local path = server:folder() .. "/" .. (server.dialect == "B" and "taken.gcode" or "taken")
    server:status_of(create(server, path), "Create-Folder"):one_of { 201, 409 }
    local reply = server:upload(path, link.gcode(100))
    server:ask("DELETE", path) -- Buddy lists no folder of such a name: nobody would find it afterwards
    server:status_of(reply, "PUT onto a folder"):equals(409)
  end),
}

check "PL-UPL-22" {
  "Create-Folder: ?1: 201, listed as FOLDER",
  run = link.on("PB", WRITE, function(t, server)
    local path = server:folder() .. "/fresh"
    server:ask("DELETE", path)
    server:status_of(create(server, path), "Create-Folder"):equals(201)
    t:expect(server:get(path).json.type, server:say "type of the new folder"):equals "FOLDER"
    t:expect(server:child(server:folder(), "fresh") or server:child(server:folder(), "FRESH"),
      server:say "the folder in the listing"):satisfies { type = "FOLDER" }
  end),
}

check "PL-UPL-23" {
  "Create-Folder of a folder that is there: Buddy 409 Already exists, the Pi 201",
  kind = "fidelity",
  run = link.on("PB", WRITE, function(t, server)
    local path = server:folder() .. "/twice"
    create(server, path)
    local reply = create(server, path)
    server:status_of(reply, "Create-Folder a second time"):equals(server.dialect == "B" and 409 or 201)
    if server.dialect == "B" then
      t:expect(reply.body, server:say "body of the 409"):contains "Already exists"
    end
  end),
}

check "PL-UPL-24" {
  "Print-After-Upload: 1 and true: yes on Buddy, no on the Pi",
  kind = "fidelity",
  run = link.on("PB", PRINT, function(t, server)
    for _, value in ipairs { "1", "true" } do
      server:rest()
      local path = server:folder() .. "/hotbed-flag.gcode"
      local reply = server:upload(path, link.print(300), { Overwrite = "?1", ["Print-After-Upload"] = value })
      server:status_of(reply, "PUT"):equals(201)
      if server.dialect == "B" then
        server:wait_state({ "PRINTING", "ATTENTION" }, "60s", "state after Print-After-Upload: " .. value)
      else
        t:wait "5s"
        t:expect(server:state(), server:say("state after Print-After-Upload: " .. value)):differs "PRINTING"
      end
    end
    server:rest()
  end),
}

check "PL-UPL-25" {
  "during an upload, GET of status is answered within 5 s",
  run = link.on("PB", WRITE, function(t, server)
    local path = server:folder() .. "/hotbed-long.gcode"
    local text = link.gcode(200000)
    local wire = begin_upload(server, path, { { "Content-Length", "200000" }, { "Overwrite", "?1" } })
    for at = 1, 200000, 50000 do
      wire:push(text:sub(at, at + 49999), "30s")
      local began = t:now()
      server:get("/api/v1/status")
      t:expect(t:now() - began, server:say "seconds until status was answered"):below(5)
    end
    t:expect(reply_on(server, wire, "the upload").status, server:say "the upload"):equals(201)
  end),
}

check "PL-UPL-26" {
  "Expect: 100-continue does not make an upload fail whose sender goes on after 1 s",
  run = link.on("PB", WRITE, function(t, server)
    local path = server:folder() .. "/hotbed-expect.gcode"
    local wire = begin_upload(server, path, {
      { "Content-Length", "5000" }, { "Overwrite", "?1" }, { "Expect", "100-continue" },
    })
    t:wait "1s"
    wire:push(link.gcode(5000), "30s")
    local reply = reply_on(server, wire, "the upload")
    if reply.status == 100 then
      t:skip "the server answers 100 Continue, which no known one does"
    end
    t:expect(reply.status, server:say "the upload"):equals(201)
  end),
}
