-- What several checks of Connect need: files to print, prints that have begun, commands that are quick or slow.
local common = {}

common.folder = "/PrusaLink gcodes"
common.cube = common.folder .. "/cube.gcode"

-- A print without waiting for heat: moves of a few minutes with M73 in between.
function common.gcode(minutes)
  local lines = { "; generated for a check", "M73 P0 R" .. minutes, "G90", "M83", "G28 W", "G1 Z0.2 F600" }
  for minute = 1, minutes do
    for _ = 1, 6 do -- 10 s each: 2 x 100 mm at 20 mm/s
      lines[#lines + 1] = "G1 X110 Y50 E1 F1200"
      lines[#lines + 1] = "G1 X10 Y50 E1 F1200"
    end
    lines[#lines + 1] = ("M73 P%d R%d"):format(minute * 100 // minutes, minutes - minute)
  end
  return table.concat(lines, "\n") .. "\n"
end

-- A resin printer is a host of the SDK as well: what asks for files and commands asks it, too. It prints no g-code, which
-- most prints of these checks are; scenarios/examples/resin.lua is about its own.
function common.resin(t)
  return not t.outside.printer and t:family "mk3s" == "sl1"
end

function common.needs_gcode(t)
  if common.resin(t) then
    t:skip "needs a printer that takes g-code"
  end
end

-- What only the program PrusaLink does, which a resin printer hasn't.
function common.needs_prusalink(t)
  if common.resin(t) then
    t:skip "about PrusaLink, and a resin printer has a program of its own"
  end
end

-- A printer with one file to print; one from outside has what it has.
function common.printer(t, options)
  options = options or {}
  if not t.outside.printer then
    options.files = options.files or { [common.cube] = common.gcode(options.minutes or 10) }
  end
  options.minutes = nil
  if common.resin(t) then -- it calls its storages otherwise, which no check is about
    options.storages = options.storages or { { name = "PrusaLink gcodes", kind = "local", total = 4e9, free = 3e9 } }
  end
  return t:printer("mk3s", options)
end

-- The file that it prints when anything will do.
function common.file(t, printer)
  return t.outside.printer and t:printable(printer) or common.cube
end

-- A folder that it can write to.
function common.writable(t, printer)
  if not t.outside.printer then
    return common.folder
  end
  for _, storage in ipairs(printer:files "/" or {}) do
    if storage.folder and not storage.read_only then
      return "/" .. storage.name
    end
  end
  t:skip "no storage of the device can be written to"
end

-- The node of a path in a tree as INFO has it.
function common.node(tree, path)
  for name in path:gmatch "[^/]+" do
    local found
    for _, child in ipairs(tree and tree.children or {}) do
      found = child.name == name and child or found
    end
    tree = found
  end
  return tree
end

-- What an error says is ours to reproduce; that there is one is all that is asked of a device from outside.
function common.error(t, pattern)
  return not t.outside.printer and not common.resin(t) and pattern or nil
end

-- Whether earlier checks have shown of a device from outside what this one would provoke once more: its minutes are
-- scarce, ours are not.
function common.seen(t, id, times)
  return t.outside.printer and t:judged(id).exercised >= (times or 1)
end

-- A printer that prints that file, begun from Connect; gives the command too.
function common.printing(t, options)
  common.needs_gcode(t)
  local printer = common.printer(t, options)
  local command = t.connect:command(printer, "START_PRINT", { path = common.file(t, printer) })
  t:expect(command):finished():within "20s"
  t:expect(printer):state("PRINTING"):within "10s"
  return printer, command
end

-- Pause it. One from outside may be heating, for longer than a PrusaLink waits for the pause (connect-sdk.md 5.4): false.
function common.pause(t, printer)
  local command = t.connect:command(printer, "PAUSE_PRINT")
  t:expect(command):ended():within "30s"
  if t.outside.printer and command:status() == "failed" then
    t:note "the device did not pause: its file heats for too long"
    return false
  end
  t:expect(command):finished()
  return true
end

-- The end of that print, and how it ended: nobody waits for the files of a device from outside.
function common.end_print(t, printer)
  if not t.outside.printer then
    t:expect(printer):state("FINISHED"):within "5m"
    return "FINISHED"
  end
  t:expect(t.connect:command(printer, "STOP_PRINT")):finished():within "20s"
  t:expect(printer):state("STOPPED", "FINISHED"):within "10s" -- a short one may have been quicker
  return printer:state()
end

-- Something that occupies the command slot for a while, and something that does not.
function common.slow(t, printer, seconds)
  common.needs_gcode(t)
  local command = t.connect:command(printer, "GCODE", { gcode = ("G4 S%d"):format(seconds or 8) })
  if t.outside.printer then -- it may do no G-code, and says so right after ACCEPTED
    t:expect(command):answered("ACCEPTED"):within "10s"
    t:wait_until(function() return command:answer "REJECTED" end, "0.5s")
    if command:answer "REJECTED" then
      t:expect(command):finished()
    end
  end
  return command
end

function common.ask(t, printer)
  return t.connect:command(printer, "SEND_STATE_INFO")
end

-- Commands that Connect sends all day, in turn.
function common.converse(t, printer)
  for _, name in ipairs { "SEND_INFO", "SEND_STATE_INFO", "SET_PRINTER_READY", "CANCEL_PRINTER_READY" } do
    t:expect(t.connect:command(printer, name)):ended():within "20s"
  end
end

-- The server knows the whole tree, and nothing in it has changed for a while.
function common.settle(t, printer)
  t:expect(t.connect:command(printer, "SEND_INFO")):ended():within "10s"
  t:wait "3s"
end

-- Answer each request at `point` like this until the handle is off.
function common.always(t, point, printer, answer)
  return t.connect:on(point, { printer = printer }, function()
    return answer
  end)
end

return common
