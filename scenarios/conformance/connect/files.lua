-- connect-sdk.md 13.6: the file system.
local common = include "common.lua"

local folder = common.folder

local function changed(t, printer, path)
  return t:expect_event(printer, { event = "FILE_CHANGED", data = function(data)
    return data.new_path == path or data.old_path == path
  end }):within "10s"
end

check "CON-FS-01" {
  run = function(t)
    local printer = common.printer(t)
    local info = t:expect(t.connect:command(printer, "SEND_INFO")):answered("INFO"):within "10s"
    t:expect(info.data.files, "files"):satisfies { type = "DIR", name = "/", read_only = true }
    t:expect(#info.data.files.children, "storages"):at_least(1)
    t:held("CON-FS-01", { exercised = "fail" })
  end,
}

check "CON-FS-02" {
  run = function(t)
    local printer = common.printer(t, { files = {
      [folder .. "/a.gcode"] = ("G1\n"):rep(10), [folder .. "/sub/b.gcode"] = ("G1\n"):rep(20),
      [folder .. "/sub/deep/c.gcode"] = ("G1\n"):rep(30),
    } })
    local info = t:expect(t.connect:command(printer, "SEND_INFO")):answered("INFO"):within "10s"
    t:expect(info.data.files.children[1].size, "size of the storage"):equals(180)
    t:held("CON-FS-02", { exercised = "fail" })
  end,
}

check "CON-FS-03" {
  run = function(t)
    local printer = common.printer(t)
    printer:put_file(folder .. "/.hidden.gcode", "G1\n")
    printer:put_file(folder .. "/.folder/x.gcode", "G1\n")
    t:never(printer, { event = "FILE_CHANGED" }):during "3s"
    t:expect(t.connect:command(printer, "SEND_INFO")):ended():within "10s"
    t:held("CON-FS-03", { exercised = "fail" })
  end,
}

check "CON-FS-04" {
  run = function(t)
    local printer = common.printer(t)
    printer:put_file(folder .. "/new.gcode", ("G1\n"):rep(7))
    local event = changed(t, printer, folder .. "/new.gcode")
    t:expect(event.data, "FILE_CHANGED"):lacks "old_path"
    t:expect(event.data.file, "file"):satisfies { name = "new.gcode", type = "PRINT_FILE", size = 21 }
    t:held("CON-FS-04", { exercised = "fail" })
  end,
}

check "CON-FS-05" {
  run = function(t)
    local printer = common.printer(t)
    printer:put_file(common.cube, ("G1\n"):rep(9))
    local event = changed(t, printer, common.cube)
    t:expect(event.data.old_path, "old_path"):equals(common.cube)
    t:expect(event.data.new_path, "new_path"):equals(common.cube)
    t:expect(event.data.file.size, "size"):equals(27)
    t:held("CON-FS-05", { exercised = "fail" })
  end,
}

check "CON-FS-06" {
  run = function(t)
    local printer = common.printer(t)
    printer:remove(common.cube)
    local event = changed(t, printer, common.cube)
    t:expect(event.data.old_path, "old_path"):equals(common.cube)
    t:expect(event.data, "FILE_CHANGED"):lacks "new_path"
    t:expect(event.data, "FILE_CHANGED"):lacks "file"
    t:held("CON-FS-06", { exercised = "fail" })
  end,
}

check "CON-FS-07" {
  run = function(t)
    local printer = common.printer(t)
    local from = t:now()
    printer:move(common.cube, folder .. "/moved.gcode")
    t:wait "2s"
    local events = t:events_since(printer, from, { event = "FILE_CHANGED" })
    t:expect(#events, "FILE_CHANGED events of a move"):equals(2)
    t:expect(events[1].data, "the first"):satisfies { old_path = common.cube, new_path = absent }
    t:expect(events[2].data, "the second"):satisfies { new_path = folder .. "/moved.gcode", old_path = absent }
  end,
}

check "CON-FS-08" {
  run = function(t)
    local printer = common.printer(t)
    local types = {
      ["a.gcode"] = "PRINT_FILE", ["b.GCO"] = "PRINT_FILE", ["c.g"] = "PRINT_FILE", ["d.Gc"] = "PRINT_FILE",
      ["e.hex"] = "FIRMWARE", ["f.txt"] = "FILE", ["g.sl1"] = "FILE", ["gcode"] = "FILE",
    }
    for name, kind in pairs(types) do
      printer:put_file(folder .. "/" .. name, "G1\n")
      t:expect(changed(t, printer, folder .. "/" .. name).data.file.type, "type of " .. name):equals(kind)
    end
    t:held("CON-FS-08", { exercised = "fail" })
  end,
}

check "CON-FS-09" {
  run = function(t)
    common.needs_prusalink(t)
    local printer = common.printer(t)
    t:wait "3s" -- the host looks for the card each second or so
    printer:detach "SD Card"
    t:expect_event(printer, { event = "MEDIUM_EJECTED", data = { root = "/SD Card" } }):within "15s"
    printer:attach { name = "SD Card", kind = "sdcard", read_only = true }
    local event = t:expect_event(printer, { event = "MEDIUM_INSERTED", data = { root = "/SD Card" } }):within "15s"
    t:expect(event.data.files, "files"):satisfies { type = "DIR", name = "SD Card" }
    t:held("CON-FS-09", { exercised = "fail" })
  end,
}

check "CON-FS-10" {
  run = function(t)
    local printer = common.printer(t)
    local top = common.writable(t, printer) .. "/one"
    local path = top .. "/two/three"
    local from = t:now()
    t:expect(t.connect:command(printer, "CREATE_FOLDER", { path = path })):finished():within "10s"
    t:expect(t.connect:command(printer, "CREATE_FOLDER", { path = path })):finished():within "10s"
    t:wait "3s"
    t:expect(#t:events_since(printer, from, { event = "FILE_CHANGED" }), "FILE_CHANGED events"):equals(1)
    if not t.outside.printer then -- one that shows its tree shows the outermost folder
      t:expect(printer:files(path), "the innermost folder"):is_a "table"
    end
    t:expect(t.connect:command(printer, "DELETE_FOLDER", { path = top, force = true })):finished():within "10s"
    t:held("CON-FS-10", { exercised = "fail" })
  end,
}

check "CON-FS-11" {
  run = function(t)
    local printer = common.printer(t)
    local path = common.writable(t, printer) .. "/full"
    t:expect(t.connect:command(printer, "CREATE_FOLDER", { path = path .. "/inner" })):finished():within "10s"
    common.settle(t, printer)
    local refused = t.connect:command(printer, "DELETE_FOLDER", { path = path })
    t:expect(refused):failed(common.error(t, "not empty")):within "10s"
    common.settle(t, printer)
    t:expect(#printer:files(path), "what is in it after the refusal"):equals(1)
    t:expect(t.connect:command(printer, "DELETE_FOLDER", { path = path, force = true })):finished():within "10s"
    common.settle(t, printer)
    t:expect(printer:files(path), "the folder"):is_nil()
    t:held("CON-FS-11", { exercised = "fail" })
  end,
}

check "CON-FS-12" {
  run = function(t)
    local printer = common.printing(t)
    local path = common.file(t, printer)
    local parent = path:match "^(.*)/"
    common.settle(t, printer)
    local before = #printer:files(parent)
    local refused = t.connect:command(printer, "DELETE_FILE", { path = path })
    t:expect(refused):failed(common.error(t, "currently printed")):within "10s"
    t:expect(t.connect:command(printer, "DELETE_FILE", { path = parent .. "/none.gcode" })):failed():within "10s"
    t:expect(#printer:files(parent), "files after the refusals"):equals(before)
    t:held("CON-FS-12", { exercised = "fail" })
  end,
}

check "CON-FS-13" {
  run = function(t)
    local printer = common.printer(t)
    local info = t:expect(t.connect:command(printer, "SEND_INFO")):answered("INFO"):within "10s"
    local path = common.file(t, printer)
    local node = common.node(info.data.files, path)
    local file = t:expect(t.connect:command(printer, "SEND_FILE_INFO", { path = path })):answered("FILE_INFO"):within "10s"
    t:expect(file.data, "FILE_INFO"):satisfies {
      path = path, size = node.size, m_timestamp = node.m_timestamp, read_only = node.read_only,
    }
    t:held("CON-FS-13", { exercised = "fail" })
  end,
}

check "CON-FS-14" {
  run = function(t)
    local printer = common.printer(t)
    local home = common.writable(t, printer)
    local before = #printer:files(home)
    local outside = { "/../evil", home .. "/../../evil", "/etc/evil", home .. "/a/../../../evil" }
    for _, path in ipairs(outside) do
      for _, name in ipairs { "CREATE_FOLDER", "DELETE_FOLDER", "DELETE_FILE", "START_PRINT" } do
        local command = t.connect:command(printer, name, { path = path, force = true })
        t:expect(command):failed():within "20s"
      end
    end
    t:expect(#printer:files(home), "files in the storage"):equals(before)
    t:expect(printer):state "IDLE"
  end,
}
