-- connect-buddy.md 12.8: transfers.
--
-- Of BUD-TRN-05 the port towards a server with TLS, and of BUD-TRN-18 the other firmware, are not here: the one needs two
-- servers at one name, the other a printer that is flashed while it is off. tests/protocol/test_buddy_transfer.c has them.

local buddy = include "buddy_common.lua"

-- A free path. On a device from outside an earlier run may have left something there.
local function fresh(t, printer, name)
  local path = "/usb/hotbed-" .. name
  if t.outside.printer then
    t:expect(t.connect:command(printer, "DELETE_FILE", { path = path })):ended():within "15s"
  end
  return path
end

-- One that has looked through its drive: before that it refuses (BUD-TRN-04).
local function ready(t, printer)
  if not printer.outside then
    t:wait_until(function()
      return #t.connect:events(printer, { event = "INFO", data = { transfer_paused = false } }) > 0
    end, "15s")
  end
  return printer
end

local function content(bytes)
  return ("G1 X1 Y1\n"):rep(bytes // 9 + 1):sub(1, bytes)
end

local function serve(t, bytes, options)
  return t.connect:serve(content(bytes), options or {})
end

local function start(t, printer, file, path, options)
  options = options or {}
  options.encrypted = true
  return t.connect:download(printer, file, path, options)
end

local function begun(t, printer, file, path, options)
  local command = start(t, printer, file, path, options)
  local info = t:expect(command):answered("TRANSFER_INFO"):within "15s"
  return command, info
end

local function ended(t, printer, event, command)
  return t:expect_event(printer, { event = event, data = { start_cmd_id = command.id } }):within "90s"
end

-- Its GETs of that transfer so far.
local function gets(t, printer, command)
  return t.connect:requests(printer, { path = ("/f/%s/raw"):format(command.secret.iv) })
end

local function ranges(t, printer, command)
  local list = {}
  for i, get in ipairs(gets(t, printer, command)) do
    list[i] = get.headers.range
  end
  return list
end

local function rejected(t, command, reason, machine_reason)
  t:expect(command):rejected(reason):within "15s"
  t:expect(command:answer("REJECTED").machine_reason, "machine_reason"):equals(machine_reason)
end

check "BUD-TRN-01" {
  "a download's command is answered TRANSFER_INFO with its id as start_cmd_id, FROM_CONNECT and the size",
  side = "printer",
  run = function(t)
    local printer = ready(t, buddy.printer(t))
    local file = serve(t, 300000, { bytes_per_second = 100000 })
    local path = fresh(t, printer, "trn-01.gcode")
    local command, info = begun(t, printer, file, path)
    t:expect(info.data.start_cmd_id, "start_cmd_id"):equals(command.id)
    t:expect(info.data.type, "type"):equals("FROM_CONNECT")
    t:expect(info.data.size, "size"):equals(300000)
    t:expect(info.data.path, "path"):equals(path)
    t:expect(info.transfer_id, "transfer_id"):is_a "integer"
    local asked = t:expect(t.connect:command(printer, "SEND_TRANSFER_INFO")):answered("TRANSFER_INFO"):within "15s"
    t:expect(asked.transfer_id, "transfer_id"):equals(info.transfer_id)
    t:expect(asked.data.start_cmd_id, "start_cmd_id"):equals(command.id)
    local finished = ended(t, printer, "TRANSFER_FINISHED", command)
    t:expect(finished.transfer_id, "transfer_id"):equals(info.transfer_id)
    t:held("BUD-TRN-01", { exercised = "fail" })
  end,
}

check "BUD-TRN-02" {
  "a second download is REJECTED while one runs, and one onto a file that is there always",
  side = "printer",
  run = function(t)
    local printer = ready(t, buddy.printer(t))
    local file = serve(t, 200000, { bytes_per_second = 50000 })
    local path = fresh(t, printer, "trn-02.gcode")
    local first = begun(t, printer, file, path)
    rejected(t, start(t, printer, file, "/usb/hotbed-other.gcode"), "Another transfer in progress", "TRANSFER_IN_PROGRESS")
    ended(t, printer, "TRANSFER_FINISHED", first)
    rejected(t, start(t, printer, file, path), "File already exists", "FILE_EXISTS")
  end,
}

check "BUD-TRN-03" {
  "a download of another type, or to somewhere else than /usb, is REJECTED with STORAGE_FAILURE",
  side = "printer",
  run = function(t)
    local printer = ready(t, buddy.printer(t))
    local file = serve(t, 1000)
    rejected(t, start(t, printer, file, "/usb/hotbed.txt"), "Unsupported file type", "STORAGE_FAILURE")
    rejected(t, start(t, printer, file, "/etc/hotbed.gcode"), "Not allowed outside /usb", "STORAGE_FAILURE")
    t:expect(t.connect:served(file).requests, "times it was asked for"):equals(0)
  end,
}

check "BUD-TRN-04" {
  'before its drive is there a download is REJECTED "Not ready", and INFO says transfer_paused',
  side = "printer",
  run = function(t)
    if t.outside.printer then
      t:skip "needs hands on the printer: its drive is pulled before it starts"
    end
    local printer = buddy.printer(t, { storages = {}, files = {} })
    local file = serve(t, 1000)
    rejected(t, start(t, printer, file, "/usb/hotbed.gcode"), "Not ready", "NOT_READY")
    local paused = t.connect:events(printer, { event = "INFO" })[1]
    t:expect(paused.data.transfer_paused, "transfer_paused"):equals(true)
    rejected(t, t.connect:command(printer, "START_INLINE_DOWNLOAD",
      { path = "/usb/hotbed.gcode", team_id = 1, hash = file.hash, orig_size = 1000 }), "Not ready", nil)
    printer:attach { name = "usb", kind = "usb", total = 1000000000 }
    local info = t:expect_event(printer, { event = "INFO", data = { transfer_paused = false } }):within "15s"
    t:expect(#info.data.storages, "storages"):equals(1)
    ended(t, printer, "TRANSFER_FINISHED", (begun(t, printer, file, "/usb/hotbed.gcode")))
  end,
}

check "BUD-TRN-05" {
  "the GET of an encrypted file has the iv in its target, three headers in their order, and goes to the port that is told",
  side = "printer",
  run = function(t)
    local printer = ready(t, buddy.printer(t))
    local command = begun(t, printer, serve(t, 3000), fresh(t, printer, "trn-05.gcode"))
    ended(t, printer, "TRANSFER_FINISHED", command)
    local host = buddy.telemetries(t, printer)[1].headers.host
    t:expect(gets(t, printer, command)[1].head, "request"):equals(table.concat({
      ("GET /f/%s/raw HTTP/1.1"):format(command.secret.iv),
      "Host: " .. host,
      "Content-Encryption-Mode: AES-CTR",
      "Range: bytes=0-",
      "\r\n",
    }, "\r\n"))
    local elsewhere = begun(t, printer, serve(t, 4000), fresh(t, printer, "trn-05-port.gcode"), { port = 1 })
    local aborted = ended(t, printer, "TRANSFER_ABORTED", elsewhere)
    t:expect(aborted.machine_reason, "machine_reason"):equals("NETWORK_FAILURE")
    t:expect(#gets(t, printer, elsewhere), "requests on the configured port"):equals(0)
    t:held("BUD-TRN-05", { exercised = "fail" })
  end,
}

check "BUD-TRN-06" {
  "AES-128 in counter mode: twelve bytes of the iv, then the number of the block; all behind orig_size is ignored",
  side = "printer",
  run = function(t)
    local printer = ready(t, buddy.printer(t))
    -- The project's own file, of which two blocks are known (7.2).
    local text = "; generated by P" .. content(496) .. "KMsSYRj+WandleqS"
    text = text .. content(95356 - #text)
    local file = t.connect:serve(text)
    local secret = t.connect:encrypt(file, {
      printer = printer,
      key = "1c445fac4bb4017c1eff5373ea7f951d",
      iv = "a7f65bcee0a6f45fdf169e3129f0a437",
    })
    local path = fresh(t, printer, "trn-06.gcode")
    local command = begun(t, printer, file, path, { secret = secret })
    local finished = ended(t, printer, "TRANSFER_FINISHED", command)
    t:expect(finished.machine_reason, "machine_reason"):is_nil()
    t:expect(t.connect:encrypted(secret).whole, "all of it was sent"):equals(true)
    local info = t:expect_event(printer, { event = "FILE_INFO", data = { read_only = false } }):within "15s"
    t:expect(info.data.size, "size"):equals(95356)
    if not printer.outside then
      t:expect(printer:file_content(path) == text, "the same bytes"):equals(true)
    end
  end,
}

check "BUD-TRN-07" {
  "of plain g-code the tail is fetched first, of other files all from the beginning",
  side = "printer",
  run = function(t)
    local printer = ready(t, buddy.printer(t))
    local gcode = begun(t, printer, serve(t, 1000000), fresh(t, printer, "trn-07.gcode"))
    ended(t, printer, "TRANSFER_FINISHED", gcode)
    t:expect(ranges(t, printer, gcode), "ranges"):equals { "bytes=949760-", "bytes=0-949759" }
    local binary = begun(t, printer, serve(t, 1000001), fresh(t, printer, "trn-07.bgcode"))
    ended(t, printer, "TRANSFER_FINISHED", binary)
    t:expect(ranges(t, printer, binary), "ranges"):equals { "bytes=0-" }
    t:expect(t.connect:encrypted(gcode.secret).whole, "all of it was sent"):equals(true)
    t:held("BUD-TRN-07", { exercised = "fail" })
  end,
}

check "BUD-TRN-08" {
  "from 524 288 bytes on the tail comes first, and every range begins at a multiple of 512",
  side = "printer",
  run = function(t)
    local printer = ready(t, buddy.printer(t))
    for size, expected in pairs { [524287] = { "bytes=0-" }, [524288] = { "bytes=474112-", "bytes=0-474111" } } do
      local file = serve(t, size, { cut = 70000, times = 1 })
      local command = begun(t, printer, file, fresh(t, printer, ("trn-08-%d.gcode"):format(size)))
      ended(t, printer, "TRANSFER_FINISHED", command)
      local seen = ranges(t, printer, command)
      t:expect(seen[1], "first range"):equals(expected[1])
      t:expect(seen[#expected == 1 and 1 or #seen], "range"):equals(expected[#expected])
      for _, range in ipairs(seen) do
        t:expect(tonumber((range:match "bytes=(%d+)")) % 512, "start of " .. range .. ", modulo 512"):equals(0)
      end
    end
    t:held("BUD-TRN-08", { exercised = "fail" })
  end,
}

check "BUD-TRN-09" {
  "a file that is refused is asked for six times, then TRANSFER_ABORTED says NETWORK_FAILURE",
  side = "printer",
  run = function(t)
    local printer = ready(t, buddy.printer(t))
    local command, info = begun(t, printer, serve(t, 5000, { status = 404 }), fresh(t, printer, "trn-09.gcode"))
    local aborted = ended(t, printer, "TRANSFER_ABORTED", command)
    t:expect(aborted.machine_reason, "machine_reason"):equals("NETWORK_FAILURE")
    t:expect(aborted.transfer_id, "transfer_id"):equals(info.transfer_id)
    t:expect(aborted.reason, "reason"):is_nil()
    t:expect(#gets(t, printer, command), "attempts"):equals(6)
  end,
}

check "BUD-TRN-10" {
  "without mode or length, or with all instead of a part, it is TRANSFER_ABORTED without machine_reason, at once",
  side = "printer",
  run = function(t)
    local printer = ready(t, buddy.printer(t))
    for i, how in ipairs {
      { size = 5000, mode = "" },
      { size = 5016, mode = "AES-CBC" },
      { size = 5032, no_length = true },
      { size = 600000, whole = true },
    } do
      local size = how.size
      how.size = nil
      local command = begun(t, printer, serve(t, size, how), fresh(t, printer, ("trn-10-%d.gcode"):format(i)))
      local aborted = ended(t, printer, "TRANSFER_ABORTED", command)
      t:expect(aborted.machine_reason, "machine_reason"):is_nil()
      t:expect(#gets(t, printer, command), "attempts"):equals(1)
    end
    t:held("BUD-TRN-10", { exercised = "fail" })
  end,
}

check "BUD-TRN-11" {
  "a download that is cut goes on at the last byte written, rounded down to 512; in a print it never gives up",
  side = "printer",
  run = function(t)
    local printer = ready(t, t.outside.printer and buddy.printer(t) or buddy.printing(t))
    local path = fresh(t, printer, "trn-11.bgcode")
    local command = begun(t, printer, serve(t, 400000, { cut = 100001, times = 2 }), path)
    ended(t, printer, "TRANSFER_FINISHED", command)
    local seen = ranges(t, printer, command)
    t:expect(#seen, "attempts"):equals(3)
    t:expect(seen[1], "first range"):equals("bytes=0-")
    local last = 0
    for i = 2, 3 do
      local from = tonumber((seen[i]:match "bytes=(%d+)%-$"))
      t:expect(from % 512, "start, modulo 512"):equals(0)
      t:expect(from, "start"):satisfies(between(last + 100001 - 4096, last + 100001))
      last = from
    end
    if t.outside.printer then
      return
    end
    local stubborn = begun(t, printer, serve(t, 5000, { status = 404, times = 20 }), fresh(t, printer, "trn-11-b.bgcode"))
    ended(t, printer, "TRANSFER_FINISHED", stubborn)
    t:expect(#gets(t, printer, stubborn), "attempts in a print"):equals(21)
  end,
}

check "BUD-TRN-12" {
  "STOP_TRANSFER is FINISHED, then TRANSFER_STOPPED and FILE_CHANGED follow; without a transfer it is REJECTED",
  side = "printer",
  run = function(t)
    local printer = ready(t, buddy.printer(t))
    buddy.rejected(t, printer, "No transfer in progress", "STOP_TRANSFER")
    local path = fresh(t, printer, "trn-12.gcode")
    local command, info = begun(t, printer, serve(t, 300000, { bytes_per_second = 20000 }), path)
    t:wait "2s"
    local stop = t.connect:command(printer, "STOP_TRANSFER")
    local answered = t:expect(stop):answered("FINISHED"):within "15s"
    local stopped = ended(t, printer, "TRANSFER_STOPPED", command)
    t:expect(stopped.transfer_id, "transfer_id"):equals(info.transfer_id)
    t:expect(stopped.at, "TRANSFER_STOPPED behind FINISHED"):at_least(answered.at)
    local removed = t:expect_event(printer, { event = "FILE_CHANGED", data = { old_path = like "^/usb/" } }):within "30s"
    t:expect(removed.at, "FILE_CHANGED behind TRANSFER_STOPPED"):at_least(stopped.at)
    if not printer.outside then
      t:expect(printer:files(path), "what is left"):is_nil()
      t:expect(#printer:files("/usb"), "files"):equals(1)
    end
  end,
}

check "BUD-TRN-13" {
  "success is TRANSFER_FINISHED, then FILE_INFO of a file that is not read-only",
  side = "printer",
  run = function(t)
    local printer = ready(t, buddy.printer(t))
    local path = fresh(t, printer, "trn-13.gcode")
    local command = begun(t, printer, serve(t, 60000, { bytes_per_second = 30000 }), path)
    local finished = ended(t, printer, "TRANSFER_FINISHED", command)
    local info = t:expect_event(printer, { event = "FILE_INFO", data = { display_name = path:match "[^/]+$" } }):within "30s"
    t:expect(info.at, "FILE_INFO behind TRANSFER_FINISHED"):at_least(finished.at)
    t:expect(info.data.read_only, "read_only"):equals(false)
    t:expect(info.data.size, "size"):equals(60000)
    local none = t:expect(t.connect:command(printer, "SEND_TRANSFER_INFO")):answered("TRANSFER_INFO"):within "15s"
    t:expect(none.data, "data"):equals { type = "NO_TRANSFER" }
    if not printer.outside then
      t:expect(printer:file_content(path) == content(60000), "the same bytes"):equals(true)
    end
  end,
}

check "BUD-TRN-14" {
  "a printable file is told by FILE_CHANGED as soon as it comes, and can be printed; a .bbf is not",
  side = "printer",
  run = function(t)
    local printer = ready(t, buddy.printer(t))
    local firmware = begun(t, printer, serve(t, 20000, { bytes_per_second = 10000 }), fresh(t, printer, "trn-14.bbf"))
    t:never(printer, { event = "FILE_CHANGED", data = { new_path = like "^/usb/" } }):during "1s"
    ended(t, printer, "TRANSFER_FINISHED", firmware)
    local path = fresh(t, printer, "trn-14.gcode")
    local command = begun(t, printer, serve(t, 300000, { bytes_per_second = 30000 }), path)
    local named = { file = { name = path:match "[^/]+$" } }
    local early = t:expect_event(printer, { event = "FILE_CHANGED", data = named }):within "5s"
    t:expect(early.data.file.type, "type"):equals("PRINT_FILE")
    local told = t:expect(t.connect:command(printer, "SEND_FILE_INFO", { path = path })):answered("FILE_INFO"):within "15s"
    t:expect(told.data.read_only, "read_only"):equals(true)
    if printer.outside then
      t:expect(t.connect:command(printer, "STOP_TRANSFER")):answered("FINISHED"):within "15s"
      return
    end
    local print = t.connect:command(printer, "START_PRINT", { path = path })
    t:expect(print):answered("JOB_INFO"):within "15s"
    ended(t, printer, "TRANSFER_FINISHED", command)
  end,
}

-- Over a WebSocket.
local function in_touch(t)
  if t.outside.printer then
    t:skip "which build of the firmware it has can't be asked"
  end
  return ready(t, buddy.printer(t, { websocket = true, files = {} }))
end

local function begun_inline(t, printer, file, path)
  local command = t.connect:download(printer, file, path, { inline = true })
  t:expect(command):answered("TRANSFER_INFO"):within "15s"
  return command
end

-- Its requests for data since an instant, in which hash and team_id are there or not.
local function asked(t, printer, since)
  local list = {}
  for _, request in ipairs(t.connect:requests(printer, { method = "POST", path = "/p/ws" })) do
    if request.at >= (since or 0) then
      list[#list + 1] = request
    end
  end
  return list
end

check "BUD-TRN-15" {
  "inline data are asked for in segments of 262144 bytes, each when the one before is there; only the first names the file",
  side = "printer",
  run = function(t)
    local printer = in_touch(t)
    local file = serve(t, 600000)
    local command = begun_inline(t, printer, file, "/usb/inline.bgcode")
    ended(t, printer, "TRANSFER_FINISHED", command)
    t:expect(printer:file_content "/usb/inline.bgcode" == content(600000), "the same bytes"):equals(true)
    local list = asked(t, printer)
    t:expect(#list, "requests"):equals(3)
    local id = list[1].json.file_id
    t:expect(list[1].body, "first request"):equals(
      ('{"transfer":"inline","hash":"%s","team_id":%d,"chunk":4096,"file_id":%d,"start":0,"end":262143}')
        :format(file.hash, file.team_id, id))
    for i, from in ipairs { [2] = 262144, [3] = 524288 } do
      t:expect(list[i].body, "further request"):equals(
        ('{"transfer":"inline","chunk":4096,"file_id":%d,"start":%d,"end":%d}'):format(id, from, math.min(from + 262143, 599999)))
    end
    local since = t:now()
    begun_inline(t, printer, serve(t, 600001, { cut = 100000 }), "/usb/cut.bgcode")
    t:wait "5s"
    t:expect(#asked(t, printer, since), "requests while a segment is not complete"):equals(1)
  end,
}

check "BUD-TRN-16" {
  "data that say nothing or are of another file drop the WebSocket; after six times it is over; unasked ones are ignored",
  side = "printer",
  run = function(t)
    local printer = in_touch(t)
    t:expect(t.connect:send_data(printer, 77, "data of nothing"), "sent"):equals(true)
    t:wait "2s"
    local upgrades = #t.connect:requests(printer, { method = "GET", path = "/p/ws" })
    t:expect(upgrades, "connections"):equals(1)
    for i, how in ipairs { { status = 404 }, { wrong_key = true } } do
      local since = t:now()
      local command = begun_inline(t, printer, serve(t, 5000 + i, how), ("/usb/none-%d.gcode"):format(i))
      local aborted = ended(t, printer, "TRANSFER_ABORTED", command)
      t:expect(aborted.machine_reason, "machine_reason"):equals("NETWORK_FAILURE")
      local list, seen = asked(t, printer, since), {}
      t:expect(#list, "requests"):equals(6)
      for _, request in ipairs(list) do
        t:expect(request.json, "request"):has "hash"
        t:expect(seen[request.json.file_id], "file_id of before"):is_nil()
        seen[request.json.file_id] = true
      end
    end
    t:expect(#t.connect:requests(printer, { method = "GET", path = "/p/ws" }), "connections"):at_least(upgrades + 10)
  end,
}

check "BUD-TRN-17" {
  "a reconnect begins the download anew where it was, with all details and a new file_id",
  side = "printer",
  run = function(t)
    local printer = in_touch(t)
    local command = begun_inline(t, printer, serve(t, 600000, { cut = 300000, times = 1 }), "/usb/inline.bgcode")
    t:wait "3s"
    local before = asked(t, printer)
    t.connect:down()
    t:wait "1s"
    t.connect:up()
    ended(t, printer, "TRANSFER_FINISHED", command)
    local again = asked(t, printer)[#before + 1].json
    t:expect(again, "request"):has "hash"
    t:expect(again, "request"):has "team_id"
    t:expect(again.file_id, "file_id"):differs(before[1].json.file_id)
    t:expect(again.start, "start"):satisfies(between(300000 - 4096, 300000))
    t:expect(again.start % 512, "start, modulo 512"):equals(0)
    t:expect(printer:file_content "/usb/inline.bgcode" == content(600000), "the same bytes"):equals(true)
  end,
}

check "BUD-TRN-18" {
  "after a power cut a transfer goes on under its id, without its command's",
  side = "printer",
  run = function(t)
    local printer = ready(t, buddy.printer(t))
    local path = fresh(t, printer, "trn-18.gcode")
    local file = serve(t, 400000, { bytes_per_second = 40000 })
    local command, info = begun(t, printer, file, path)
    t:wait "8s"
    local cut = t:now()
    printer:reset()
    local finished = t:expect_event(printer, { event = "TRANSFER_FINISHED", transfer_id = info.transfer_id }):within "2m"
    t:expect(finished.data, "data"):is_nil()
    t:expect(#t:events_since(printer, cut, { event = "TRANSFER_INFO" }), "TRANSFER_INFO unasked"):equals(0)
    local again = ranges(t, printer, command)
    t:expect(#again, "requests"):equals(2)
    t:expect(tonumber((again[2]:match "bytes=(%d+)")), "goes on at"):satisfies(between(320000 - 262144 - 4096, 330000))
    t:expect(printer:file_content(path) == content(400000), "the same bytes"):equals(true)
  end,
}
