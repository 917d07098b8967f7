-- connect-buddy.md 12.4, 12.7: commands and what they are answered.

local buddy = include "buddy_common.lua"

check "BUD-CMD-01" {
  'an unknown name is REJECTED "Unknown command", what is no JSON object "Error parsing JSON"',
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    buddy.rejected(t, printer, "Unknown command", "DANCE")
    for _, body in ipairs { "{", '["SEND_INFO"]', "" } do
      t:expect(t.connect:raw(printer, { body = body })):rejected("Error parsing JSON"):within "15s"
    end
  end,
}

check "BUD-CMD-02" {
  'an argument that is missing, of another type or out of range is REJECTED "Missing or broken parameters"',
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    for _, kwargs in ipairs { {}, { job_id = "42" }, { job_id = 65536 } } do
      buddy.rejected(t, printer, "Missing or broken parameters", "SEND_JOB_INFO", kwargs)
    end
    buddy.rejected(t, printer, "No job in progress", "SEND_JOB_INFO", { job_id = 65535 })
  end,
}

check "BUD-CMD-03" {
  "kwargs before the command are not seen, and args are not enough",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    for _, body in ipairs {
      '{"kwargs":{"path":"/usb"},"command":"SEND_FILE_INFO"}',
      '{"command":"SEND_FILE_INFO","args":["/usb"]}',
    } do
      local command = t.connect:raw(printer, { name = "SEND_FILE_INFO", body = body })
      t:expect(command):rejected("Missing or broken parameters"):within "15s"
    end
  end,
}

check "BUD-CMD-04" {
  "path_sfn stands for path, and of both the first one counts",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    for _, kwargs in ipairs { '"path_sfn":"/usb"', '"path_sfn":"/usb","path":"/etc"', '"path":"/usb","path_sfn":"/etc"' } do
      local body = ('{"command":"SEND_FILE_INFO","kwargs":{%s}}'):format(kwargs)
      local command = t.connect:raw(printer, { name = "SEND_FILE_INFO", body = body })
      t:expect(command):answered("FILE_INFO"):within "15s"
    end
  end,
}

check "BUD-CMD-06" {
  "PAUSE, RESUME and STOP_PRINT are FINISHED in the right state and REJECTED in others",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    buddy.rejected(t, printer, "No print to pause", "PAUSE_PRINT")
    buddy.rejected(t, printer, "No paused print to resume", "RESUME_PRINT")
    buddy.rejected(t, printer, "No print to stop", "STOP_PRINT")
    printer:start_print(buddy.file)
    printer:wait_state("PRINTING", "2m")
    for _, step in ipairs { { "PAUSE_PRINT", "PAUSED" }, { "RESUME_PRINT", "PRINTING" }, { "STOP_PRINT", "STOPPED" } } do
      t:expect(t.connect:command(printer, step[1])):answered("FINISHED"):within "15s"
      printer:wait_state(step[2], "2m")
    end
  end,
}

check "BUD-CMD-07" {
  "START_PRINT is answered JOB_INFO with its id as start_cmd_id; in a print it is REJECTED",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    if t.outside.printer then
      t:skip "it has no file of ours to print"
    end
    local command = t.connect:command(printer, "START_PRINT", { path = buddy.file })
    local told = t:expect(command):answered("JOB_INFO"):within "15s"
    t:expect(told.data.start_cmd_id, "start_cmd_id"):equals(command.id)
    printer:wait_state("PRINTING", "2m")
    buddy.rejected(t, printer, "Can't print now", "START_PRINT", { path = buddy.file })
  end,
}

check "BUD-CMD-09" {
  "SET_PRINTER_READY in IDLE is FINISHED, then READY is told; in a print it is REJECTED",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    local since = t:now()
    t:expect(t.connect:command(printer, "SET_PRINTER_READY")):answered("FINISHED"):within "15s"
    t:wait "3s"
    local changes = t:events_since(printer, since, { event = "STATE_CHANGED", state = "READY" })
    t:expect(#changes, "STATE_CHANGED to READY"):equals(1)
    printer:start_print(buddy.file)
    printer:wait_state("PRINTING", "2m")
    buddy.rejected(t, printer, "Can't set ready now", "SET_PRINTER_READY")
  end,
}

check "BUD-CMD-10" {
  "CANCEL_PRINTER_READY is always FINISHED, SET_IDLE in IDLE is REJECTED",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    t:expect(t.connect:command(printer, "CANCEL_PRINTER_READY")):answered("FINISHED"):within "15s"
    buddy.rejected(t, printer, "Can't set idle now", "SET_IDLE")
  end,
}

check "BUD-CMD-11" {
  "DELETE_FILE is answered FILE_CHANGED with old_path and its id, not FINISHED",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t, { files = { ["/usb/gone.gcode"] = "G28\n" } })
    local command = t.connect:command(printer, "DELETE_FILE", { path = "/usb/gone.gcode" })
    local told = t:expect(command):answered("FILE_CHANGED"):within "15s"
    t:expect(told.data, "data"):has "old_path"
    t:expect(told.data, "data"):lacks "new_path"
    t:wait "5s"
    t:expect(command:answer "FINISHED", "FINISHED"):is_nil()
  end,
}

check "BUD-CMD-12" {
  'DELETE_FILE of the file that is printed is REJECTED, "File is busy"',
  side = "printer",
  run = function(t)
    buddy.rejected(t, buddy.printing(t), "File is busy", "DELETE_FILE", { path = buddy.file })
  end,
}

check "BUD-CMD-13" {
  "a folder that is there is not made again, one with something in it not deleted",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t, { files = { ["/usb/full/a.gcode"] = "G28\n" } })
    buddy.rejected(t, printer, "Directory already exists", "CREATE_FOLDER", { path = "/usb/full" })
    buddy.rejected(t, printer, "Directory not empty", "DELETE_FOLDER", { path = "/usb/full" })
  end,
}

check "BUD-CMD-14" {
  'paths that are not below /usb are REJECTED "Forbidden path", missing files "File not found"',
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    for _, path in ipairs { "/etc/x", "/usb/../x", "/usbx" } do
      buddy.rejected(t, printer, "Forbidden path", "SEND_FILE_INFO", { path = path })
    end
    buddy.rejected(t, printer, "File not found", "SEND_FILE_INFO", { path = "/usb/missing.gcode" })
  end,
}

check "BUD-CMD-15" {
  "the FINISHED of SET_TOKEN and the INFO behind it come with the new token; 21 characters are too many",
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    if t.outside.printer then
      t:skip "it would change the token of the device"
    end
    buddy.rejected(t, printer, "Missing or broken parameters", "SET_TOKEN", { token = ("x"):rep(21) })
    t:wait "2s"
    local since, token = t:now(), "abcdefghij0123456789"
    t.connect:on("event", function()
      return { status = 204 } -- the server does not know that token
    end)
    local command = t.connect:command(printer, "SET_TOKEN", { token = token })
    t:wait "10s"
    local posts = t.connect:requests(printer, { path = "/p/events", at = above(since) })
    t:expect(posts[1].json, "first event"):satisfies { event = "FINISHED", command_id = command.id }
    t:expect(posts[2].json.event, "second event"):equals "INFO"
    t:expect(posts[2].json, "INFO"):lacks "command_id"
    for _, post in ipairs(posts) do
      t:expect(post.headers.token, "Token"):equals(token)
    end
  end,
}

check "BUD-CMD-16" {
  "RESET and RESET_PRINTER are not answered; after the start comes an INFO without command_id",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    if t.outside.printer then
      t:skip "it would restart the device"
    end
    for _, name in ipairs { "RESET", "RESET_PRINTER" } do
      t:wait "5s"
      local since = t:now()
      local command = t.connect:command(printer, name)
      t:expect(command):delivered():within "10s"
      local first = t:expect_event(printer):within "30s"
      t:expect(first.event, "first event"):equals "INFO"
      t:expect(first, "INFO"):lacks "command_id"
      t:wait "10s"
      t:expect(#t:events_since(printer, since, { command_id = command.id }), "answers to " .. name):equals(0)
      command:give_up()
    end
  end,
}

check "BUD-CMD-18" {
  'SET_VALUE of a bool by 1 is REJECTED, "Invalid bool value"; by true it is FINISHED, and INFO tells it',
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    if t.outside.printer then
      t:skip "it would change the settings of the device"
    end
    buddy.rejected(t, printer, "Invalid bool value", "SET_VALUE", { ["tools.1.hardened"] = 1 })
    local since = t:now()
    t:expect(t.connect:command(printer, "SET_VALUE", { ["tools.1.hardened"] = true })):answered("FINISHED"):within "15s"
    t:wait "3s"
    local told = t:events_since(printer, since, { event = "INFO", data = { tools = { ["1"] = { hardened = true } } } })
    t:expect(#told, "INFO with the new value"):equals(1)
  end,
}

check "BUD-CMD-23" {
  "G-code with a line of 111 characters is ACCEPTED and then FAILED, without a reason; one of 110 is FINISHED",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    for _, size in ipairs { 110, 111 } do
      local command = t.connect:gcode(printer, "M115 ;" .. ("x"):rep(size - 6))
      local ending = t:expect(command):answered(size == 110 and "FINISHED" or "FAILED"):within "20s"
      t:expect(ending, ending.event):lacks "reason"
      t:expect(command:answer "ACCEPTED", "ACCEPTED"):is_a "table"
    end
  end,
}

check "BUD-CMD-25" {
  "no command but G-code is ever ACCEPTED",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    for _, name in ipairs { "SEND_INFO", "SEND_STATE_INFO", "SET_PRINTER_READY", "CANCEL_PRINTER_READY", "PAUSE_PRINT" } do
      local command = t.connect:command(printer, name)
      t:expect(command):ended():within "15s"
      t:expect(#command:answers(), "answers to " .. name):equals(1)
      t:expect(command:answers()[1].event, "answer to " .. name):differs "ACCEPTED"
    end
  end,
}

check "BUD-PLN-12" {
  "an event that is answered 503 five times is given up",
  side = "printer",
  run = function(t)
    local printer = buddy.over_http(t)
    t:wait "2s" -- past its start
    local since = t:now()
    t.connect:on("event", { printer = printer, event = "STATE_CHANGED" }, function()
      return { status = 503 }
    end)
    buddy.ask(t, printer)
    t:wait "30s"
    local seen = t.connect:requests(printer, { path = "/p/events", json = { event = "STATE_CHANGED" }, at = above(since) })
    t:expect(#seen, "attempts"):equals(5)
    for i = 2, #seen do
      t:expect(seen[i].at - seen[i - 1].replied_at, "seconds to the next attempt"):near(0.1 * 2 ^ (i - 2), 0.05)
    end
  end,
}

check "BUD-PLN-15" {
  "G-code is ACCEPTED, is in telemetry by its id, and then FINISHED",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    local command = t.connect:gcode(printer, "M115")
    t:expect(command):answered("FINISHED"):within "20s"
    local accepted, finished = command:answer "ACCEPTED", command:answer "FINISHED"
    t:expect(accepted, "ACCEPTED"):is_a "table"
    local between_them = t.connect:requests(printer, { path = "/p/telemetry", json = { command_id = command.id } })
    t:expect(#between_them, "telemetries with its id"):at_least(1)
    t:expect(between_them[1].at, "their time"):at_least(accepted.at)
    t:expect(finished.at, "the time of FINISHED"):at_least(between_them[1].at)
  end,
}

check "BUD-PLN-18" {
  "the id of a command that is done, sent again, is done again",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    t:wait "2s" -- past its start
    local command = t.connect:command(printer, "SEND_INFO")
    t:expect(command):answered("INFO"):within "15s"
    command:deliver_again()
    t:expect_event(printer, { event = "INFO", command_id = command.id }):within "15s"
  end,
}

check "BUD-PLN-20" {
  "a drive that is taken out or put in is told by INFO, never by MEDIUM_EJECTED or MEDIUM_INSERTED",
  side = "printer",
  run = function(t)
    local printer = buddy.printer(t)
    t:wait "5s"
    local since = t:now()
    printer:detach "usb"
    local told = t:expect_event(printer, { event = "INFO" }):within "5s"
    t:expect(#told.data.storages, "storages without the drive"):equals(0)
    printer:attach { name = "usb", kind = "usb" }
    told = t:expect_event(printer, { event = "INFO" }):within "5s"
    t:expect(#told.data.storages, "storages with the drive"):equals(1)
    t:wait "5s"
    t:expect(#t:events_since(printer, since, { event = like "^MEDIUM_" }), "MEDIUM_ events"):equals(0)
  end,
}
