-- connect-buddy.md 9, 12.6: files, folders and what is told of them.

local buddy = include "buddy_common.lua"

local function file_info(t, printer, path)
  local told = t:expect(t.connect:command(printer, "SEND_FILE_INFO", { path = path })):answered("FILE_INFO"):within "15s"
  local posts = t.connect:requests(printer, { path = "/p/events", json = { event = "FILE_INFO" } })
  return told.data, posts[#posts].body
end

local MEMBERS = { "name", "display_name", "size", "m_timestamp", "read_only", "type" }

check "BUD-EVT-11" {
  "a folder's FILE_INFO has six members per child and their number; dot files are hidden; /usb has no size and time",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t, {
      files = {
        ["/usb/dir/long name.gcode"] = "G28\n", ["/usb/dir/notes.txt"] = "x", ["/usb/dir/.hidden"] = "x",
        ["/usb/dir/sub/a.bbf"] = "x",
      },
    })
    local data = file_info(t, printer, "/usb")
    t:expect(data, "FILE_INFO of /usb"):lacks "size"
    t:expect(data, "FILE_INFO of /usb"):lacks "m_timestamp"
    t:expect(data.type, "type"):equals "FOLDER"
    t:expect(data.file_count, "file_count"):equals(#data.children)
    local seen = data
    if not t.outside.printer then
      local path = "/usb/dir"
      local text
      seen, text = file_info(t, printer, path)
      t:expect(seen, "FILE_INFO of a folder"):has "size"
      t:expect(seen, "FILE_INFO of a folder"):has "m_timestamp"
      t:expect(seen.file_count, "file_count"):equals(3)
      for child in text:match('"children":(%b[])'):gmatch "%b{}" do
        t:expect(buddy.keys(child), "members of a child"):equals(MEMBERS)
      end
    end
    local types = {}
    for _, child in ipairs(seen.children) do
      t:expect(child.display_name:sub(1, 1), "first letter of " .. child.display_name):differs "."
      types[child.display_name] = child.type
    end
    if not t.outside.printer then
      t:expect(types, "types"):equals { ["long name.gcode"] = "PRINT_FILE", ["notes.txt"] = "FILE", sub = "FOLDER" }
    end
  end,
}

-- Base64 of as many bytes as it has letters times three quarters.
local function picture(letter, width)
  local text = letter:rep(40)
  return ("; thumbnail begin %dx%d %d\n; %s\n; thumbnail end\n"):format(width, width, #text, text), text
end

check "BUD-EVT-12" {
  "preview is the first picture of at least 17 x 17, as base64",
  side = "printer",
  run = function(t)
    local small = picture("AAAA", 16)
    local middle, expected = picture("BBBB", 17)
    local large = picture("CCCC", 220)
    local printer = buddy.printer(t, { files = { ["/usb/p.gcode"] = small .. middle .. large .. "G28\n" } })
    if t.outside.printer then
      t:skip "it has no file of ours"
    end
    t:expect(file_info(t, printer, "/usb/p.gcode").preview, "preview"):equals(expected)
  end,
}

local METADATA = [[
; support_material = 1
; layer_height = 0.2
; temperature = 215,215
; colour = red
; size = 1
G28
]]

check "BUD-EVT-13" {
  "metadata: known names are numbers, what is no number is left out, unknown names are text, size is the file's own",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t, { files = { ["/usb/m.gcode"] = METADATA } })
    if t.outside.printer then
      t:skip "it has no file of ours"
    end
    local data, text = file_info(t, printer, "/usb/m.gcode")
    t:expect(text, "FILE_INFO"):contains '"support_material":1,'
    t:expect(text, "FILE_INFO"):contains '"layer_height":0.20,'
    t:expect(data, "FILE_INFO"):lacks "temperature"
    t:expect(data.colour, "colour"):equals "red"
    t:expect(data.size, "size"):equals(#METADATA)
  end,
}

check "BUD-EVT-14" {
  "FILE_INFO with keys that come twice, or are junk, is taken",
  side = "server",
  dialect = "buddy",
  run = function(t)
    local junk = "; a = 1\n; a = 2\n; 6uvs/w== =\n; " .. ("x"):rep(60) .. " = \"quoted\"\nG28\n; a = 3\n"
    local printer = buddy.printer(t, { files = { ["/usb/junk.gcode"] = junk } })
    t.connect:command(printer, "SEND_FILE_INFO", { path = "/usb/junk.gcode" })
    local post = t:expect_request(printer, { path = "/p/events", json = { event = "FILE_INFO" } }):within "20s"
    local _, times = post.body:gsub('"a":', "")
    t:expect(times, "times that the key comes"):at_least(2)
    t:expect(post.status, "answer to FILE_INFO"):one_of { 200, 204 }
    t:expect_request(printer, { path = "/p/telemetry", status = one_of { 200, 204 } }):within "10s"
  end,
}

check "BUD-EVT-15" {
  "FILE_CHANGED has new_path for what came and old_path for what went",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    if t.outside.printer then
      t:skip "it would change the drive of the device"
    end
    local made = t.connect:command(printer, "CREATE_FOLDER", { path = "/usb/made" })
    local told = t:expect(made):answered("FILE_CHANGED"):within("15s").data
    t:expect(told.new_path, "new_path"):equals "/usb/MADE"
    t:expect(told, "FILE_CHANGED"):lacks "old_path"
    t:expect(told, "FILE_CHANGED"):lacks "rescan"
    t:expect(told.file, "file"):satisfies { type = "FOLDER", name = "made", m_timestamp = type_of "integer" }
    local gone = t.connect:command(printer, "DELETE_FOLDER", { path = "/usb/made" })
    told = t:expect(gone):answered("FILE_CHANGED"):within("15s").data
    t:expect(told.old_path, "old_path"):equals "/usb/made"
    t:expect(told, "FILE_CHANGED"):lacks "new_path"
    t:expect(told.file, "file"):equals { type = "FOLDER", name = "made" }
  end,
}

-- A download of a print file; gives what it tells from then on.
local function downloaded(t, printer, path, options)
  local file = t.connect:serve(("G1 X10\n"):rep(90000), options)
  return t.connect:download(printer, file, path, { encrypted = true })
end

check "BUD-EVT-16" {
  "several changes before a report are one of the folder around them, with rescan",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t, { files = { ["/usb/a/other.gcode"] = "G28\n" } })
    if t.outside.printer then
      t:skip "it would change the drive of the device"
    end
    -- Its file comes into being and becomes whole while the answer to its event is awaited.
    t.connect:on("event", { printer = printer, event = "TRANSFER_INFO", times = 1 }, function()
      return { status = 204, delay = "20s" }
    end)
    downloaded(t, printer, "/usb/a/x.gcode")
    local told = t:expect_event(printer, { event = "FILE_CHANGED", data = { rescan = true } }):within "1m"
    t:expect(told.data.new_path, "new_path"):equals "/usb/a/"
    t:expect(told.data.file.type, "type"):equals "FOLDER"
    t:expect(told.data, "FILE_CHANGED"):lacks "old_path"
  end,
}

check "BUD-EVT-17" {
  "a file that came is told by FILE_INFO, a folder by FILE_CHANGED",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    if t.outside.printer then
      t:skip "it would change the drive of the device"
    end
    local made = t.connect:command(printer, "CREATE_FOLDER", { path = "/usb/made" })
    t:expect(made):answered("FILE_CHANGED"):within "15s"
    downloaded(t, printer, "/usb/made/x.gcode", { bytes_per_second = 100000 })
    t:expect_event(printer, { event = "TRANSFER_FINISHED" }):within "1m"
    local told = t:expect_event(printer, { event = "FILE_INFO" }):within "20s"
    t:expect(told.data, "FILE_INFO"):satisfies { display_name = "x.gcode", type = "PRINT_FILE", read_only = false }
    t:expect(told, "FILE_INFO"):lacks "command_id"
  end,
}

check "BUD-EVT-19" {
  "the event of a transfer's end has the id of the transfer that ended, though another one runs",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    if t.outside.printer then
      t:skip "it would change the drive of the device"
    end
    local file = t.connect:serve(("G1 X10\n"):rep(3000), { bytes_per_second = 4000 })
    local first = t.connect:download(printer, file, "/usb/one.gcode", { encrypted = true })
    local started = t:expect(first):answered("TRANSFER_INFO"):within "15s"
    -- An INFO goes before the end of a transfer. Its answer brings the next download, which is REJECTED until the printer
    -- has noticed that the first one is over, and then begins before that is told.
    local secret, id = t.connect:encrypt(file), 4720
    local hook = t.connect:on("event", { printer = printer, event = "INFO" }, function()
      id = id + 1
      return buddy.command(id, "START_ENCRYPTED_DOWNLOAD",
        { path = "/usb/two.gcode", key = secret.key, iv = secret.iv, orig_size = secret.orig_size })
    end)
    local function second()
      return t.connect:events(printer, { event = "TRANSFER_INFO", command_id = between(4720, 9999) })[1]
    end
    for i = 1, 200 do
      printer:load_filament(i % 2 == 0 and "PETG" or "PLA")
      t:wait "100ms"
      if second() then
        break
      end
    end
    hook:off()
    local begun = second()
    t:expect(begun, "TRANSFER_INFO of the second"):is_a "table"
    t:wait "5s"
    local ended = t.connect:events(printer, { event = "TRANSFER_FINISHED" })[1]
    t:expect(ended, "TRANSFER_FINISHED"):is_a "table"
    t:expect(ended.transfer_id, "transfer_id of its end"):equals(started.transfer_id)
    t:expect(begun.transfer_id, "transfer_id of the second"):differs(started.transfer_id)
    t:expect(begun.at, "when the second began"):at_most(ended.at)
  end,
}

check "BUD-CMD-05" {
  "\\u00e9 in a path is not decoded, raw UTF-8 works",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t, { files = { ["/usb/café.gcode"] = "G28\n" } })
    if t.outside.printer then
      t:skip "it has no file of ours"
    end
    local body = '{"command":"SEND_FILE_INFO","kwargs":{"path":"/usb/%s.gcode"}}'
    local command = t.connect:raw(printer, { name = "SEND_FILE_INFO", body = body:format "caf\\u00e9" })
    t:expect(command):rejected("File not found"):within "15s"
    command = t.connect:raw(printer, { name = "SEND_FILE_INFO", body = body:format "café" })
    t:expect(command):answered("FILE_INFO", { data = { display_name = "café.gcode" } }):within "15s"
  end,
}
