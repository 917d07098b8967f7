-- Commands that are no commands: each is answered with one REJECTED or FAILED, and the printer is as it was.

local gcodes = "/PrusaLink gcodes"
local cube = gcodes .. "/cube.gcode"

local function printer_with_cube(t)
  local printer = t:printer("mk3s", { files = { [cube] = "G28\nG1 X10 F3000\n" } })
  t:expect(printer):state "IDLE":within "20s"
  return printer
end

-- It still works: nothing waits, nothing prints, the next command is done.
local function is_well(t, printer)
  t:expect(printer:state(), "the state"):equals "IDLE"
  t:expect(t.connect:command(printer, "SEND_INFO")):answered("INFO"):within "10s"
end

local deep = ("["):rep(100000) .. ("]"):rep(100000)
local bodies = {
  { "empty", "" },
  { "a blank", " " },
  { "cut in the middle", '{"command": "START_PRI' },
  { "cut behind an escape", '{"command": "\\' },
  { "not JSON", "START_PRINT" },
  { "binary", "\0\255\254{}\1" },
  { "not UTF-8", '{"command": "\255\254"}' },
  { "half a surrogate", '{"command": "\\ud800"}' },
  { "a list", '["START_PRINT"]' },
  { "a number", "1" },
  { "a text", '"START_PRINT"' },
  { "null", "null" },
  { "two objects", '{"command": "SEND_INFO"}{"command": "SEND_INFO"}' },
  { "an object without command", "{}" },
  { "a command that is a number", '{"command": 7}' },
  { "a command that is null", '{"command": null}' },
  { "a command that is a list", '{"command": ["START_PRINT"]}' },
  { "a command that nobody knows", '{"command": "MAKE_COFFEE"}' },
  { "a command of 100 kB", '{"command": "' .. ("A"):rep(100000) .. '"}' },
  { "100,000 lists in each other", '{"command": "START_PRINT", "kwargs": ' .. deep .. "}" },
  { "100,000 lists that never end", ("["):rep(100000) },
  { "100,000 objects in each other", ('{"a":'):rep(100000) .. "1" .. ("}"):rep(100000) },
  { "a path that is a number", '{"command": "START_PRINT", "kwargs": {"path": 5}}' },
  { "a path that is null", '{"command": "START_PRINT", "kwargs": {"path": null}}' },
  { "a path that is an object", '{"command": "START_PRINT", "kwargs": {"path": {}}}' },
  { "kwargs that are a list", '{"command": "START_PRINT", "kwargs": ["' .. cube .. '"]}' },
  { "kwargs that are a text", '{"command": "START_PRINT", "kwargs": "' .. cube .. '"}' },
  { "args that are a number", '{"command": "START_PRINT", "args": 5}' },
  { "no path", '{"command": "START_PRINT", "kwargs": {}}' },
  { "a temperature that is a text", '{"command": "SET_NOZZLE_TEMPERATURE", "kwargs": {"nozzle_temperature": "hot"}}' },
  { "a path of 1 MB", '{"command": "START_PRINT", "kwargs": {"path": "/' .. ("a"):rep(1000000) .. '"}}' },
}

for _, case in ipairs(bodies) do
  local name, body = case[1], case[2]
  scenario("a command is " .. name) {
    "it is answered with one REJECTED or FAILED, and the printer is as it was",
    run = function(t)
      local printer = printer_with_cube(t)
      local command = t.connect:raw(printer, { name = name, body = body, content_type = "application/json" })
      t:expect(command):ended():within "15s"
      t:expect(command:status(), "what became of it"):one_of { "rejected", "failed" }
      local terminal = command:answer(command:status():upper())
      t:expect(#json.encode(terminal), "size of the answer"):below(8192)
      is_well(t, printer)
    end,
  }
end

scenario "gcode is rubbish" {
  "binary, endless and absurd g-code is taken or refused, and the printer goes on",
  run = function(t)
    local printer = printer_with_cube(t)
    for _, gcode in ipairs {
      "", "\n\n\n", "\0\0\0", "\255\254\253", "G", "G1", "G1 X", "N1 G1*0", "M104 Snan", "M104 S1e309", "G1 F0 X1e30",
      "G1 X-1e308 Y1e308", "T99999999999", "M862.3 P\"", ";" .. ("x"):rep(100000), ("G1 X1\n"):rep(1000),
    } do
      local command = t.connect:gcode(printer, gcode, { force = true })
      t:expect(command):ended():within "10m"
    end
    printer:stop()
    t:wait "1m"
    t:expect(t.connect:command(printer, "SEND_INFO")):answered("INFO"):within "10s"
  end,
}

-- Paths that lead out of the storage or nowhere. FILE commands must touch nothing.
local paths = {
  { "the parent", "/PrusaLink gcodes/../../etc/passwd" },
  { "the parent of a storage", "/PrusaLink gcodes/.." },
  { "parents alone", "../../../../etc/passwd" },
  { "an absolute path", "/etc/passwd" },
  { "a NUL", "/PrusaLink gcodes/cube.gcode\0.txt" },
  { "a name of 5000 bytes", "/PrusaLink gcodes/" .. ("a"):rep(5000) .. ".gcode" },
  { "5000 folders", "/PrusaLink gcodes" .. ("/a"):rep(5000) },
  { "slashes", "//////" },
  { "nothing", "" },
  { "a dot", "." },
  { "backslashes", "\\PrusaLink gcodes\\cube.gcode" },
  { "unicode that is not there", "/PrusaLink gcodes/Würfel 🧊 \u{202e}edocg.gcode" },
  { "control characters", "/PrusaLink gcodes/\27[2J.gcode" },
  { "no UTF-8", "/PrusaLink gcodes/\255\254.gcode" },
}

for _, case in ipairs(paths) do
  local name, path = case[1], case[2]
  scenario("a path is " .. name) {
    "no command does anything with it, and each says so",
    run = function(t)
      local printer = printer_with_cube(t)
      for _, verb in ipairs { "START_PRINT", "SEND_FILE_INFO", "DELETE_FILE", "DELETE_FOLDER" } do
        -- Written by hand: what the server's own JSON would refuse to write.
        local text = path:gsub("[%c\\]", function(byte) return ("\\u%04x"):format(byte:byte()) end)
        local body = ('{"command": "%s", "kwargs": {"path": "%s", "force": true}}'):format(verb, text)
        local command = t.connect:raw(printer, { name = verb, body = body, content_type = "application/json" })
        t:expect(command):ended():within "15s"
        t:expect(command:status(), verb):one_of { "rejected", "failed" }
      end
      t:expect(#printer:files(gcodes), "files"):equals(1)
      t:expect(printer:files(gcodes)[1].size, "size of the file"):equals(17)
      is_well(t, printer)
    end,
  }
end

scenario "a folder has a bad name" {
  "CREATE_FOLDER outside of a storage or with names that no storage takes makes nothing",
  run = function(t)
    local printer = printer_with_cube(t)
    for _, path in ipairs {
      "/PrusaLink gcodes/../evil", "/evil", "/PrusaLink gcodes/" .. ("a"):rep(5000), "",
    } do
      local command = t.connect:command(printer, "CREATE_FOLDER", { path = path })
      t:expect(command):ended():within "15s"
      t:expect(command:status(), path:sub(1, 40)):one_of { "rejected", "failed" }
    end
    t:expect(#printer:files(gcodes), "files"):equals(1)
    local command = t.connect:command(printer, "CREATE_FOLDER", { path = gcodes .. "/Würfel 🧊" })
    t:expect(command):finished():within "10s"
    t:expect(#printer:files(gcodes), "files"):equals(2)
    is_well(t, printer)
  end,
}
