-- connect-sdk.md 13.7: transfers.
local common = include "common.lua"

local folder = common.folder
local target = folder .. "/sub/downloaded.gcode"

-- Something of 250 KB that takes 2.5 s, and something that is there at once.
local function slow(t, options)
  options = options or {}
  options.bytes_per_second = options.bytes_per_second or 100000
  return t.connect:serve(("G1 X1 Y1\n"):rep(28000), options)
end

local function quick(t, options)
  return t.connect:serve(("G1 X2 Y2\n"):rep(500), options)
end

local function ended(t, printer, event, command)
  return t:expect_event(printer, { event = event, data = { start_cmd_id = command.id } }):within "30s"
end

local function begun(t, printer, file, options)
  local command = t.connect:download(printer, file, target, options)
  local info = t:expect(command):answered("TRANSFER_INFO"):within "10s"
  return command, info
end

-- A download of which nothing goes wrong, from its command to its file.
local function whole(t, printer, file, options)
  local command = begun(t, printer, file, options)
  local finished = ended(t, printer, "TRANSFER_FINISHED", command)
  t:expect_event(printer, { event = "FILE_CHANGED", data = { new_path = target } }):within "10s"
  return command, finished
end

check "CON-TRN-01" {
  run = function(t)
    local printer = common.printer(t)
    local file = quick(t)
    whole(t, printer, file)
    t:expect(t.connect:served(file).served, "times it was fetched"):equals(1)
    t:held("CON-TRN-01", { exercised = "fail" })
  end,
}

check "CON-TRN-02" {
  run = function(t)
    local printer = common.printer(t)
    local file = quick(t)
    file.url = file.foreign_url
    local command = t.connect:download(printer, file, target, { by_url = true })
    t:expect(command):answered("TRANSFER_INFO"):within "10s"
    ended(t, printer, "TRANSFER_FINISHED", command)
    t:held("CON-TRN-02", { exercised = "fail" })
  end,
}

check "CON-TRN-03" {
  run = function(t)
    local printer = common.printer(t)
    local command, info = begun(t, printer, quick(t))
    t:expect(info.data.start_cmd_id, "start_cmd_id"):equals(command.id)
    t:expect(info.data.type, "type"):equals("FROM_CONNECT")
    t:expect(info.transfer_id, "transfer_id"):is_a "integer"
    ended(t, printer, "TRANSFER_FINISHED", command)
    local _, by_url = begun(t, printer, quick(t), { by_url = true })
    t:expect(by_url.data.type, "type"):equals("FROM_WEB")
    t:held("CON-TRN-03", { exercised = "fail" })
  end,
}

check "CON-TRN-04" {
  run = function(t)
    local printer = common.printer(t)
    local command, info = begun(t, printer, slow(t))
    local finished = ended(t, printer, "TRANSFER_FINISHED", command)
    t:expect(finished.transfer_id, "transfer_id"):equals(info.transfer_id)
    t:expect(finished.data.path, "path"):equals(target)
    t:held("CON-TRN-04", { exercised = "fail" })
  end,
}

check "CON-TRN-05" {
  run = function(t)
    local printer = common.printer(t)
    local command = whole(t, printer, quick(t))
    t:wait "3s"
    local ends = 0
    for _, event in ipairs(t.connect:events(printer)) do
      local ending = event.event:match "^TRANSFER_[FSA]"
      ends = ends + (ending and event.data.start_cmd_id == command.id and 1 or 0)
    end
    t:expect(ends, "ends"):equals(1)
    t:held("CON-TRN-05", { exercised = "fail" })
  end,
}

check "CON-TRN-06" {
  run = function(t)
    local printer = common.printer(t)
    local file = slow(t)
    local command = begun(t, printer, file)
    t:never(printer, { event = "FILE_CHANGED", data = { new_path = target } }):during "1s"
    ended(t, printer, "TRANSFER_FINISHED", command)
    local change = t:expect_event(printer, { event = "FILE_CHANGED", data = { new_path = target } }):within "10s"
    t:expect(change.data.file.size, "size"):equals(file.size)
    if not printer.outside then
      t:expect(printer:file_content(target) == ("G1 X1 Y1\n"):rep(28000), "the same bytes"):equals(true)
    end
    t:held("CON-TRN-06", { exercised = "fail" })
  end,
}

check "CON-TRN-07" {
  run = function(t)
    local printer = common.printer(t)
    local first = begun(t, printer, slow(t))
    local second = t.connect:download(printer, quick(t), folder .. "/second.gcode")
    t:expect(second):answered("REJECTED"):within "5s"
    ended(t, printer, "TRANSFER_FINISHED", first)
    t:held("CON-TRN-07", { exercised = "fail" })
  end,
}

check "CON-TRN-08" {
  run = function(t)
    local printer = common.printer(t)
    for _, status in ipairs { 404, 503 } do
      local aborted = ended(t, printer, "TRANSFER_ABORTED", (begun(t, printer, quick(t, { status = status }))))
      t:expect(aborted.reason, "reason"):equals("Invalid status code: " .. status)
    end
    t:held("CON-TRN-08", { exercised = "fail" })
  end,
}

check "CON-TRN-09" {
  run = function(t)
    local printer = common.printer(t)
    for _, kind in ipairs { "text/html", "text/x.gcode; charset=utf-8" } do
      local aborted = ended(t, printer, "TRANSFER_ABORTED", (begun(t, printer, quick(t, { content_type = kind }))))
      t:expect(aborted.reason, "reason"):equals("Invalid content type: " .. kind)
    end
    t:held("CON-TRN-09", { exercised = "fail" })
  end,
}

check "CON-TRN-10" {
  run = function(t)
    local printer = common.printer(t)
    local command, info = begun(t, printer, slow(t))
    t:wait "500ms"
    local stop = t.connect:command(printer, "STOP_TRANSFER", { transfer_id = info.transfer_id })
    t:expect(stop):finished():within "5s"
    ended(t, printer, "TRANSFER_STOPPED", command)
    t:never(printer, { event = "FILE_CHANGED", data = { new_path = target } }):during "3s"
    t:held("CON-TRN-10", { exercised = "fail" })
  end,
}

check "CON-TRN-11" {
  run = function(t)
    local printer = common.printer(t)
    local command, info = begun(t, printer, slow(t))
    local stop = t.connect:command(printer, "STOP_TRANSFER", { transfer_id = info.transfer_id ~ 1 })
    t:expect(stop):failed("Wrong transfer_id"):within "5s"
    ended(t, printer, "TRANSFER_FINISHED", command)
    t:held("CON-TRN-11", { exercised = "fail" })
  end,
}

check "CON-TRN-12" {
  run = function(t)
    local printer = common.printer(t)
    local info = t:expect(t.connect:command(printer, "SEND_TRANSFER_INFO")):answered("TRANSFER_INFO"):within "10s"
    t:expect(info.data.type, "type"):equals("NO_TRANSFER")
    t:held("CON-TRN-12", { exercised = "fail" })
  end,
}

check "CON-TRN-13" {
  run = function(t)
    local printer = common.printer(t)
    common.settle(t, printer)
    for _, path in ipairs { "/nowhere/x.gcode", folder .. "/../../x.gcode", "relative.gcode" } do
      local command = t.connect:download(printer, quick(t), path)
      t:expect(command):failed():within "10s"
      t:wait "5s"
    end
    t:held("CON-TRN-13", { exercised = "fail" })
  end,
}

check "CON-TRN-14" {
  run = function(t)
    local printer = common.printer(t)
    begun(t, printer, quick(t))
    t:wait "3s"
    t:held("CON-TRN-14", { exercised = "fail" })
  end,
}

check "CON-TRN-15" {
  "the end of the command that starts a transfer is not taken as the end of the transfer",
  side = "server",
  run = function(t)
    local printer = common.printer(t)
    local command, info = begun(t, printer, slow(t))
    local function status()
      for _, transfer in ipairs(t.connect:view(printer).transfers) do
        if transfer.id == info.transfer_id then
          return transfer.status
        end
      end
    end
    t:wait "1s"
    t:expect(status(), "transfer"):equals("running")
    ended(t, printer, "TRANSFER_FINISHED", command)
    t:expect(status(), "transfer"):equals("finished")
  end,
}
