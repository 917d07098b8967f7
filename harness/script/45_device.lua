-- A device from outside: one for all scenarios, which find it as the one before has left it, and with the files that it
-- happens to have.

local core = core

local REST_SECONDS = 60
local ANSWER_SECONDS = 20 -- a PrusaLink gives up a stop after 15 s (connect-sdk.md 5.4)

-- What leads to IDLE from a state; where nothing is named, waiting does: of a PrusaLink FINISHED and STOPPED pass by
-- themselves after 11 s, Buddy printers show them until somebody dismisses them; BUSY passes when it is done.
local TO_REST = { PRINTING = "STOP_PRINT", PAUSED = "STOP_PRINT", ATTENTION = "STOP_PRINT", READY = "CANCEL_PRINTER_READY" }
local BUDDY_TO_REST = { FINISHED = "SET_IDLE", STOPPED = "SET_IDLE" }

local function way_to_rest(number)
  local state = core.reported_state(number)
  return TO_REST[state] or core.seen_dialect(number) == "buddy" and BUDDY_TO_REST[state] or nil
end

local function refuse(printer, why)
  local text = ("the device can't be brought to rest: it is %s%s"):format(core.reported_state(printer.number), why)
  core.verdict("skip", core.trouble(text))
end

-- Wait until nothing of the scenario before is on its way: what was not delivered yet is taken back, what never ends is
-- given up.
local function clear_away(number)
  local deadline = core.now() + REST_SECONDS / 2
  while core.withdraw(number, false) > 0 do
    local left = deadline - core.now()
    if left <= 0 then
      core.withdraw(number, true)
      return
    end
    core.sleep(math.min(left, 1), core.WATCH.ALL, number)
  end
end

local ENDED = { finished = true, failed = true, rejected = true, lost = true }

-- Send a command and wait for its end. Gives its id and its status.
local function send(number, name, kwargs)
  local id = core.command(number, name, kwargs)
  local deadline = core.now() + ANSWER_SECONDS
  while not ENDED[core.command_status(id)] and core.now() < deadline do
    core.sleep(math.max(deadline - core.now(), 0.001), core.WATCH.COMMAND, number)
  end
  return id, core.command_status(id)
end

-- A Buddy printer at rest asks for attention by a dialog alone: the last of its buttons is the one that ends most.
local function dismiss_dialog(number)
  local id, status = send(number, "SEND_STATE_INFO")
  local answers = status == "finished" and core.command_answers(id) or {}
  local told = answers[#answers]
  local buttons = told and told.data and told.data.buttons or {}
  if told and told.dialog_id and #buttons > 0 then
    send(number, "DIALOG_ACTION", { dialog_id = told.dialog_id, button = buttons[#buttons] })
  end
end

-- Send what leads to rest. Gives the reason if the device did not do it.
local function order(printer, name)
  local id, status = send(printer.number, name)
  local asks = core.reported_state(printer.number) == "ATTENTION"
  if status == "rejected" and asks and core.seen_dialect(printer.number) == "buddy" then
    dismiss_dialog(printer.number)
  end
  if status == "finished" then
    return nil
  end
  local answers = core.command_answers(id)
  local last = answers[#answers]
  local reason = last and (last.data and last.data.error or last.reason)
  return (", %s: %s"):format(name, reason and ("%s (%s)"):format(status, tostring(reason)) or status)
end

-- Idle, with nothing on its way; within a minute, or the scenario is skipped, and those after it at once.
function core.rest(printer)
  local known = core.trouble()
  if known then
    core.verdict("skip", known)
  end
  local number = printer.number
  local deadline = core.now() + REST_SECONDS
  clear_away(number)
  local why = ""
  while core.reported_state(number) ~= "IDLE" do
    local left = deadline - core.now()
    if left <= 0 then
      refuse(printer, why)
    end
    local name = way_to_rest(number)
    why = name and order(printer, name) or why
    if why:find("Not Implemented", 1, true) then
      refuse(printer, why)
    end
    if core.reported_state(number) ~= "IDLE" then
      core.sleep(math.max(0.1, math.min(deadline - core.now(), 1)), core.WATCH.STATE, number)
    end
  end
end

-- ---- Files ----

-- Ask for the tree if it has not been told yet.
local function shown_tree(number)
  local tree = core.view(number, true).files
  if tree == nil or tree == null then
    send(number, "SEND_INFO")
    tree = core.view(number, true).files
  end
  return tree ~= null and tree or nil
end

local function child_of(node, name)
  for _, child in ipairs(node.children or {}) do
    if child.name == name then
      return child
    end
  end
  return nil
end

-- What the device shows below a path, as Printer:files() tells it; nil when it is not there.
function core.shown_files(number, path)
  local node = shown_tree(number)
  for name in path:gmatch "[^/]+" do
    node = node and child_of(node, name)
  end
  if not node or not node.children then
    return nil
  end
  local list = {}
  for i, child in ipairs(node.children) do
    list[i] = {
      name = child.name, folder = child.children ~= nil or child.type == "DIR" or child.type == "FOLDER",
      size = child.size, read_only = child.read_only, modified = child.m_timestamp,
    }
  end
  return list
end

-- Whether it shows a file of this name.
function core.shows(printer, path)
  local folder, name = path:match "^(.*)/([^/]+)$"
  for _, entry in ipairs(folder and printer:files(folder) or {}) do
    if entry.name == name and not entry.folder then
      return true
    end
  end
  return false
end

local PRINTABLE = { gcode = true, gco = true, gc = true, g = true } -- CON-FS-08
local SIZE_MAX = 10 * 1024 * 1024 -- a larger one takes its host long to read

-- The longest print at hand is the one whose end does not come in between.
local function better(size, than)
  if size > SIZE_MAX or than > SIZE_MAX then
    return size < than
  end
  return size > than
end

local function search(printer, folder, best)
  for _, entry in ipairs(printer:files(folder) or {}) do
    local path = (folder == "/" and "" or folder) .. "/" .. entry.name
    local extension = entry.name:match "%.(%w+)$"
    if entry.folder then
      best = search(printer, path, best)
    elseif extension and PRINTABLE[extension:lower()] then
      local size = entry.size or 0
      if not best or better(size, best.size) then
        best = { path = path, size = size }
      end
    end
  end
  return best
end

function core.printable(printer)
  local best = search(printer, "/")
  if not best then
    core.verdict("skip", "no file to print on the device")
  end
  return best.path
end
