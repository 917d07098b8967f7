-- connect-sdk.md 13.4: commands.
local common = include "common.lua"

local function events_of(t, printer, command)
  return t.connect:events(printer, { command_id = command.id })
end

local function names(events)
  local list = {}
  for i, event in ipairs(events) do
    list[i] = event.event
  end
  return table.concat(list, " ")
end

-- What a broken delivery is answered with: exactly one REJECTED.
local function rejected(t, printer, reason, with_id)
  local event = t:expect_event(printer, { event = "REJECTED", source = "CONNECT" }):within "10s"
  if reason then
    t:expect(event.reason, "reason"):equals(reason)
  else
    t:expect(event.reason, "reason"):matches "%S"
  end
  if with_id then
    t:expect(event.command_id, "command_id"):equals(with_id)
  else
    t:expect(event, "REJECTED"):lacks "command_id"
  end
  return event
end

check "CON-CMD-01" {
  run = function(t)
    local printer = t:printer "mk3s"
    local accepted = t:expect(common.ask(t, printer)):answered("ACCEPTED"):within "10s"
    t:expect(accepted, "ACCEPTED"):satisfies { source = "CONNECT", data = {} }
    t:expect(next(accepted.data), "first member of data"):is_nil()
    t:held("CON-CMD-01", { exercised = "fail" })
  end,
}

check "CON-CMD-02" {
  run = function(t)
    local printer = common.printer(t)
    for _, name in ipairs { "SEND_INFO", "SET_PRINTER_READY", "PAUSE_PRINT", "CANCEL_PRINTER_READY", "NO_SUCH" } do
      local command = t.connect:command(printer, name)
      t:expect(command):ended():within "30s"
      t:wait "3s"
      local terminal = 0
      for i, event in ipairs(events_of(t, printer, command)) do
        if i == 1 then
          t:expect(event.event, "first answer to " .. name):equals "ACCEPTED"
        elseif event.event ~= "STATE_CHANGED" then
          terminal = terminal + 1
        end
      end
      t:expect(terminal, "terminal events of " .. name):equals(1)
    end
    t:held("CON-CMD-02", { exercised = "fail" })
  end,
}

check "CON-CMD-03" {
  run = function(t)
    local printer = t:printer "mk3s"
    local body = '{"command": "SEND_INFO"}'
    for _, id in ipairs { false, "130.0", "soon", "" } do
      t.connect:reply_next(printer, {
        status = 200, headers = { ["Content-Type"] = "application/json", ["Command-Id"] = id }, body = body,
      })
      rejected(t, printer, "Invalid Command-Id header")
    end
    t:held("CON-CMD-03", { exercised = "fail" })
  end,
}

check "CON-CMD-04" {
  run = function(t)
    local printer = t:printer "mk3s"
    for i, content_type in ipairs { "text/plain", "text/x.gcode; charset=utf-8", "image/png" } do
      t.connect:reply_next(printer, {
        status = 200, headers = { ["Content-Type"] = content_type, ["Command-Id"] = tostring(900 + i) }, body = "M117 a",
      })
      rejected(t, printer, "Invalid command content type", 900 + i)
      t:never(printer, { event = "ACCEPTED" }):during "2s"
    end
    t:held("CON-CMD-04", { exercised = "fail" })
  end,
}

check "CON-CMD-05" {
  run = function(t)
    local printer = t:printer "mk3s"
    local bodies = { "", "{", "[1, 2]", '"text"', "12", '{"command": }', ("["):rep(200) }
    for i, body in ipairs(bodies) do
      t.connect:reply_next(printer, {
        status = 200, headers = { ["Content-Type"] = "application/json", ["Command-Id"] = tostring(910 + i) }, body = body,
      })
      rejected(t, printer, nil, 910 + i)
    end
    t:held("CON-CMD-05", { exercised = "fail" })
  end,
}

check "CON-CMD-06" {
  run = function(t)
    local printer = t:printer "mk3s"
    for _, name in ipairs { "MAKE_COFFEE", "" } do
      local command = t.connect:command(printer, name)
      t:expect(command):answered("ACCEPTED"):within "10s"
      t:expect(command):answered("REJECTED", { source = "WUI", reason = "Unknown command" }):within "10s"
    end
    t:held("CON-CMD-06", { exercised = "fail" })
  end,
}

check "CON-CMD-07" {
  run = function(t)
    local printer = t:printer "mk3s"
    for _, name in ipairs { "SLOT_ACTION", "SET_VALUE" } do
      local command = t.connect:command(printer, name, { slot = 1 })
      t:expect(command):answered("ACCEPTED"):within "10s"
      t:expect(command):answered("REJECTED", { source = "WUI", reason = "Not Implemented" }):within "10s"
    end
    t:held("CON-CMD-07", { exercised = "fail" })
  end,
}

check "CON-CMD-08" {
  run = function(t)
    local printer = t:printer "mk3s"
    local command = t.connect:command(printer, "SEND_FILE_INFO", { path = common.folder .. "/no such file.gcode" })
    t:expect(command):answered("ACCEPTED"):within "10s"
    local failed = t:expect(command):answered("FAILED", { source = "WUI", reason = "Command error" }):within "10s"
    t:expect(failed.data.error, "data.error"):matches "%S"
    t:held("CON-CMD-08", { exercised = "fail" })
  end,
}

check "CON-CMD-09" {
  run = function(t)
    local printer = t:printer "mk3s"
    local running = common.slow(t, printer, 6)
    t:expect(running):answered("ACCEPTED"):within "10s"
    t.connect:reply_next(printer, {
      status = 200, headers = { ["Content-Type"] = "application/json", ["Command-Id"] = "777001" },
      body = '{"command": "SEND_INFO"}',
    })
    local event = rejected(t, printer, "Another command is running", 777001)
    t:expect(event.data.actual_command_id, "actual_command_id"):equals(running.id)
    t:expect(running):finished():within "20s"
    t:held("CON-CMD-09", { exercised = "fail" })
  end,
}

check "CON-CMD-10" {
  run = function(t)
    local printer = t:printer "mk3s"
    local command = common.slow(t, printer, 6)
    t:expect(command):answered("ACCEPTED"):within "10s"
    command:deliver_again()
    t:expect_event(printer, { event = "ACCEPTED", command_id = command.id }):within "3s"
    t:expect(command):finished():within "20s"
    t:never(printer, { command_id = command.id }):during "12s"
    local answers = {} -- a host may say that it is busy meanwhile
    for _, event in ipairs(events_of(t, printer, command)) do
      answers[#answers + 1] = event.event ~= "STATE_CHANGED" and event or nil
    end
    t:expect(names(answers), "all answers"):equals "ACCEPTED ACCEPTED FINISHED"
    t:held("CON-CMD-10", { exercised = "fail" })
  end,
}

check "CON-CMD-11" {
  run = function(t)
    local printer = common.printer(t)
    local path = common.writable(t, printer) .. "/once"
    local command = t.connect:command(printer, "CREATE_FOLDER", { path = path })
    t:expect(command):finished():within "10s"
    t:wait "2s"
    if not t.outside.printer then
      printer:remove(path)
    end
    command:deliver_again()
    local again = t:expect_event(printer, { event = "FINISHED", command_id = command.id }):within "10s"
    t:expect(next(again.data), "first member of data"):is_nil()
    t:wait "2s"
    if t.outside.printer then
      t:expect(t.connect:command(printer, "DELETE_FOLDER", { path = path })):ended():within "10s"
    else
      t:expect(printer:files(path), "the folder, removed in between"):is_nil()
    end
    t:held("CON-CMD-11", { exercised = "fail" })
  end,
}

check "CON-CMD-12" {
  run = function(t)
    local printer = t:printer "mk3s"
    local from = t:now()
    t.connect:reply_next(printer, {
      status = 200, headers = { ["Content-Type"] = "application/json", ["Command-Id"] = "0" },
      body = '{"command": "SEND_INFO"}',
    })
    local info = t:wait_until(function()
      return t:events_since(printer, from, { event = "INFO", data = { sn = any } })[1]
    end, "10s")
    t:expect(info, "INFO"):is_a "table"
    t:expect(info, "INFO"):lacks "command_id"
    local accepted = t:events_since(printer, from, { event = "ACCEPTED" })
    t:expect(#accepted, "ACCEPTED events"):equals(1)
    t:expect(accepted[1], "ACCEPTED"):lacks "command_id"
  end,
}

check "CON-CMD-13" {
  run = function(t)
    local printer = t:printer "mk3s"
    local running = common.slow(t, printer, 30)
    t:expect(running):answered("ACCEPTED"):within "10s"
    local reset = t.connect:command(printer, "RESET_PRINTER")
    t:expect(reset):delivered():within "10s"
    t:expect(reset):answered("ACCEPTED"):within "2s"
    t:held("CON-CMD-13", { exercised = "fail" })
  end,
}

check "CON-CMD-14" {
  run = function(t)
    local printer = common.printing(t)
    local plain = t.connect:gcode(printer, "M117 now")
    t:expect(plain):failed(common.error(t, "while in")):within "10s"
    local forced = t.connect:gcode(printer, "M117 now", { force = true })
    t:expect(forced):finished():within "20s"
    t:expect(printer):state "PRINTING"
    t:held("CON-CMD-14", { exercised = "fail" })
  end,
}

check "CON-CMD-15" {
  run = function(t)
    local printer = t:printer "mk3s"
    local command = t.connect:command(printer, "SEND_INFO")
    t:expect(command):answered("ACCEPTED"):within "10s"
    t:expect(command):answered("INFO", { source = "CONNECT" }):within "10s"
    t:held("CON-CMD-15", { exercised = "fail" })
  end,
}

check "CON-CMD-16" {
  run = function(t)
    common.needs_gcode(t)
    local printer = common.printer(t)
    local command = t.connect:command(printer, "START_PRINT", { path = common.file(t, printer) })
    t:expect(command):finished():within "20s"
    local events = events_of(t, printer, command)
    t:expect(names(events), "answers"):equals "ACCEPTED STATE_CHANGED FINISHED"
    t:expect(events[2].state, "state of STATE_CHANGED"):equals "PRINTING"
    t:expect(events[2].job_id, "job_id of STATE_CHANGED"):is_a "integer"
    t:expect(events[3].job_id, "job_id of FINISHED"):equals(events[2].job_id)
    t:held("CON-CMD-16", { exercised = "fail" })
  end,
}

check "CON-CMD-17" {
  run = function(t)
    local printer = common.printing(t, { minutes = 1 })
    local function refused(state)
      t:expect(printer):state(state)
      local command = t.connect:command(printer, "START_PRINT", { path = common.file(t, printer) })
      t:expect(command):failed():within "10s"
      t:expect(printer, "the printer after the refused start"):state(state)
    end
    refused "PRINTING"
    if common.pause(t, printer) then
      refused "PAUSED"
      t:expect(t.connect:command(printer, "RESUME_PRINT")):finished():within "3m"
    end
    refused(common.end_print(t, printer))
    t:held("CON-CMD-17", { exercised = "fail" })
  end,
}

check "CON-CMD-18" {
  run = function(t)
    common.needs_gcode(t)
    local printer = common.printer(t)
    t:expect(t.connect:command(printer, "PAUSE_PRINT")):failed(common.error(t, "Cannot pause")):within "20s"
    t:expect(t.connect:command(printer, "RESUME_PRINT")):failed(common.error(t, "Cannot resume")):within "20s"
    t:expect(t.connect:command(printer, "START_PRINT", { path = common.file(t, printer) })):finished():within "20s"
    t:expect(t.connect:command(printer, "RESUME_PRINT")):failed(common.error(t, "Cannot resume")):within "20s"
    t:held("CON-CMD-18", { exercised = "fail" })
  end,
}

check "CON-CMD-19" {
  run = function(t)
    local printer = common.printing(t)
    local command = t.connect:command(printer, "STOP_PRINT")
    t:expect(command):finished():within "20s"
    local events = events_of(t, printer, command)
    t:expect(names(events), "answers"):equals "ACCEPTED STATE_CHANGED FINISHED"
    t:expect(events[2].state, "state of STATE_CHANGED"):equals "STOPPED"
    t:held("CON-CMD-19", { exercised = "fail" })
  end,
}

check "CON-CMD-20" {
  run = function(t)
    local printer = common.printer(t)
    local command = t.connect:command(printer, "SET_PRINTER_READY")
    t:expect(command):finished():within "10s"
    t:expect(printer):state("READY"):within "2s"
    if not common.resin(t) then
      t:expect(t.connect:command(printer, "START_PRINT", { path = common.file(t, printer) })):finished():within "20s"
      t:expect(t.connect:command(printer, "SET_PRINTER_READY")):failed(common.error(t, "READY")):within "10s"
    end
    t:held("CON-CMD-20", { exercised = "fail" })
  end,
}

check "CON-CMD-21" {
  run = function(t)
    local printer = t:printer "mk3s"
    t:expect(t.connect:command(printer, "CANCEL_PRINTER_READY")):failed():within "10s"
    t:expect(t.connect:command(printer, "SET_PRINTER_READY")):finished():within "10s"
    t:expect(t.connect:command(printer, "CANCEL_PRINTER_READY")):finished():within "10s"
    t:expect(printer):state("IDLE"):within "2s"
    t:held("CON-CMD-21", { exercised = "fail" })
  end,
}

check "CON-CMD-22" {
  run = function(t)
    local printer = t:printer "mk3s"
    local hook = t.connect:on("event", { printer = printer }, function()
      return {
        status = 200, headers = { ["Content-Type"] = "application/json", ["Command-Id"] = "555001" },
        body = '{"command": "SEND_INFO"}',
      }
    end)
    t:expect(common.ask(t, printer)):ended():within "10s"
    t:never(printer, { command_id = 555001 }):during "5s"
    hook:off()
    t:held("CON-CMD-22", { exercised = "fail" })
  end,
}

-- The server's side.

check "CON-CMD-23" {
  run = function(t)
    local printer = t:printer "mk3s"
    common.converse(t, printer)
    common.converse(t, printer)
    t:held("CON-CMD-23", { exercised = "fail" })
  end,
}

check "CON-CMD-24" {
  run = function(t)
    local printer = t:printer "mk3s"
    local first = common.slow(t, printer, 5)
    local second = common.ask(t, printer)
    local third = common.ask(t, printer)
    for _, command in ipairs { first, second, third } do
      t:expect(command):ended():within "30s"
    end
    t:held("CON-CMD-24", { exercised = "fail" })
  end,
}

check "CON-CMD-25" {
  run = function(t)
    -- Both answers of the first command are lost on their way.
    local printer = t:printer("mk3s", { spoil = { "drop=event/ACCEPTED#1", "drop=event/FINISHED#1" } })
    local command = t.connect:command(printer, "GCODE", { gcode = "M117 lost" })
    t:expect(command):ended():within "60s"
    t:held("CON-CMD-25", { exercised = "fail" })
  end,
}

check "CON-CMD-26" {
  run = function(t)
    local printer = common.printing(t)
    for _, name in ipairs { "SEND_INFO", "SEND_STATE_INFO", "SEND_JOB_INFO", "SEND_TRANSFER_INFO" } do
      t:expect(t.connect:command(printer, name)):ended():within "20s"
    end
    t:expect(t.connect:command(printer, "SEND_FILE_INFO", { path = common.file(t, printer) })):ended():within "20s"
    t:expect(common.ask(t, printer)):ended():within "20s"
    t:held("CON-CMD-26", { exercised = "fail" })
  end,
}
