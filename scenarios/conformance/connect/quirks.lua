-- connect-sdk.md 14: known defects of the SDK and of PrusaLink, one check each. Q-06 is CON-CMD-12.
-- Q-09 needs a second host to see it.
local common = include "common.lua"

local folder = common.folder

local function quirk(id)
  return function(fields)
    fields.side, fields.kind = "printer", "quirk"
    return check(id)(fields)
  end
end

-- Files of our server, /files/NAME: a text, or a reply.
local function serve(t, printer, files)
  t.connect:on("other", { printer = printer }, function(message)
    local file = files[message.path:match "^/files/(.+)$"]
    if type(file) == "string" then
      return { status = 200, headers = { ["Content-Type"] = "text/x.gcode" }, body = file }
    end
    return file
  end)
end

local function download(t, printer, path, name, printing)
  return t.connect:command(printer, "START_URL_DOWNLOAD",
    { path = path, url = printer.server .. "/files/" .. name, printing = printing })
end

-- The first event like that since the printer was made: on sockets the next one may be here before we look.
local function told(t, printer, duration, filter)
  local event = t:wait_until(function()
    return t.connect:events(printer, filter)[1]
  end, duration)
  t:expect(event, filter.event .. " within " .. duration):is_a "table"
  return event
end

local function of_transfer(command, event)
  return { event = event, data = { start_cmd_id = command.id } }
end

local function transfer_told(t, printer, command, event, duration)
  return told(t, printer, duration, of_transfer(command, event))
end

-- The entry of a path in the tree that INFO tells.
local function entry(t, printer, path)
  local info = t:expect(t.connect:command(printer, "SEND_INFO")):answered("INFO"):within "10s"
  local node = info.data.files
  for name in path:gmatch "[^/]+" do
    local found
    for _, child in ipairs(node.children or {}) do
      found = child.name == name and child or found
    end
    if not found then
      return nil
    end
    node = found
  end
  return node
end

quirk "Q-01" {
  "a download to a bad path FAILS, is made all the same, and replaces the target of the one before",
  run = function(t)
    local printer = common.printer(t)
    serve(t, printer, { first = "G1 X1\n", second = "G1 X22222\n" })
    local first = download(t, printer, folder .. "/first.gcode", "first")
    transfer_told(t, printer, first, "TRANSFER_FINISHED", "20s")
    t:wait "1s"
    local second = download(t, printer, "/no such storage/second.gcode", "second")
    t:expect(second):failed("Invalid storage"):within "10s"
    transfer_told(t, printer, second, "TRANSFER_FINISHED", "20s")
    t:wait "1s"
    t:expect(entry(t, printer, folder .. "/first.gcode").size, "size of the first file"):equals(#"G1 X22222\n")
  end,
}

quirk "Q-02" {
  "a download whose target is being printed is told as aborted, and then as finished",
  run = function(t)
    common.needs_gcode(t)
    local printer = common.printer(t, { host = "sdk" }) -- PrusaLink does not tell the SDK what it prints: Q-05
    serve(t, printer, { cube = "G1 X1\n" })
    printer:wait_state "IDLE"
    printer:start_print(common.cube)
    t:expect(printer):state("PRINTING"):within "20s"
    local command = download(t, printer, common.cube, "cube")
    transfer_told(t, printer, command, "TRANSFER_ABORTED", "20s")
    t:wait "2s"
    local finished = t.connect:events(printer, of_transfer(command, "TRANSFER_FINISHED"))
    t:expect(#finished, "TRANSFER_FINISHED after TRANSFER_ABORTED"):equals(1)
  end,
}

quirk "Q-03" {
  "after TRANSFER_STOPPED the part of the file that had come stays",
  run = function(t)
    local printer = common.printer(t)
    local text = ("G1 X1\n"):rep(60000)
    serve(t, printer, { big = {
      status = 200, headers = { ["Content-Type"] = "text/x.gcode" }, body = text, piece = 110000, gap = "3s",
    } })
    local before = entry(t, printer, folder).free_space
    local command = download(t, printer, folder .. "/big.gcode", "big")
    t:expect(command):ended():within "10s"
    t:expect(printer):telemetry({ transfer_transferred = above(0) }):within "20s"
    t.connect:command(printer, "STOP_TRANSFER")
    transfer_told(t, printer, command, "TRANSFER_STOPPED", "20s")
    t:wait "1s"
    t:expect(before - entry(t, printer, folder).free_space, "bytes that are left of it"):at_least(102400)
  end,
}

quirk "Q-04" {
  "a print that cannot begin after its download is told as TRANSFER_ABORTED behind TRANSFER_FINISHED",
  run = function(t)
    local printer = common.printing(t)
    serve(t, printer, { next = "G1 X1\n" })
    t:expect(t.connect:command(printer, "STOP_PRINT")):finished():within "20s"
    local command = download(t, printer, folder .. "/next.gcode", "next", true) -- STOPPED is held for 11 s
    transfer_told(t, printer, command, "TRANSFER_FINISHED", "5s")
    transfer_told(t, printer, command, "TRANSFER_ABORTED", "5s")
  end,
}

quirk "Q-05" {
  "a download replaces the file that PrusaLink is printing",
  run = function(t)
    local printer = common.printing(t)
    serve(t, printer, { cube = "G1 X1\n" })
    local command = download(t, printer, common.cube, "cube")
    transfer_told(t, printer, command, "TRANSFER_FINISHED", "20s")
    t:expect(#t.connect:events(printer, of_transfer(command, "TRANSFER_ABORTED")), "TRANSFER_ABORTED"):equals(0)
    told(t, printer, "5s", { event = "FILE_CHANGED", data = { new_path = common.cube, file = { size = 6 } } })
  end,
}

quirk "Q-07" {
  "a command that ends more than 1 s after RESET_PRINTER came takes the accepted reset with it",
  run = function(t)
    common.needs_prusalink(t)
    local printer = t:printer "mk3s"
    local slow = t.connect:command(printer, "UPGRADE") -- it asks the package index for 3 s
    t:expect(slow):answered("ACCEPTED"):within "10s"
    local reset = t.connect:command(printer, "RESET_PRINTER")
    t:expect(reset):answered("ACCEPTED"):within "5s"
    t:expect(slow):failed("No update available"):within "10s"
    t:never(printer, { command_id = reset.id }):during "60s"
  end,
}

quirk "Q-10" {
  "one registration poll without an answer ends the registration",
  run = function(t)
    local printer = t:printer("mk3s", { registered = false })
    t:wait "12s" -- found and identified by its host
    t.connect:on("poll", { printer = printer, times = 1 }, function()
      return { status = 0, after = "reset" }
    end)
    printer:register()
    local poll = t:wait_until(function()
      return t.connect:requests(printer, { method = "GET", path = "/p/register" })[1]
    end, "20s")
    t:expect(poll, "a poll"):is_a "table"
    t:never_request(printer, { method = "GET", path = "/p/register" }):during "30s"
  end,
}

quirk "Q-11" {
  "a REJECTED download that comes again with the same id is answered FINISHED",
  run = function(t)
    local printer = common.printer(t)
    serve(t, printer, { slow = { status = 200, body = "G1\n", delay = "8s" } })
    t:expect(download(t, printer, folder .. "/a.gcode", "slow")):ended():within "10s"
    local second = download(t, printer, folder .. "/b.gcode", "slow")
    t:expect(second):rejected("Another transfer in progress"):within "5s"
    second:deliver_again()
    told(t, printer, "5s", { event = "FINISHED", command_id = second.id })
  end,
}

quirk "Q-12" {
  "of folders inside a new folder the first has no attributes and cannot be deleted, empty ones below are not seen",
  view_differs = "empty folders inside are never told: that is the defect",
  run = function(t)
    local printer = common.printer(t)
    t:expect(t.connect:command(printer, "CREATE_FOLDER", { path = folder .. "/new/first/second" })):finished():within "10s"
    t:wait "2s"
    t:expect(entry(t, printer, folder .. "/new"), "the new folder"):has "read_only"
    local first = entry(t, printer, folder .. "/new/first")
    t:expect(first, "the folder in it"):lacks "read_only"
    t:expect(first, "the folder in it"):lacks "m_timestamp"
    t:expect(#first.children, "folders below it"):equals(0)
    local command = t.connect:command(printer, "DELETE_FOLDER", { path = folder .. "/new/first", force = true })
    t:expect(command):failed("KeyError"):within "10s"
  end,
}

quirk "Q-13" {
  "CREATE_FOLDER on the SD card is FINISHED and makes nothing there",
  run = function(t)
    common.needs_prusalink(t)
    local printer = t:printer "mk3s"
    t:expect(printer):event({ event = "MEDIUM_INSERTED", data = { root = "/SD Card" } }):within "20s"
    t:expect(t.connect:command(printer, "CREATE_FOLDER", { path = "/SD Card/new" })):finished():within "10s"
    t:wait "5s"
    t:expect(entry(t, printer, "/SD Card/new"), "the new folder"):is_nil()
  end,
}

quirk "Q-14" {
  "DELETE_FOLDER refuses a folder whose path only begins like the printed file's",
  run = function(t)
    local printer = common.printing(t)
    local path = folder .. "/cu" -- /cube.gcode is printed
    t:expect(t.connect:command(printer, "CREATE_FOLDER", { path = path })):finished():within "10s"
    t:wait "1s"
    local command = t.connect:command(printer, "DELETE_FOLDER", { path = path })
    t:expect(command):failed("currently printed"):within "10s"
  end,
}

quirk "Q-17" {
  "the time of an SD print starts again after 24 h",
  virtual_only = "it prints for more than a day",
  run = function(t)
    common.needs_prusalink(t)
    local path = "/SD Card/long.gcode"
    local printer = t:printer("mk3s", {
      storages = { { name = "PrusaLink gcodes" }, { name = "SD Card", kind = "sdcard" } },
      files = { [path] = "G28 W\n" .. ("G4 S3600\n"):rep(25) },
    })
    t:expect(printer):event({ event = "MEDIUM_INSERTED", data = { root = "/SD Card" } }):within "20s"
    t:expect(t.connect:command(printer, "START_PRINT", { path = path })):finished():within "30s"
    t:wait "23h"
    t:expect(printer:telemetry().time_printing, "time_printing after 23 h"):above(22 * 3600)
    t:wait "90m"
    t:expect(printer:telemetry().time_printing, "time_printing after 24 h 30 min"):below(3600)
  end,
}

quirk "Q-18" {
  "telemetry sleeps to one in 4 s even while it prints",
  run = function(t)
    local printer = common.printing(t)
    t:wait "5m" -- it sleeps after 3 min without activity
    local first = t:expect_request(printer, { path = "/p/telemetry" }):within "10s"
    local second = t:expect_request(printer, { path = "/p/telemetry" }):within "10s"
    t:expect(printer):state "PRINTING"
    t:expect(second.at - first.at, "seconds between two telemetries"):at_least(3.9)
  end,
}

quirk "Q-19" {
  "Clock-Adjusted goes with a download and the next message does not tell of the jump",
  run = function(t)
    local printer = common.printer(t)
    serve(t, printer, { a = "G1 X1\n" })
    t.connect:on("event", { printer = printer, event = "TRANSFER_INFO", times = 1 }, function()
      printer:clock_jump "1h" -- before the GET, which begins within 0.1 s
    end)
    local at = t:now()
    local command = download(t, printer, folder .. "/a.gcode", "a")
    transfer_told(t, printer, command, "TRANSFER_FINISHED", "20s")
    t:wait "5s"
    local adjusted = t.connect:requests(printer, { headers = { ["Clock-Adjusted"] = "1" }, at = above(at) })
    t:expect(#adjusted, "requests that tell of the jump"):equals(1)
    t:expect(adjusted[1].path, "what tells of it"):equals "/files/a"
  end,
}

quirk "Q-21" {
  "a download that the server closes before its end is taken as complete",
  run = function(t)
    local printer = common.printer(t)
    serve(t, printer, { cut = {
      status = 200, headers = { ["Content-Type"] = "text/x.gcode" }, body = ("G1 X1\n"):rep(1000), cut = 3000,
    } })
    local path = folder .. "/cut.gcode"
    local command = download(t, printer, path, "cut")
    transfer_told(t, printer, command, "TRANSFER_FINISHED", "20s")
    t:wait "1s"
    t:expect(entry(t, printer, path).size, "size of the file"):below(6000)
  end,
}

quirk "Q-22" {
  "after its start PrusaLink sends two events without Fingerprint and the full INFO 30 s later",
  run = function(t)
    common.needs_prusalink(t)
    local printer = t:printer("mk3s", { boot = false })
    local info = told(t, printer, "60s", { event = "INFO", data = { sn = any } })
    local events = t.connect:events(printer)
    for i = 1, 2 do
      t:expect(events[i].headers.fingerprint, "Fingerprint of event " .. i):is_nil()
    end
    local idle = t.connect:events(printer, { event = "STATE_CHANGED", state = "IDLE" })[1]
    t:expect(info.at - idle.at, "seconds from IDLE to the full INFO"):near(30, 1)
  end,
}

quirk "Q-23" {
  "a lost printer is back with source WUI and without a reason",
  run = function(t)
    common.needs_prusalink(t)
    local printer = t:printer "mk3s"
    printer:fault "serial-lost"
    t:expect(printer):state("ERROR"):within "60s"
    printer:fault("serial-lost", false)
    local back = t:expect_event(printer, { event = "STATE_CHANGED", state = different "ERROR" }):within "60s"
    t:expect(back.source, "source"):equals "WUI"
    t:expect(back, "STATE_CHANGED"):lacks "reason"
  end,
}

quirk "Q-24" {
  "RESET_PRINTER FAILS 30 s after it was accepted although the printer has booted",
  run = function(t)
    common.needs_prusalink(t)
    local printer = t:printer "mk3s"
    local reset = t.connect:command(printer, "RESET_PRINTER")
    local accepted = t:expect(reset):answered("ACCEPTED"):within "10s"
    local failed = t:expect(reset):failed("ignored the reset signal"):within "40s"
    t:expect(failed.at - accepted.at, "seconds"):near(30, 1)
  end,
}
