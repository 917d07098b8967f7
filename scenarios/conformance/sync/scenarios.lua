-- link-sync.md 10.3 as checks: fixture, what happens meanwhile, and the invariants of 10.2. Numbers are those of its table.
local common = include "common.lua"

local function has(t, tree, paths)
  for _, path in ipairs(paths) do
    t:expect(tree[path], path):is_a "string"
  end
end

check "SYNC-S01" {
  "hundreds of files in four levels of folders are brought, and a second run moves nothing",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    for i = 1, 300 do
      bed:here(("%d/%d/%d/part %d.gcode"):format(i % 3, i % 5, i % 2, i))
    end
    bed:bring_in_step { limit = "240s" }
  end,
}

check "SYNC-S02" {
  "of a full mirror only the file that has changed moves",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    for i = 1, 10 do
      bed:here(("part %d.gcode"):format(i))
    end
    bed:expect_code(bed:run(), 0)
    bed:here("part 7.gcode", "; changed\n", { time = t:unix_time() + 120 })
    bed:expect_code(bed:run(), 0)
    bed:expect_in_step(1)
    t:expect(bed:count(1, "PUT"), "uploads"):equals(1)
  end,
}

check "SYNC-S05" {
  "a printer whose clock is wrong by an hour, either way, or that knows no time is in step after one run",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t, { count = 3 })
    for i, ahead in ipairs { -3600, 3600, -t:unix_time() } do
      bed.printers[i].clock = ahead
      bed.printers[i].printer:set_clock(ahead)
    end
    bed:here("fresh.gcode", nil, { age = 0 })
    bed:here "older.gcode"
    bed:bring_in_step()
  end,
}

check "SYNC-S07" {
  "the two seconds in which FAT counts make no file look stale",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    for i = 0, 3 do
      bed:here(("odd %d.gcode"):format(i), nil, { time = math.floor(t:unix_time()) - i + 0.999 })
    end
    bed:bring_in_step()
  end,
}

check "SYNC-S08" {
  "names that begin alike, and become each other's short names, land once each and hit no other file",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    for i = 1, 12 do
      bed:here(("multiple parts %d.gcode"):format(i))
    end
    for i = 7, 9 do
      bed:there(1, ("multiple others %d.gcode"):format(i))
    end
    bed:bring_in_step()
  end,
}

check "SYNC-S09" {
  "a folder whose letters differ there is the same folder: nothing in it moves that is as it is here",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "jobs/a.gcode"
    bed:here "jobs/new.gcode"
    bed:there(1, "JOBS/a.gcode", common.gcode "jobs/a.gcode", 60)
    bed:there(1, "JOBS/old.gcode")
    bed:expect_code(bed:run(), 0)
    for _, change in ipairs(bed:changes(1)) do
      t:expect(change.file:lower():find("/a.gco", 1, true), change.told .. ": a file that is as here"):is_nil()
    end
    local tree, found = bed:tree(1), {}
    for path, content in pairs(tree) do
      found[path:lower()] = content
    end
    t:expect(found, "the drive"):equals(bed.source:files())
    bed:expect_second_empty()
  end,
}

check "SYNC-S10" {
  "names of composed and decomposed letters, emoji, right-to-left and with blanks arrive as they are",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    for _, name in ipairs {
      "caf\u{e9}", "cafe\u{301} decomposed", "\u{1f680} \u{1f600}", "\u{5e9}\u{5dc}\u{5d5}\u{5dd}", "\u{65e5}\u{672c}",
      " with a blank",
    } do
      bed:here(name .. ".gcode")
    end
    bed:bring_in_step()
  end,
}

check "SYNC-S11" {
  "a name with a character that the printer forbids is told as a failure; the others are brought",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "good # % & + ; [1] 'x'.gcode"
    bed:here "bad?.gcode"
    bed:here "bad:also.gcode"
    local run = bed:run()
    bed:expect_code(run, "failure")
    bed:expect_told(run, "bad?.gcode")
    bed:expect_told(run, "bad:also.gcode")
    has(t, bed:tree(1), { "good # % & + ; [1] 'x'.gcode" })
  end,
}

check "SYNC-S12" {
  "what the printer says is read-only is not deleted, or its refusal is told",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t, { misbehave = { { "set-key=ro:true@GET/api/v1/files/usb", "early=409@DELETE/api/v1/files/usb" } } })
    bed:here "a.gcode"
    bed:there(1, "read-only.gcode")
    local run = bed:run()
    bed:expect_code(run, "failure")
    bed:expect_told(run, "read-only.gcode")
    has(t, bed:tree(1), { "read-only.gcode", "a.gcode" })
  end,
}

check "SYNC-S13" {
  "a storage that fills up is told; what was brought before is whole, and of the rest nothing is half there",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t, { storage = { name = "usb", kind = "usb", total = 50000 } })
    for i = 1, 4 do
      bed:here(("part %d.gcode"):format(i), common.gcode("part " .. i, 20000))
    end
    local run = bed:run()
    bed:expect_code(run, "failure")
    local whole = 0
    for path, content in pairs(bed:tree(1)) do
      t:expect(content, path):equals(bed.source:read(path))
      whole = whole + 1
    end
    t:expect(whole, "files that fit"):equals(2)
  end,
}

-- A run that is ended in the middle of an upload of two seconds, more than sockets hold.
local function ended_midway(t, signal)
  local bed = common.bed(t, { upload_speed = 3000000 })
  bed:here("a small one.gcode", common.gcode("small", 500))
  bed:here("large.gcode", common.gcode("large", 6000000))
  bed:there(1, "large.gcode", "; the old one\n")
  local run = bed:start()
  local begun = t:wait_until(function()
    for _, request in ipairs(bed.printers[1].printer:requests_of_link()) do
      if request.method == "PUT" and request.target:find "large" and request.status == 0 and request.body_bytes > 0 then
        return true
      end
    end
  end, "30s")
  t:expect(begun, "whether the large upload began"):is_true()
  run:signal(signal)
  if not run:wait "20s" then
    t:fail("it did not end within 20 s of SIG%s", signal)
  end
  local function temporary()
    for path in pairs(bed:tree(1, true)) do
      if path:find "%.tmp$" then
        return path
      end
    end
  end
  -- What is on its way comes first, then silence for 10 s (prusalink.md 3.9 step 12).
  t:wait_until(function() return not temporary() end, "40s")
  t:expect(temporary(), "a temporary file"):is_nil()
  local tree = bed:tree(1)
  local left = tree["large.gcode"]
  local whole = left == nil or left == "; the old one\n" or left == bed.source:read "large.gcode"
  t:expect(whole, "whether the old file, the new one or none is there"):is_true()
  bed:bring_in_step()
  return run, bed
end

check "SYNC-S14" {
  "a run that is killed in the middle of an upload leaves no half file, and the next one ends in the same state",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    ended_midway(t, "KILL")
  end,
}

check "SYNC-S14-interrupt" {
  "Ctrl-C ends a run within seconds, with a report of what was done and an exit code that is not 0",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local run = ended_midway(t, "INT")
    t:expect(run.code ~= 0, "whether its exit code tells"):is_true()
    t:expect(#run.text > 0, "whether it says anything"):is_true()
  end,
}

check "SYNC-S15" {
  "a printer that closes each connection, answers late and slowly is brought into step all the same",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t, { misbehave = { { "close-behind", "late=0.2", "slow=2000" } } })
    bed:here "a.gcode"
    bed:here "b/c.gcode"
    bed:bring_in_step()
  end,
}

check "SYNC-S16" {
  "a printer that begins to print between two uploads keeps its file, and what is left undone is told",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t, { upload_speed = 8000 })
    local content = ("G1 X10 Y10 F600\nG4 S60\n"):rep(100)
    for i = 1, 5 do
      bed:here(("part %d.gcode"):format(i), common.gcode("part " .. i, 8000))
    end
    bed:here("printing.gcode", content)
    bed:there(1, "printing.gcode", content, 60)
    local run = bed:start()
    local begun = t:wait_until(function() return bed:tree(1, true)["part 1.gcode"] ~= nil end, "30s")
    t:expect(begun, "whether the first upload ended"):is_true()
    bed:ask(1, "POST", "/api/v1/files/usb/printing.gcode")
    t:expect(run:wait "60s" ~= nil, "whether it ended"):is_true()
    t:expect(bed:tree(1)["printing.gcode"], "the file in print"):equals(content)
    local missing
    for i = 1, 5 do
      missing = missing or bed:tree(1)[("part %d.gcode"):format(i)] == nil
    end
    if missing then
      bed:expect_code(run, "failure")
      bed:expect_told(run, "PRINTING")
    end
  end,
}

check "SYNC-S16-file" {
  "the file in print is neither deleted nor replaced, also where printers that are not idle shall be worked on",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    local content = ("G1 X10 Y10 F600\nG4 S60\n"):rep(100)
    bed:here "a.gcode"
    bed:there(1, "printing.gcode", content)
    bed:ask(1, "POST", "/api/v1/files/usb/printing.gcode")
    t:wait_until(function() return bed.printers[1].printer:state() == "PRINTING" end, "10s")
    local run = bed:run { any_state = true }
    t:expect(bed:tree(1)["printing.gcode"], "the file in print"):equals(content)
    bed:expect_code(run, "failure")
    bed:here("printing.gcode", "; another one\n", { age = 0 })
    run = bed:run { any_state = true }
    t:expect(bed:tree(1)["printing.gcode"], "the file in print"):equals(content)
    bed:expect_code(run, "failure")
  end,
}

check "SYNC-S18" {
  "one of several printers that answers with an error, wherever it does, is told and keeps the others from nothing",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local wrongs = {
      { "status=500@GET/api/v1/status" }, { "status=503@GET/api/v1/status" }, { "status=429@GET/api/v1/files" },
      { "status=404@GET/api/v1/files/usb" }, { "status=500@GET/api/v1/files/usb/F1" }, { "early=503@PUT" },
      { "early=500@DELETE" }, { "unauthorized" },
    }
    local bed = common.bed(t, { count = #wrongs + 1, misbehave = wrongs })
    bed:here "f1/a.gcode"
    for i in ipairs(bed.printers) do
      bed:there(i, "f1/old.gcode")
    end
    local run = bed:run { limit = "150s" }
    bed:expect_in_step(#wrongs + 1)
    bed:expect_code(run, "failure")
    for i in ipairs(wrongs) do
      bed:expect_told(run, bed.printers[i].name, wrongs[i][1])
      if wrongs[i][1]:find "GET" then -- what could not be listed is not judged as if it were empty
        t:expect(bed:tree(i)["f1/old.gcode"], wrongs[i][1] .. ": a file that could not be listed"):is_a "string"
      end
    end
  end,
}

check "SYNC-S19" {
  "two runs at once end in the state of one",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t, { upload_speed = 20000 })
    for i = 1, 4 do
      bed:here(("part %d.gcode"):format(i), common.gcode("part " .. i, 5000))
    end
    local first = bed:start()
    local second = bed:start()
    t:expect(first:wait "60s" ~= nil and second:wait "60s" ~= nil, "whether both ended"):is_true()
    bed:bring_in_step()
  end,
}

check "SYNC-S20" {
  "texts, hidden files and empty folders that only the printer has stay",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "a.gcode"
    for _, path in ipairs { "notes.txt", ".hidden.gcode", "folder/.settings", "firmware.bbf" } do
      bed:there(1, path)
    end
    bed.printers[1].printer:make_folder "/usb/one/two/three"
    bed:expect_code(bed:run(), 0)
    has(t, bed:tree(1), { "a.gcode", "notes.txt", ".hidden.gcode", "folder/.settings", "firmware.bbf" })
    local _, folders = bed:tree(1)
    t:expect(folders["one/two/three"], "whether the empty folders are there"):is_true()
  end,
}

check "SYNC-S22" {
  "links that lead out of the folder or round in it empty no printer",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "a.gcode"
    bed:there(1, "a.gcode", nil, 60)
    bed.work:write("secret.gcode", "; not for printers\n")
    bed.source:link("out", bed.work.path)
    local run = bed:run()
    t:expect(bed:tree(1)["out/secret.gcode"], "a file from outside the folder"):is_nil()
    bed:expect_code(run, "failure", "a link that leads out")
    bed.source:remove "out"
    bed.source:link("round", ".")
    bed:run()
    has(t, bed:tree(1), { "a.gcode" })
    for path in pairs(bed:tree(1)) do
      t:expect(path:find "round/round", "a file that is in itself, " .. path):is_nil()
    end
  end,
}

check "SYNC-S23" {
  "answers that are no JSON, half there, of wrong types or without members are the trouble of that printer alone",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local wrongs = {
      { "broken-json@GET/api/v1/status" }, { "body=<html></html>@GET/api/v1/status" }, { "half-body@GET/api/v1/files" },
      { "wrong-length=7@GET/api/v1/files" }, { "drop-key=name@GET/api/v1/files" }, { "retype-key=type@GET/api/v1/files" },
      { "endless-headers@GET/api/v1/status" }, { "no-nonce" }, { "garbage@GET/api/v1/files" },
    }
    local bed = common.bed(t, { count = #wrongs + 1, misbehave = wrongs })
    bed:here "a.gcode"
    for i in ipairs(bed.printers) do
      bed:there(i, "old.gcode")
    end
    local run = bed:run { timeout = t:tool_knows "timeout" and 5 or nil, limit = "150s" }
    bed:expect_in_step(#wrongs + 1)
    bed:expect_code(run, "failure")
  end,
}

check "SYNC-S24" {
  "what happens to one printer of a farm does not depend on the others",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local models = {}
    for i = 1, 12 do
      models[i] = ({ "mk4", "mini", "xl" })[i % 3 + 1]
    end
    local bed = common.bed(t, { models = models })
    for i = 1, 5 do
      bed:here(("jobs/part %d.gcode"):format(i))
    end
    for i in ipairs(bed.printers) do
      for k = 1, i % 4 do
        bed:there(i, ("old %d.gcode"):format(k))
      end
    end
    bed:bring_in_step()
  end,
}

check "SYNC-S24-dialects" {
  "a farm with a Raspberry Pi and a resin printer in it: each is brought into step, or told, and keeps no other waiting",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t, { models = { "mk3s", "mk4", "sl1", "xl" } })
    bed:here "a.gcode"
    bed:there(2, "old.gcode")
    local run = bed:run()
    bed:expect_in_step(2)
    bed:expect_in_step(4)
    local pi = bed.printers[1].printer:file_content "/PrusaLink gcodes/a.gcode"
    if pi then
      t:expect(pi, "what the Raspberry Pi got"):equals(bed.source:read "a.gcode")
    else
      bed:expect_code(run, "failure")
      bed:expect_told(run, bed.printers[1].name)
    end
    t:expect(bed.printers[3].printer:file_content "/local/a.gcode", "what the resin printer got of g-code"):is_nil()
  end,
}

check "SYNC-S25" {
  "a nonce that is stale costs one more round and no file",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t, { misbehave = { { "expire@GET/api/v1/files:1", "expire@PUT/api/v1/files:1" } } })
    bed:here "a.gcode"
    bed:here "b.gcode"
    bed:expect_code(bed:run(), 0)
    bed:expect_in_step(1)
  end,
}
