-- Servers that hand out files badly, to both styles of printers: each ends in what a real printer says, and leaves nothing
-- behind that was written half.

local text = ("G1 X1 Y1\n"):rep(6000) -- 54 kB

local function ended(t, printer, event, command)
  return t:expect_event(printer, { event = event, data = { start_cmd_id = command.id } }):within "3m"
end

-- ---- the SDK ----

local folder = "/PrusaLink gcodes"

local function sdk(t, options)
  options = options or {}
  options.quirks = options.quirks or false
  return t:printer("mk3s", options)
end

local function fetch(t, printer, file, options)
  local command = t.connect:download(printer, file, folder .. "/down.gcode", options)
  t:expect(command):answered("TRANSFER_INFO"):within "15s"
  return command
end

local function aborted(t, file, reason, options)
  local printer = sdk(t, options)
  local event = ended(t, printer, "TRANSFER_ABORTED", fetch(t, printer, file))
  t:expect(event.reason, "reason"):matches(reason)
  t:wait "5s"
  t:expect(#printer:files(folder), "files that are left"):equals(0)
end

scenario "redirects in a circle" {
  "an SDK printer gives up after 30 of them",
  run = function(t)
    local file = t.connect:serve(text, { redirect = "/elsewhere" })
    t.connect:on("file", function()
      return { status = 302, headers = { Location = file.path } }
    end)
    local printer = sdk(t)
    local event = ended(t, printer, "TRANSFER_ABORTED", fetch(t, printer, file))
    t:expect(event.reason, "reason"):equals "Exceeded 30 redirects."
    t:expect(#printer:files(folder), "files that are left"):equals(0)
  end,
}

scenario "a redirect to another host" {
  "an SDK printer follows it without what only its server may see",
  run = function(t)
    local there = t.connect:serve(text)
    local file = t.connect:serve("G28\n", { redirect = there.foreign_url })
    local printer = sdk(t)
    ended(t, printer, "TRANSFER_FINISHED", fetch(t, printer, file))
    t:expect(printer:file_content(folder .. "/down.gcode") == text, "the same bytes"):equals(true)
    t:expect(t.connect:served(there).served, "times it was fetched"):equals(1)
  end,
}

scenario "a file without end" {
  "an SDK printer stops when its storage is full, and makes room again",
  run = function(t)
    aborted(t, t.connect:serve(text, { endless = true }), "No space left on device",
      { storages = { { name = "PrusaLink gcodes", kind = "local", total = 1000000, free = 900000 } } })
  end,
}

scenario "a file that is shorter than it says" {
  "an SDK printer calls it incomplete, and with its known defect finished",
  run = function(t)
    aborted(t, t.connect:serve(text, { announce = #text + 1000 }), "Incomplete response")
    local printer = t:printer "mk3s"
    ended(t, printer, "TRANSFER_FINISHED", fetch(t, printer, t.connect:serve(text, { announce = #text + 1 })))
  end,
}

scenario "a file under gzip" {
  "an SDK printer stores what is in it, its progress may pass 100, and what does not unpack is no file",
  run = function(t)
    local printer = sdk(t)
    local file = t.connect:serve(text, { gzip = true, bytes_per_second = 100 })
    local command = fetch(t, printer, file)
    ended(t, printer, "TRANSFER_FINISHED", command)
    t:expect(printer:file_content(folder .. "/down.gcode") == text, "the same bytes"):equals(true)
    aborted(t, t.connect:serve(text, { gzip = true, corrupt = 0 }), "failed to decode it")
  end,
}

scenario "a bomb under gzip" {
  "an SDK printer unpacks it piece by piece until its storage is full",
  run = function(t)
    aborted(t, t.connect:serve(("0"):rep(30000000), { gzip = true }), "No space left on device",
      { storages = { { name = "PrusaLink gcodes", kind = "local", total = 1000000, free = 900000 } } })
  end,
}

-- ---- Buddy ----

local path = "/usb/down.gcode"

local function buddy(t, options)
  local printer = t:printer("mk4", options)
  t:expect_event(printer, { event = "INFO", data = { transfer_paused = false } }):within "15s"
  return printer
end

local function start(t, printer, file, options)
  options = options or {}
  options.encrypted = true
  return t.connect:download(printer, file, path, options)
end

local function given_up(t, file, machine_reason, attempts, options)
  local printer = buddy(t)
  local command = start(t, printer, file, options)
  local event = ended(t, printer, "TRANSFER_ABORTED", command)
  t:expect(event.machine_reason, "machine_reason"):equals(machine_reason)
  t:expect(t.connect:encrypted(command.secret).requests, "attempts"):equals(attempts)
  t:wait "5s"
  t:expect(#printer:files("/usb"), "files that are left"):equals(0)
end

scenario "an encrypted file elsewhere" {
  "a Buddy printer follows no redirect",
  run = function(t)
    given_up(t, t.connect:serve(text, { redirect = "/f/elsewhere" }), "NETWORK_FAILURE", 6)
  end,
}

scenario "an encrypted file without end" {
  "a Buddy printer wants to know the length",
  run = function(t)
    given_up(t, t.connect:serve(text, { endless = true }), nil, 1)
  end,
}

scenario "an encrypted file that is shorter than it was said to be" {
  "a Buddy printer asks for the rest, for no answer is a failure, until somebody stops it",
  run = function(t)
    local printer = buddy(t)
    local command = start(t, printer, t.connect:serve(text), { orig_size = #text + 1000 })
    t:wait "1m"
    t:expect(t.connect:encrypted(command.secret).requests, "attempts in a minute"):satisfies(between(100, 601))
    t:expect(t.connect:command(printer, "STOP_TRANSFER")):answered("FINISHED"):within "15s"
    ended(t, printer, "TRANSFER_STOPPED", command)
    t:wait "5s"
    t:expect(#printer:files("/usb"), "files that are left"):equals(0)
  end,
}

scenario "an encrypted file that stops coming" {
  "a Buddy printer waits 10 s and asks for the rest, again and again while there is progress",
  run = function(t)
    local printer = buddy(t)
    local file = t.connect:serve(text, { cut = 5000, stall = true, times = 9 })
    local command = start(t, printer, file)
    ended(t, printer, "TRANSFER_FINISHED", command)
    t:expect(t.connect:encrypted(command.secret).requests, "attempts"):equals(10)
    t:expect(printer:file_content(path) == text, "the same bytes"):equals(true)
  end,
}

scenario "an encrypted file under another key" {
  "a Buddy printer can't know: it has a file of the right size, and the server knows that it sent another",
  run = function(t)
    local printer = buddy(t)
    local command = start(t, printer, t.connect:serve(text, { wrong_key = true }))
    ended(t, printer, "TRANSFER_FINISHED", command)
    t:expect(#printer:file_content(path), "size"):equals(#text)
    t:expect(printer:file_content(path) == text, "the same bytes"):equals(false)
    t:expect(t.connect:encrypted(command.secret).whole, "all of it was sent"):equals(false)
    local print = t.connect:command(printer, "START_PRINT", { path = path })
    t:expect(print):ended():within "30s"
  end,
}

scenario "an encrypted file for a full drive" {
  "a Buddy printer refuses it before anything was asked for, whatever size it is said to have",
  run = function(t)
    local printer = buddy(t, { storages = { { name = "usb", kind = "usb", total = 1000000, free = 900000 } } })
    for _, size in ipairs { 1000000, 4294967295 } do
      local command = start(t, printer, t.connect:serve(text), { orig_size = size })
      t:expect(command):rejected("USB drive full"):within "15s"
      t:expect(command:answer("REJECTED").machine_reason, "machine_reason"):equals("STORAGE_FAILURE")
      t:expect(t.connect:encrypted(command.secret).requests, "attempts"):equals(0)
      t:expect(#printer:files("/usb"), "files that are left"):equals(0)
    end
  end,
}

scenario "a server that goes away in an encrypted file" {
  "a Buddy printer goes on where it was",
  run = function(t)
    local printer = buddy(t)
    local command = start(t, printer, t.connect:serve(text, { bytes_per_second = 10000 }))
    t:wait "2s"
    t.connect:down()
    t:wait "300ms"
    t.connect:up()
    ended(t, printer, "TRANSFER_FINISHED", command)
    t:expect(printer:file_content(path) == text, "the same bytes"):equals(true)
  end,
}
