-- link-sync.md 1 to 3 as checks: how the tool is called, what farm files it takes, what it reads of the folder.
local common = include "common.lua"

-- Nobody was asked anything.
local function expect_silence(t, bed, what)
  for i, one in ipairs(bed.printers) do
    local asked = #one.printer:requests_of_link(bed.before[i])
    if asked > 0 then
      t:fail("%s: %s was asked %d times\n%s", what, one.name, asked, bed:told())
    end
  end
end

check "SYNC-01" {
  "farm files with the suffixes .json, .jso, .jsn, .yml and .yaml are read, in any case of letters, and no others",
  side = "tool", kind = "fidelity", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "a.gcode"
    for _, name in ipairs { "farm.yml", "farm.YAML", "farm.json", "farm.Jso", "farm.jsn" } do
      if name:lower():find ".y" then
        bed:write_farm(name)
      else
        bed:write_json(name)
      end
      bed:expect_code(bed:run(), 0, name)
      t:expect(#bed:asked(1) > 0, "whether the printer of " .. name .. " was asked"):is_true()
    end
    bed:write_farm "farm.txt"
    bed:expect_code(bed:run(), "failure", "farm.txt")
    expect_silence(t, bed, "farm.txt")
  end,
}

check "SYNC-02" {
  "a farm file that is not there is an error that is told, and nobody is contacted",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "a.gcode"
    local run = bed:run { farm = bed.work.path .. "/no-such-farm.yml" }
    bed:expect_code(run, "failure")
    t:expect(#run.errors > 0, "whether standard error says anything"):is_true()
    expect_silence(t, bed, "a missing farm file")
  end,
}

check "SYNC-03" {
  "a printer of a farm file without host, username, password or printer_type, or with a field too many, is an error " ..
    "before it is contacted",
  side = "tool", kind = "fidelity", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "a.gcode"
    for _, key in ipairs { "host", "username", "password", "printer_type", "extra" } do
      bed:write_farm("farm.yml", function(fields) fields[key] = key == "extra" and "5" or nil end)
      bed:expect_code(bed:run(), "failure", key)
      expect_silence(t, bed, key)
    end
  end,
}

check "SYNC-04" {
  "without a folder the tool tells how it is used, ends with 2 and contacts nobody",
  side = "tool", kind = "fidelity", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    local run = bed:run { folder = false }
    bed:expect_code(run, 2)
    local text = run.text:lower()
    t:expect(text:find "usage" ~= nil or text:find "expected" ~= nil, "whether it says how it is used"):is_true()
    expect_silence(t, bed, "no folder")
  end,
}

check "SYNC-05" {
  "a dry run only reads",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "a.gcode"
    bed:here("b/c.gcode", "; new\n", { age = 0 })
    bed:there(1, "b/c.gcode", "; old\n")
    bed:there(1, "excess.gcode")
    local before = bed:tree(1)
    bed:expect_code(bed:run { dry = true }, 0)
    t:expect(#bed:changes(1), "requests that change something"):equals(0)
    t:expect(bed:tree(1), "the drive"):equals(before)
  end,
}

check "SYNC-06" {
  "a dry run tells what the run behind it does, and nothing else",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "missing.gcode"
    bed:here("jobs/stale.gcode", "; new\n", { age = 0 })
    bed:here "same.gcode"
    bed:there(1, "jobs/stale.gcode", "; old\n")
    bed:there(1, "same.gcode", nil, 60)
    bed:there(1, "excess.gcode")
    local told = bed:run { dry = true }
    for _, name in ipairs { "missing.gcode", "jobs/stale.gcode", "excess.gcode" } do
      bed:expect_told(told, name, "the dry run")
    end
    t:expect(told.text:find("same.gcode", 1, true), "what a dry run says of a file that is in step"):is_nil()
    bed:expect_code(bed:run(), 0)
    bed:expect_in_step(1)
    for _, change in ipairs(bed:changes(1)) do
      if change.what == "PUT" and not told.text:find(change.file:match "[^/]*$", 1, true) then
        t:fail("the dry run did not tell of %s", change.told)
      end
      t:expect(change.file:find("same", 1, true), "what was done to a file that is in step"):is_nil()
    end
  end,
}

check "SYNC-07" {
  "a printer is chosen by its name in any case of letters",
  side = "tool", kind = "fidelity", subject = "sync",
  run = function(t)
    local bed = common.bed(t, { count = 2 })
    bed:here "a.gcode"
    bed:run { printer = "ADA" }
    bed:expect_in_step(1)
    t:expect(bed:tree(2)["a.gcode"], "what the other printer got"):is_nil()
  end,
}

check "SYNC-08" {
  "a printer that is left out is not contacted",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t, { count = 2 })
    bed:here "a.gcode"
    if t:tool_knows "skip" then
      bed:run { skip = "Bea" }
    else
      bed:run { printer = "Ada" }
    end
    bed:expect_in_step(1)
    t:expect(#bed.printers[2].printer:requests_of_link(), "requests to the printer that is left out"):equals(0)
  end,
}

check "SYNC-09" {
  "files with the suffixes .gcode and .bgcode in small letters are uploaded, .GCODE, .gco and .txt are not",
  side = "tool", kind = "fidelity", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    for _, path in ipairs { "a.gcode", "b.bgcode", "C.GCODE", "d.gco", "e.txt" } do
      bed:here(path)
    end
    bed:run()
    local tree = bed:tree(1)
    t:expect(tree["a.gcode"] and tree["b.bgcode"], "what was uploaded"):is_a "string"
    for _, path in ipairs { "C.GCODE", "d.gco", "e.txt" } do
      t:expect(tree[path], path):is_nil()
    end
  end,
}

check "SYNC-10" {
  "what begins with a dot is left out, also what lies below",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    for _, path in ipairs { "a.gcode", ".b.gcode", ".git/c.gcode", "d/.e.gcode" } do
      bed:here(path)
    end
    bed:run()
    for _, change in ipairs(bed:changes(1)) do
      t:expect(change.file:find "/%.", change.told .. ": a dot"):is_nil()
    end
    bed:expect_in_step(1)
  end,
}

check "SYNC-11" {
  "with a folder above it the way from there is repeated on the printer",
  side = "tool", kind = "fidelity", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "n/a.gcode"
    bed:expect_code(bed:run { folder = bed.source.path .. "/n", relative_to = bed.source.path }, 0)
    t:expect(bed:tree(1)["n/a.gcode"], "n/a.gcode"):is_a "string"
  end,
}

check "SYNC-12" {
  "a folder that is not above the source changes nothing on any printer, and is told",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "a.gcode"
    bed:there(1, "b.gcode")
    local before = bed:tree(1)
    local run = bed:run { relative_to = bed.work.path }
    t:expect(bed:tree(1), "the drive"):equals(before)
    t:expect(run.code ~= 0 or #run.errors > 0, "whether it is told"):is_true()
  end,
}
