-- link-sync.md 4.2 to 4.4 as checks: what is brought, replaced, deleted and left.
local common = include "common.lua"

-- The time that the printer tells of a file.
local function told_time(bed, i, path)
  local listing = bed:ask(i, "GET", "/api/v1/files/usb/" .. path)
  return listing.json.m_timestamp
end

check "SYNC-25" {
  "a file that is newer here by 61 s than the printer says is replaced, by 60 s it is not",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    local content = common.gcode "the same"
    for _, name in ipairs { "at 59.gcode", "at 60.gcode", "at 61.gcode", "a day older.gcode" } do
      bed:there(1, name, content)
    end
    for name, ahead in pairs { ["at 59"] = 59, ["at 60"] = 60, ["at 61"] = 61, ["a day older"] = -86400 } do
      bed:here(name .. ".gcode", content, { time = told_time(bed, 1, name:gsub(" ", "%%20") .. ".gcode") + ahead })
    end
    bed:expect_code(bed:run(), 0)
    local replaced = {}
    for _, change in ipairs(bed:changes(1)) do
      if change.what == "PUT" then
        replaced[#replaced + 1] = change.file:match "[^/]*$"
      end
    end
    t:expect(replaced, "what was replaced"):equals { "at 61.gcode" }
  end,
}

check "SYNC-26" {
  "a stale file is deleted by its short name before it is sent under its long one",
  side = "tool", kind = "fidelity", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:there(1, "a stale part.gcode", "; old\n")
    bed:here("a stale part.gcode", "; new\n", { age = 0 })
    bed:run()
    local kinds = {}
    for _, change in ipairs(bed:changes(1)) do
      kinds[#kinds + 1] = change.told
    end
    t:expect(kinds, "the changes"):equals { "DELETE /usb/ASTALE~1.GCO (204)", "PUT /usb/a stale part.gcode (201)" }
  end,
}

check "SYNC-27" {
  "a file of which the printer knows no time is not replaced for its time",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed.printers[1].printer:set_clock(-t:unix_time())
    bed.printers[1].printer:put_file("/usb/a.gcode", common.gcode "a")
    bed:here("a.gcode", common.gcode "a", { age = 0 })
    bed:expect_code(bed:run(), 0)
    bed:expect_untouched(1, "a printer without a clock")
  end,
}

check "SYNC-28" {
  "the same is decided in every time zone of the machine that the tool runs on",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    local content = common.gcode "the same"
    for _, name in ipairs { "newer there.gcode", "older there.gcode" } do
      bed:there(1, name, content, 4 * 3600)
    end
    bed:here("newer there.gcode", content, { age = 4 * 3600 + 1800 })
    bed:here("older there.gcode", content, { age = 4 * 3600 - 1800 })
    for _, zone in ipairs { "UTC", "EAST-1", "EAST-9", "WEST5" } do
      local run = bed:run { dry = true, zone = zone }
      bed:expect_told(run, "older there.gcode", zone)
      t:expect(run.text:find("newer there.gcode", 1, true), zone .. ": the file that is newer there"):is_nil()
    end
  end,
}

check "SYNC-29" {
  "a second run moves nothing",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here("fresh.gcode", nil, { age = 0 })
    bed:here "jobs/a.gcode"
    bed:here "jobs/deep/b.bgcode"
    bed:bring_in_step()
  end,
}

check "SYNC-30" {
  "with the storage as destination, print files that are not in the folder are deleted, by their whole short path",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "a.gcode"
    bed:there(1, "a.gcode", nil, 60)
    bed:there(1, "an old folder/an old part.gcode")
    bed:expect_code(bed:run(), 0)
    bed:expect_in_step(1)
    for _, change in ipairs(bed:changes(1)) do
      t:expect(change.file, "what was deleted"):equals "/usb/ANOLDF~1/ANOLDP~1.GCO"
    end
  end,
}

check "SYNC-31" {
  "all that goes has gone before anything comes",
  side = "tool", kind = "fidelity", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    for i = 1, 3 do
      bed:here(("new %d.gcode"):format(i))
      bed:there(1, ("old %d.gcode"):format(i))
    end
    bed:expect_code(bed:run(), 0)
    local put
    for _, change in ipairs(bed:changes(1)) do
      put = put or change.what == "PUT"
      if put and change.what == "DELETE" then
        t:fail("%s came behind an upload", change.told)
      end
    end
    t:expect(put, "whether anything came"):is_true()
  end,
}

check "SYNC-32" {
  "without a destination, or with a relative one, nothing that is too many is deleted",
  side = "tool", kind = "quirk", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "a.gcode"
    bed:there(1, "old.gcode")
    bed:there(1, "jobs/old.gcode")
    bed:run { destination = false }
    bed:run { destination = "jobs" }
    t:expect(bed:tree(1)["old.gcode"], "the file on the storage"):is_a "string"
    t:expect(bed:tree(1)["jobs/old.gcode"], "the file below the relative destination"):is_a "string"
  end,
}

check "SYNC-33" {
  "nothing outside the destination changes, also where names begin with the same letters",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "a.gcode"
    for _, path in ipairs { "FOO/x.gcode", "FOOBAR/x.gcode", "FOO2.gcode", "other/y.gcode", "root.gcode" } do
      bed:there(1, path)
    end
    local before = bed:tree(1)
    bed:expect_code(bed:run { destination = "/usb/FOO" }, 0)
    bed:expect_in_step(1, "FOO")
    local after = bed:tree(1)
    for path, content in pairs(before) do
      if path:sub(1, 4) ~= "FOO/" then
        t:expect(after[path], path):equals(content)
      end
    end
  end,
}

check "SYNC-34" {
  "a folder that is not there, or cannot be read as a whole, deletes nothing and is an error",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:there(1, "precious.gcode")
    local run = bed:run { folder = bed.source.path .. "/no/such/folder" }
    bed:expect_untouched(1, "a missing folder")
    bed:expect_code(run, "failure", "a missing folder")
    bed:here "a.gcode"
    bed:here "closed/precious.gcode"
    bed.source:mode("closed", 0)
    local root = pcall(function() return bed.source:read "closed/precious.gcode" or error "closed" end)
    run = bed:run { powerless = root }
    bed.source:mode("closed", 493)
    if root and run.errors:find "^setpriv: " then
      t:skip("run as root, which reads everything: %s", run.errors:match "[^\n]*")
    end
    t:expect(bed:count(1, "DELETE"), "deletions"):equals(0)
    bed:expect_code(run, "failure", "an unreadable folder")
  end,
}

check "SYNC-35" {
  "a file in folders that are missing is there afterwards, folders that are asked for are those above it",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "one/two/three/a.gcode"
    bed:bring_in_step()
    for _, change in ipairs(bed:changes(1, 1)) do
      if change.what == "FOLDER" then
        t:expect(("/usb/one/two/three"):sub(1, #change.file), change.told .. ": the folder"):equals(change.file)
      end
    end
  end,
}

check "SYNC-36" {
  "folders stay, also when they become empty",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "a.gcode"
    bed:there(1, "emptied/b.gcode")
    bed.printers[1].printer:make_folder "/usb/was empty"
    bed:expect_code(bed:run(), 0)
    bed:expect_in_step(1)
    local _, folders = bed:tree(1)
    t:expect(folders["emptied"] and folders["was empty"], "whether both are there"):is_true()
  end,
}

check "SYNC-37" {
  "a file whose name has other letters there is replaced by one with the letters from here, once",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "a part.gcode"
    bed:there(1, "A Part.gcode", "; other\n")
    bed:bring_in_step()
  end,
}

check "SYNC-38" {
  "two files here that are one there are told as a failure, and don't take turns",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here("A.gcode", "; capital\n")
    bed:here("a.gcode", "; small, and longer\n")
    bed:here "b.gcode"
    local run = bed:run()
    bed:expect_code(run, "failure")
    bed:expect_told(run, "a.gcode")
    t:expect(bed:tree(1)["b.gcode"], "the other file"):is_a "string"
    local before = bed:tree(1)
    bed:run()
    t:expect(bed:tree(1), "the drive after another run"):equals(before)
    t:expect(bed:count(1, "PUT"), "uploads of another run"):equals(0)
  end,
}
