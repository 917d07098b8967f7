-- prusalink.md 10, Files: read, print, delete.

local link = include "common.lua"

local WRITE = { write = true }
local PRINT = { write = true, print = true }

local function root(server)
  return "/api/v1/files" .. server.root
end

-- A file of a certain content to be looked at: an own one where that is allowed, else one that is there.
local function any_file(server)
  if not server.outside or server.may.write then
    return server:file("hotbed.gcode", link.gcode(1234)), 1234
  end
  return server:some_file()
end

check "PL-FILE-01" {
  "GET of the storage's root, with and without a slash at its end: a FOLDER with name and children",
  run = link.on("PB", function(t, server)
    for _, path in ipairs { root(server), root(server) .. "/" } do
      local reply = server:get(path)
      t:expect(reply.json, server:say(path)):satisfies { type = "FOLDER", name = type_of "string" }
      t:expect(reply.body, server:say("children of " .. path .. " as an array")):matches '"children":%s*%['
    end
  end),
}

check "PL-FILE-02" {
  "each child has name, display_name, type, m_timestamp and read_only or ro",
  run = link.on("PB", function(t, server)
    local folder = root(server)
    if not server.outside then
      server:file("hotbed.gcode")
    end
    local children = server:get(folder).json.children
    for _, child in ipairs(children) do
      t:expect(child, server:say("a child of " .. folder)):satisfies {
        name = type_of "string", display_name = type_of "string", m_timestamp = type_of "integer",
        type = one_of { "PRINT_FILE", "FIRMWARE", "FILE", "FOLDER" },
      }
      local flag = child.read_only
      if flag == nil then
        flag = child.ro
      end
      t:expect(flag, server:say("read_only or ro of " .. child.name)):is_a "boolean"
    end
    if #children == 0 then
      t:skip "there is nothing in the storage"
    end
  end),
}

check "PL-FILE-03" {
  "GET of a print file: type PRINT_FILE, size as uploaded, refs.download",
  run = link.on("PB", function(t, server)
    local path, size = any_file(server)
    local file = server:get(path).json
    t:expect(file, server:say(path)):satisfies {
      type = "PRINT_FILE", size = type_of "integer", refs = { download = type_of "string" },
    }
    if math.type(size) == "integer" then
      t:expect(file.size, server:say "size"):equals(size)
    end
  end),
}

check "PL-FILE-04" {
  "a missing file: GET and HEAD 404",
  run = link.on("PB", function(_, server)
    for _, method in ipairs { "GET", "HEAD" } do
      server:must(method, root(server) .. "/hotbed-not-there.gcode", 404)
    end
  end),
}

check "PL-FILE-05" {
  "HEAD of a file: 200, no body, Read-Only, and Currently-Printed or Currently-Printing",
  run = link.on("PB", function(t, server)
    local reply = server:must("HEAD", (any_file(server)), 200, { until_end = true })
    t:expect(reply.rest, server:say "what follows the head"):equals ""
    t:expect(reply.headers, server:say "headers"):has "read-only"
    local flag = reply.headers["currently-printed"] or reply.headers["currently-printing"]
    t:expect(flag, server:say "Currently-Printed or Currently-Printing"):is_a "string"
  end),
}

check "PL-FILE-06" {
  "refs.download, percent-encoded, gives the bytes uploaded",
  run = link.on("PB", WRITE, function(t, server)
    local content = link.gcode(70001)
    local path = server:file("hotbed down load.gcode", content)
    local ref = server:get(path).json.refs.download
    local reply = server:must("GET", link.encode(ref), 200, { duration = "60s" })
    t:expect(#reply.body, server:say "bytes of the download"):equals(#content)
    t:expect(reply.body == content, server:say "whether the download is what was uploaded"):is_true()
  end),
}

check "PL-FILE-07" {
  "the ETag of a listing in If-None-Match: 304 while nothing changes; after an upload or a delete 200 and another one",
  run = link.on("PB", WRITE, function(t, server)
    local folder = server:folder()
    t:wait "2s"
    local etag = server:get(folder).headers.etag
    t:expect(etag, server:say "ETag of a folder"):is_a "string"
    server:must("GET", folder, 304, { headers = { ["If-None-Match"] = etag } })
    local function changes(text)
      local reply
      t:wait_until(function()
        reply = server:ask("GET", folder, { headers = { ["If-None-Match"] = etag } })
        return reply.status == 200
      end, link.LAG)
      server:status_of(reply, "the old ETag " .. text):equals(200)
      t:expect(reply.headers.etag, server:say("ETag " .. text)):differs(etag)
      etag = reply.headers.etag
    end
    t:wait "1s" -- the Pi's ETag is made of whole seconds
    local path = server:file "hotbed-etag.gcode"
    changes "after an upload"
    t:wait "2s"
    etag = server:get(folder).headers.etag
    server:must("DELETE", path, 204)
    changes "after a delete"
  end),
}

check "PL-FILE-08" {
  "nonsense in If-None-Match: 200",
  run = link.on("PB", function(_, server)
    for _, value in ipairs { "null", '"', "W/", "*x", "0" } do
      server:must("GET", root(server), 200, { headers = { ["If-None-Match"] = value } })
    end
  end),
}

local MONTHS = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" }
local DAYS = { Sun = 0, Mon = 1, Tue = 2, Wed = 3, Thu = 4, Fri = 5, Sat = 6 }

-- The same HTTP date one second later; where that would change the day it is left to the caller to wait.
local function second_later(date)
  local before, h, m, s, after = date:match "^(.- )(%d%d):(%d%d):(%d%d)( GMT)$"
  local seconds = h * 3600 + m * 60 + s + 1
  return ("%s%02d:%02d:%02d%s"):format(before, seconds // 3600, seconds // 60 % 60, seconds % 60, after)
end

check "PL-FILE-09" {
  "ETag is made of Last-Modified; If-Modified-Since one second later 304, also for a missing path, equal 200, unreadable 500",
  kind = "fidelity",
  run = link.on("P", function(t, server)
    local reply = server:get(root(server))
    local date = reply.headers["last-modified"]
    t:expect(date, server:say "Last-Modified"):matches "^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT$"
    t:expect(DAYS[date:sub(1, 3)], server:say("day of the week in " .. date)):is_a "integer"
    t:expect(MONTHS, server:say("month in " .. date)):contains(date:sub(9, 11))
    t:expect(reply.headers.etag, server:say "ETag"):equals(('W/"%s"'):format(t:md5(date):sub(1, 10)))
    local later = { headers = { ["If-Modified-Since"] = second_later(date) } }
    server:must("GET", root(server), 304, later)
    server:must("GET", root(server) .. "/hotbed-not-there.gcode", 304, later)
    if server:shows_quirks() then
      server:must("GET", root(server), 200, { headers = { ["If-Modified-Since"] = date } })
      server:must("GET", root(server), 500, { headers = { ["If-Modified-Since"] = "soon" } })
    end
  end),
}

check "PL-FILE-10" {
  "ETag is a quoted decimal of 32 bits on folders, and missing on files",
  kind = "fidelity",
  run = link.on("B", function(t, server)
    local etag = server:get(root(server)).headers.etag
    t:expect(etag, server:say "ETag of the root"):matches '^"%d+"$'
    t:expect(tonumber(etag:match "%d+"), server:say "number in the ETag"):at_most(4294967295)
    t:expect(server:get((any_file(server))).headers, server:say "headers of a file"):lacks "etag"
  end),
}

check "PL-FILE-11" {
  "an unknown storage: Buddy 403, the Pi 404 Location Not Found",
  kind = "fidelity",
  run = link.on("PB", function(t, server)
    local reply = server:must("GET", "/api/v1/files/nowhere/x.gcode", server.dialect == "B" and 403 or 404)
    if server.dialect == "P" then
      t:expect(reply.json, server:say "body"):satisfies { title = "Location Not Found" }
    end
  end),
}

check "PL-FILE-12" {
  "../ in a path, plain or encoded, and a doubled slash behind the storage never read outside it",
  run = link.on("PB", function(t, server)
    local base = root(server)
    local outside = {
      "/../../../etc/passwd", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2f..%2fetc%2fpasswd", "//etc/passwd",
      "/%2fetc/passwd", "/x/../../../etc/passwd", "/..", "/%2e%2e",
    }
    for _, path in ipairs(outside) do
      local reply = server:ask("GET", base .. path)
      t:expect(reply.body:find("root:", 1, true), server:say("a password file in the answer to " .. base .. path)):is_nil()
      server:status_of(reply, "GET " .. base .. path):one_of { 400, 403, 404 }
    end
    if server.dialect == "B" and (not server.outside or server.may.write) then
      -- Collapsed, this is in the own folder, whose name is not there otherwise.
      local folder = server:folder()
      for _, path in ipairs { "/../hotbed-out.gcode", "/%2e%2e/hotbed-out.gcode" } do
        local reply = server:upload(folder .. path, link.gcode(100))
        server:status_of(reply, "PUT " .. folder .. path):one_of { 400, 403, 404 }
      end
      t:expect(server:child(base, "hotbed-out.gcode"), server:say "a file outside of the folder"):is_nil()
    end
  end),
}

check "PL-FILE-13" {
  "short and long name, any case, doubled slashes behind usb: the same file; name in the answer is the short one",
  kind = "fidelity",
  run = link.on("B", WRITE, function(t, server)
    local path = server:file("hotbed quite long.gcode", link.gcode(777))
    local long = server:get(path).json
    t:expect(long.display_name, server:say "display_name"):equals "hotbed quite long.gcode"
    t:expect(#long.name, server:say "length of name"):at_most(12)
    local folder = server:folder()
    local others = {
      folder .. "/" .. link.encode(long.name), folder .. "/" .. link.encode(long.name:lower()),
      folder .. "/HOTBED%20QUITE%20LONG.GCODE", (path:gsub("/files/usb/", "/files/usb//")),
    }
    for _, other in ipairs(others) do
      t:expect(server:get(other).json, server:say(other)):satisfies { name = long.name, size = 777 }
    end
  end),
}

check "PL-FILE-14" {
  "dot names, what can't be printed, and a folder called x.gcode are not listed; the flag is ro; children have no size",
  kind = "fidelity",
  run = link.on("B", function(t, server)
    if not server.outside then
      local own = server.printer
      own:put_file("/usb/.hidden.gcode", "G28\n")
      own:put_file("/usb/notes.txt", "nothing\n")
      own:make_folder "/usb/x.gcode"
      own:put_file("/usb/seen.gcode", "G28\n")
      t:expect(server:child(root(server), "seen.gcode"), server:say "a print file in the listing"):is_a "table"
      for _, name in ipairs { ".hidden.gcode", "notes.txt", "x.gcode" } do
        t:expect(server:child(root(server), name), server:say(name .. " in the listing")):is_nil()
      end
    end
    local listing = server:get(root(server)).json
    t:expect(listing, server:say "the root"):lacks "m_timestamp"
    t:expect(listing, server:say "the root"):has "ro"
    for _, child in ipairs(listing.children) do
      t:expect(child, server:say "a child"):has "ro"
      t:expect(child, server:say "a child"):lacks "read_only"
      t:expect(child, server:say "a child"):lacks "size"
    end
  end),
}

check "PL-FILE-15" {
  "without a drive the root is 200 with no children, a file in it 404",
  kind = "fidelity",
  run = link.on("B", { hands = "the drive is pulled" }, function(t, server)
    server.printer:detach "usb"
    local reply = server:get(root(server))
    t:expect(reply.body, server:say "the root"):matches '"children":%[%]'
    server:must("GET", root(server) .. "/cube.gcode", 404)
  end),
}

check "PL-FILE-16" {
  "POST on a print file in IDLE: 204, then PRINTING or ATTENTION, the job naming the file",
  run = link.on("PB", PRINT, function(t, server)
    server:rest()
    local path = server:file("hotbed-start.gcode", link.print(300))
    server:must("POST", path, 204, { body = "" })
    server:wait_state(server.dialect == "B" and { "PRINTING", "ATTENTION" } or { "PRINTING" }, "60s", "state after the start")
    local file = server:get("/api/v1/job").json.file
    t:expect(file.display_name or file.name, server:say "the job's file"):equals "hotbed-start.gcode"
    server:rest()
  end),
}

check "PL-FILE-17" {
  "POST while PRINTING: 409, the job untouched; POST on a missing file: 404",
  run = link.on("PB", PRINT, function(t, server)
    local id = server:print()
    local other = server:file("hotbed-other.gcode", link.print(300))
    server:must("POST", other, 409, { body = "" })
    t:wait "3s"
    t:expect(server:get("/api/v1/job").json.id, server:say "id of the job"):equals(id)
    t:expect(server:state(), server:say "state"):equals "PRINTING"
    server:stop(id)
    server:rest() -- the Pi asks for its state before it looks for the file (captures/prusalink-server 73)
    server:must("POST", root(server) .. "/hotbed-not-there.gcode", 404, { body = "" })
  end),
}

check "PL-FILE-18" {
  "POST in FINISHED and STOPPED: Buddy starts, the Pi 409 until IDLE",
  kind = "fidelity",
  run = link.on("PB", PRINT, function(_, server)
    local id, path = server:print()
    server:must("DELETE", "/api/v1/job/" .. id, 204)
    server:wait_state({ "STOPPED" }, "60s", "state after a stop")
    server:must("POST", path, server.dialect == "B" and 204 or 409, { body = "" })
    server:rest()
    local _, short = server:print(20)
    server:wait_state({ "FINISHED" }, "120s", "state at the end of a print")
    server:must("POST", short, server.dialect == "B" and 204 or 409, { body = "" })
    server:rest()
  end),
}

check "PL-FILE-19" {
  "DELETE of a file: 204, then GET 404 and gone from the listing",
  run = link.on("PB", WRITE, function(t, server)
    local path = server:file "hotbed-gone.gcode"
    server:must("DELETE", path, 204)
    t:wait_until(function() return server:ask("GET", path).status == 404 end, link.LAG)
    server:must("GET", path, 404)
    t:expect(server:child(server:folder(), "hotbed-gone.gcode"), server:say "the file in the listing"):is_nil()
    server:must("DELETE", path, 404)
  end),
}

check "PL-FILE-20" {
  "DELETE of the file that is printed: 409, the print goes on",
  run = link.on("PB", PRINT, function(t, server)
    local id, path = server:print()
    server:must("DELETE", path, 409)
    t:wait "3s"
    t:expect(server:state(), server:say "state"):equals "PRINTING"
    server:must("GET", path, 200)
    server:stop(id)
  end),
}

local function make_folder(server, path)
  server:must("PUT", path, 201, { headers = { ["Create-Folder"] = "?1" }, body = "" })
  server:visible(path)
end

check "PL-FILE-21" {
  "DELETE of an empty folder: 204",
  run = link.on("PB", WRITE, function(t, server)
    local path = server:folder() .. "/empty"
    make_folder(server, path)
    server:must("DELETE", path, 204)
    t:wait_until(function() return server:ask("GET", path).status == 404 end, link.LAG)
    server:must("GET", path, 404)
  end),
}

check "PL-FILE-22" {
  "DELETE of a full folder: the Pi 409, with Force: ?1 204; Buddy 404 both times",
  kind = "fidelity",
  run = link.on("PB", WRITE, function(_, server)
    local path = server:folder() .. "/full"
    make_folder(server, path)
    server:status_of(server:upload(path .. "/x.gcode", link.gcode(100)), "a file in it"):equals(201)
    server:visible(path .. "/x.gcode")
    server:must("DELETE", path, server.dialect == "P" and 409 or 404)
    server:must("DELETE", path, server.dialect == "P" and 204 or 404, { headers = { Force = "?1" } })
    if server.dialect == "B" then
      server:must("GET", path .. "/x.gcode", 200)
    end
  end),
}

check "PL-FILE-23" {
  "PUT and DELETE on the card: 409",
  kind = "fidelity",
  run = link.on("P", function(t, server)
    local card
    for _, storage in ipairs(server:get("/api/v1/storage").json.storage_list) do
      card = card or storage.path == "/sdcard"
    end
    if not card then
      t:skip "it lists no card"
    end
    local path = "/api/v1/files/sdcard/hotbed-not-there.gcode"
    server:status_of(server:upload(path, link.gcode(100)), "PUT on the card"):equals(409)
    server:must("DELETE", path, 409)
  end),
}

-- The size of a PNG picture.
local function png_size(bytes)
  if bytes:sub(1, 8) ~= "\137PNG\r\n\26\n" or #bytes < 24 then
    return nil
  end
  local width, height = (">I4I4"):unpack(bytes, 17)
  return ("%dx%d"):format(width, height)
end

check "PL-FILE-24" {
  "/thumb/s gives a 16x16 PNG, /thumb/l a larger one, where the g-code has them; else 404 File doesn't contain preview",
  kind = "fidelity",
  run = link.on("B", WRITE, function(t, server)
    local with = server:get(server:file("hotbed-picture.gcode", link.pictured(60))).json.refs
    local reply = server:must("GET", link.encode(with.icon), 200)
    t:expect(png_size(reply.body), server:say "size of the small picture"):equals "16x16"
    t:expect(reply.headers["content-type"], server:say "Content-Type of a picture"):equals "image/png"
    local without = server:get(server:file "hotbed-plain.gcode").json.refs
    for _, ref in ipairs { without.icon, without.thumbnail, with.thumbnail } do
      reply = server:must("GET", link.encode(ref), 404)
      t:expect(reply.body, server:say("body of " .. ref)):contains "File doesn't contain preview"
    end
  end),
}
