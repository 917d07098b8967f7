-- link-sync.md 8.1 as checks of the printers that a sync works on: what protects their files from any tool.
local common = include "common.lua"

local function expect_status(t, reply, status, what)
  if reply.status ~= status then
    t:fail("%s: should be answered %d and was answered %s: %s", what, status, reply.told, reply.body)
  end
end

check "SYNC-43" {
  "a file that is being printed cannot be deleted, and stays as it is",
  side = "server", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    local content = ("G1 X10 Y10 F600\nG4 S30\n"):rep(50)
    bed:there(1, "printing.gcode", content)
    expect_status(t, bed:ask(1, "POST", "/api/v1/files/usb/printing.gcode"), 204, "starting the print")
    t:wait_until(function() return bed.printers[1].printer:state() == "PRINTING" end, "10s")
    expect_status(t, bed:ask(1, "DELETE", "/api/v1/files/usb/printing.gcode"), 409, "deleting the file in print")
    expect_status(t, bed:put(1, "printing.gcode", "; other\n", "Overwrite: ?1\r\n"), 409, "replacing the file in print")
    t:expect(bed:tree(1)["printing.gcode"], "the file"):equals(content)
  end,
}

check "SYNC-44" {
  "an upload that is cut in the middle leaves no file under its name and no temporary one",
  side = "server", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    local served = bed.printers[1].served
    local wire = t:wire { host = served.host, port = served.port }
    wire:push(("PUT /api/v1/files/usb/half.gcode HTTP/1.1\r\nHost: x\r\nX-Api-Key: %s\r\nContent-Length: 20000\r\n\r\n%s"):format(
      served.api_key, common.gcode("half", 10000)))
    t:wait(0.3)
    wire:reset()
    t:wait_until(function() return bed:ask(1, "GET", "/api/v1/transfer").status == 204 end, "30s")
    t:expect(bed:tree(1), "the drive"):equals {}
    expect_status(t, bed:put(1, "half.gcode", "; whole\n"), 201, "another upload of that name")
    t:expect(bed:tree(1), "the drive"):equals { ["half.gcode"] = "; whole\n" }
  end,
}

check "SYNC-45" {
  "Overwrite is said by ?1; true, 1 or nothing on a file that is there gives 409",
  side = "server", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:there(1, "a.gcode", "; old\n")
    for _, value in ipairs { "true", "1", "" } do
      expect_status(t, bed:put(1, "a.gcode", "; new\n", value ~= "" and ("Overwrite: %s\r\n"):format(value) or nil), 409,
        "Overwrite: " .. value)
      t:expect(bed:tree(1)["a.gcode"], "the file"):equals "; old\n"
    end
    expect_status(t, bed:put(1, "a.gcode", "; new\n", "Overwrite: ?1\r\n"), 201, "Overwrite: ?1")
    t:expect(bed:tree(1)["a.gcode"], "the file"):equals "; new\n"
  end,
}

check "SYNC-46" {
  "Create-Folder: ?1 makes one level; an existing one gives 409; true is no request for a folder",
  side = "server", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    local function make(path, value)
      return bed:ask(1, "PUT", "/api/v1/files/usb/" .. path, ("Create-Folder: %s\r\nContent-Length: 0\r\n"):format(value))
    end
    expect_status(t, make("new", "?1"), 201, "a new folder")
    expect_status(t, make("new", "?1"), 409, "the same again")
    local _, folders = bed:tree(1)
    t:expect(folders.new, "whether it is there"):is_true()
    expect_status(t, make("other", "true"), 501, "Create-Folder: true")
    _, folders = bed:tree(1)
    t:expect(folders.other, "what Create-Folder: true made"):is_nil()
  end,
}

check "SYNC-47" {
  "an upload below folders that are missing makes them",
  side = "server", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    expect_status(t, bed:put(1, "one/two/a.gcode", "; a\n"), 201, "the upload")
    t:expect(bed:tree(1)["one/two/a.gcode"], "the file"):equals "; a\n"
  end,
}

check "SYNC-48" {
  "an upload without a length is answered 411, one of length 0 501",
  side = "server", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    expect_status(t, bed:ask(1, "PUT", "/api/v1/files/usb/a.gcode", "Transfer-Encoding: chunked\r\n"), 411, "chunks")
    expect_status(t, bed:ask(1, "PUT", "/api/v1/files/usb/a.gcode", "Content-Length: 0\r\n"), 501, "length 0")
    t:expect(bed:tree(1), "the drive"):equals {}
  end,
}

check "SYNC-49" {
  "firmware and texts are answered 415, and not listed",
  side = "server", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    for _, name in ipairs { "firmware.bbf", "notes.txt" } do
      expect_status(t, bed:put(1, name, "some bytes of it\n"), 415, name)
      t:expect(bed:tree(1)[name], name):is_nil()
      bed:there(1, name, "some bytes of it\n")
    end
    t:expect(bed:ask(1, "GET", "/api/v1/files/usb").json.children, "what is listed"):equals(array {})
  end,
}

-- An upload that waits in its middle while another one is tried: the replies to both, the first one's content.
local function two_uploads(t, bed, number)
  local served = bed.printers[1].served
  local content = common.gcode("first", 20000)
  local wire = t:wire { host = served.host, port = served.port }
  local head = "PUT /api/v1/files/usb/first%d.gcode HTTP/1.1\r\nHost: x\r\nX-Api-Key: %s\r\nContent-Length: %d\r\n\r\n"
  wire:push(head:format(number, served.api_key, #content) .. content:sub(1, 10000))
  t:wait_until(function() return bed:ask(1, "GET", "/api/v1/transfer").status == 200 end, "10s")
  local second = bed:put(1, ("second%d.gcode"):format(number))
  wire:send(content:sub(10001))
  local first = wire:reply "15s"
  if not first then
    t:fail "the first upload was not answered"
  end
  return first, second, content
end

check "SYNC-50" {
  "a second upload while one is under way is answered 409, and disturbs the first one in nothing",
  side = "server", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    local first, second, content
    local number = 0
    repeat -- a machine that stands still for 10 s lets the first one time out, which is no answer to the question
      number = number + 1
      first, second, content = two_uploads(t, bed, number)
    until first.status ~= 408 or number == 5
    expect_status(t, second, 409, "the second upload")
    t:expect(second.body:find "Another transfer in progress" ~= nil, "whether it says why"):is_true()
    expect_status(t, first, 201, "the first upload")
    t:expect(bed:tree(1)[("first%d.gcode"):format(number)], "the first file"):equals(content)
  end,
}

check "SYNC-51" {
  "an upload for which there is no room is answered 507 and leaves nothing under its name",
  side = "server", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t, { storage = { name = "usb", kind = "usb", total = 10000 } })
    expect_status(t, bed:put(1, "large.gcode", common.gcode("large", 20000)), 507, "the upload")
    t:expect(bed:tree(1), "the drive"):equals {}
  end,
}

check "SYNC-52" {
  "the password is the key; a wrong key is answered 401 with a challenge for a key",
  side = "server", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    local served = bed.printers[1].served
    local function status_with(key)
      local wire = t:wire { host = served.host, port = served.port }
      wire:send(("GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX-Api-Key: %s\r\n\r\n"):format(key))
      return wire:reply "10s"
    end
    expect_status(t, status_with(common.password), 200, "the password as key")
    local refused = status_with "another key"
    expect_status(t, refused, 401, "another key")
    t:expect(refused.headers["www-authenticate"], "its challenge"):matches "^ApiKey "
  end,
}

check "SYNC-53" {
  "each child has a name, ro, a type, a time and a long name; the root is named usb; hidden and other files are not listed",
  side = "server", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    for _, path in ipairs { "a long name.gcode", "folder/b.gcode", ".hidden.gcode", "notes.txt" } do
      bed:there(1, path)
    end
    local root = bed:ask(1, "GET", "/api/v1/files/usb/").json
    t:expect(root.name, "the name of the root"):equals "usb"
    t:expect(#root.children, "children"):equals(2)
    for _, child in ipairs(root.children) do
      t:expect(child, "a child"):has "name"
      local kinds = { name = "string", ro = "boolean", type = "string", m_timestamp = "number", display_name = "string" }
      for key, kind in pairs(kinds) do
        t:expect(child[key], key):is_a(kind)
      end
    end
  end,
}

check "SYNC-54" {
  "the storage in a Buddy printer's status is an object with the path /usb/",
  side = "server", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    t:expect(bed:ask(1, "GET", "/api/v1/status").json.storage.path, "its path"):equals "/usb/"
  end,
}

check "SYNC-55" {
  "files outside the storage are refused with 403, and paths with dots do not lead there",
  side = "server", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    expect_status(t, bed:ask(1, "GET", "/api/v1/files/local/a.gcode"), 403, "another storage")
    for _, path in ipairs { "/api/v1/files/usb/../x.gcode", "/api/v1/files/usb/%2e%2e/x.gcode", "/api/v1/files/usb/a/.." } do
      local reply = bed:ask(1, "PUT", path, nil, "; x\n")
      t:expect(reply.status, path):one_of { 403, 404, 400 }
    end
    t:expect(bed:tree(1), "the drive"):equals {}
  end,
}
