-- link-sync.md 4.1 and 5 as checks: what a sync tool asks printers, and how uploads travel.
local common = include "common.lua"

local function header(request, name)
  return request.headers[name]
end

check "SYNC-13" {
  "the first thing that a printer is asked is its status",
  side = "tool", kind = "fidelity", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "a.gcode"
    bed:run()
    local first = bed:asked(1)[1]
    t:expect(first and first.method .. " " .. first.target, "the first request that was let in"):equals "GET /api/v1/status"
  end,
}

check "SYNC-14" {
  "a request that is challenged is repeated once with the answer, on the same connection while the server keeps it open",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "a.gcode"
    bed:run()
    local challenged, last
    for _, request in ipairs(bed.printers[1].printer:requests_of_link()) do
      if request.status == 401 then
        if header(request, "Authorization") then
          t:fail("the answer to a fresh challenge was refused: %s %s", request.method, request.target)
        elseif last and last.method == request.method and last.target == request.target then
          t:fail("%s %s was tried twice without an answer to its challenge", request.method, request.target)
        end
        challenged, last = true, request
      elseif last then
        t:expect(request.method .. " " .. request.target, "the repetition"):equals(last.method .. " " .. last.target)
        t:expect(header(request, "Authorization") ~= nil, "whether it carries the answer"):is_true()
        if last.method == "GET" then -- a Buddy printer closes behind a refused PUT (prusalink.md 2.2)
          t:expect(request.connection, "its connection"):equals(last.connection)
        end
        last = nil
      end
    end
    if not challenged then
      t:skip "the tool uses the key and is never challenged"
    end
  end,
}

-- Ten files in two folders that are in step: what a run without work asks.
local function idle_run(t)
  local bed = common.bed(t)
  for i = 1, 5 do
    bed:here(("f1/%d.gcode"):format(i))
    bed:there(1, ("f1/%d.gcode"):format(i), nil, 60)
    bed:here(("long folder name/%d.gcode"):format(i))
    bed:there(1, ("long folder name/%d.gcode"):format(i), nil, 60)
  end
  bed:expect_code(bed:run(), 0)
  return bed
end

check "SYNC-15" {
  "the tree is walked from the storage's path with a slash, again without, then once per folder by short names",
  side = "tool", kind = "fidelity", subject = "sync",
  run = function(t)
    local bed, seen = idle_run(t), {}
    for _, request in ipairs(bed:asked(1)) do
      if request.file then
        seen[#seen + 1] = request.file
      end
    end
    t:expect(seen[1], "the first"):equals "/usb/"
    t:expect(seen[2], "the second"):equals "/usb"
    local folders = { [seen[3] or ""] = true, [seen[4] or ""] = true }
    t:expect(folders["/usb/F1"], "whether /usb/F1 was listed"):is_true()
    t:expect(folders["/usb/LONGFO~1"], "whether /usb/LONGFO~1 was listed"):is_true()
  end,
}

check "SYNC-16" {
  "a run without work over D folders asks 2 D + 5 times",
  side = "tool", kind = "fidelity", subject = "sync",
  run = function(t)
    local bed = idle_run(t)
    t:expect(#bed:asked(1), "requests that were let in"):equals(2 * 2 + 5)
  end,
}

local IDLE = { "IDLE", "READY", "FINISHED" }
local NOT_IDLE = { "BUSY", "PRINTING", "PAUSED", "ERROR", "ATTENTION" }

-- Printers that say these words, each with a file too many and one missing.
local function states(t, words)
  local misbehave = {}
  for i, word in ipairs(words) do
    misbehave[i] = { ("set-key=state:%q@GET/api/v1/status"):format(word) }
  end
  local bed = common.bed(t, { count = #words, misbehave = misbehave })
  bed:here "a.gcode"
  for i in ipairs(words) do
    bed:there(i, "b.gcode")
  end
  return bed
end

check "SYNC-17" {
  "printers that are IDLE, READY or FINISHED are worked on, those that are busy, print, wait for somebody or have an " ..
    "error are not",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local words = { table.unpack(IDLE) }
    for _, word in ipairs(NOT_IDLE) do
      words[#words + 1] = word
    end
    local bed = states(t, words)
    bed:run()
    for i, word in ipairs(words) do
      if i <= #IDLE then
        bed:expect_in_step(i)
      else
        bed:expect_untouched(i, word)
      end
    end
  end,
}

check "SYNC-18" {
  "a printer that prints is worked on when that is asked for",
  side = "tool", kind = "fidelity", subject = "sync",
  run = function(t)
    local bed = states(t, { "PRINTING" })
    bed:run { any_state = true }
    t:expect(bed:tree(1)["a.gcode"], "a.gcode"):is_a "string"
  end,
}

check "SYNC-19" {
  "a printer that is STOPPED is not worked on",
  side = "tool", kind = "quirk", subject = "sync",
  run = function(t)
    local bed = states(t, { "STOPPED" })
    bed:run()
    bed:expect_untouched(1, "STOPPED")
  end,
}

check "SYNC-20" {
  "a printer whose state is a word that no document knows is told and not worked on",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = states(t, { "DREAMING" })
    local run = bed:run()
    bed:expect_untouched(1, "DREAMING")
    bed:expect_told(run, "DREAMING")
  end,
}

check "SYNC-21" {
  "a missing file is there afterwards with the same content, below the short name of its folder and under its long name",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:there(1, "a long folder/old.gcode")
    bed:here("a long folder/old.gcode", nil, { age = 86400 })
    bed:here("a long folder/a part with a long name.gcode", common.gcode("part", 30000))
    bed:expect_code(bed:run(), 0)
    bed:expect_in_step(1)
    for _, change in ipairs(bed:changes(1)) do
      if change.what == "PUT" then
        t:expect(change.file:match "/([^/]*)$", "the name it was sent under"):equals "a part with a long name.gcode"
      end
    end
  end,
}

check "SYNC-22" {
  "uploads carry Overwrite: true, Print-After-Upload: false, the key and no digest, and the type of their suffix",
  side = "tool", kind = "quirk", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    bed:here "a.gcode"
    bed:here "b.bgcode"
    bed:run()
    for _, change in ipairs(bed:changes(1)) do
      if change.what == "PUT" then
        local request = change.request
        t:expect(header(request, "Overwrite"), "Overwrite"):equals "true"
        t:expect(header(request, "Print-After-Upload"), "Print-After-Upload"):equals "false"
        t:expect(header(request, "X-Api-Key"), "X-Api-Key"):is_a "string"
        t:expect(header(request, "Authorization"), "Authorization"):is_nil()
        t:expect(header(request, "Content-Type"), "Content-Type of " .. change.file):equals(
          change.file:find "%.gcode$" and "text/x.gcode" or nil)
      end
    end
  end,
}

check "SYNC-23" {
  "an upload is one PUT with the length of the file and its bytes, without a form around them",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    local content = common.gcode("bytes", 70000) .. ("\0\1\r\n\255"):rep(100)
    bed:here("a.gcode", content)
    bed:expect_code(bed:run(), 0)
    bed:expect_in_step(1)
    local sent
    for _, change in ipairs(bed:changes(1)) do
      if change.what == "PUT" then
        sent = change.request
      end
    end
    t:expect(tonumber(header(sent, "Content-Length")), "Content-Length"):equals(#content)
    t:expect(sent.body_bytes, "bytes that came"):equals(#content)
  end,
}

check "SYNC-24" {
  "names travel as UTF-8 in percent encoding, blanks as %20, slashes as they are and no plus sign, which is a blank there",
  side = "tool", kind = "contract", subject = "sync",
  run = function(t)
    local bed = common.bed(t)
    for _, path in ipairs {
      "a b/c d.gcode", "caf\u{e9}.gcode", "\u{1f600}.gcode", "\u{5d0}\u{5d1}.gcode", "x+y & z; [1] 100%.gcode", "#1 ~ 'q'.gcode",
    } do
      bed:here(path)
    end
    bed:expect_code(bed:run(), 0)
    bed:expect_in_step(1)
    for _, change in ipairs(bed:changes(1)) do
      local target = change.request.target
      t:expect(target:find "[^%w%-%._~/%%!$&'()*,;=:@]", "bytes in " .. target .. " that belong encoded"):is_nil()
      t:expect(target:find "%%2[fF]", "encoded slashes in " .. target):is_nil()
    end
  end,
}
