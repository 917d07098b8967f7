-- How a workshop spends its time at one server: one printer of each model, those with Buddy firmware once over HTTP and once
-- over a WebSocket. Each registers, prints, takes in another file meanwhile, is paused, asks for other filament, has a fan
-- that stands still and a drive that is pulled and put back, and finishes. Whoever stands beside it does what it asks for.
-- At the end the server knows each of them as it is: nothing but messages has told it.

local MODELS = {
  "mk2.5", "mk2.5s", "mk2.5-mmu2s", "mk2.5s-mmu2s", "mk3", "mk3s", "mk3-mmu2s", "mk3s-mmu2s",
  "mk3.5", "mk3.5s", "mk3.9", "mk3.9s", "mk4", "mk4s", "mk4-mmu3", "mk4s-mmu3", "mini", "xl", "ix", "coreone",
  "coreone-mmu3", "sl1", "sl1s",
}

local UPLOAD_BYTES = 200000

-- Seconds: between two looks of whoever stands beside them, how long a drive stays out, a pause lasts after that, until a
-- resume is asked for again, how long a fan stands still; and how fast the other file comes.
local LEISURELY = { step = 2, out = 30, rest = 20, again = 120, still = 30, bytes_per_second = 20000 }
local BRISK = { step = 0.5, out = 2, rest = 2, again = 20, still = 3, bytes_per_second = 100000 }

-- What kinds of printers have: where their files are, and what is pulled out of them.
local KINDS = {
  mk3 = {
    folder = "/PrusaLink gcodes/", file = "pauses.gcode", medium = { name = "SD Card", kind = "sdcard", read_only = true },
  },
  buddy = { folder = "/usb/", file = "pauses.gcode", medium = { name = "usb", kind = "usb" } },
  sl1 = { folder = "/local/", file = "resin.sl1", medium = { name = "usb", kind = "usb" } },
}

local function content()
  return ("G1 X1 Y1\n"):rep(UPLOAD_BYTES // 9)
end

local function enter(t, model, pace, websocket, text)
  local kind = KINDS[t:family(model)]
  local file = model == "sl1s" and "resin-sl1s.sl1" or kind.file
  local visitor = {
    kind = kind, pace = pace, path = kind.folder .. file, content = text or t:file("files/" .. file),
    family = t:family(model), done = {}, at = {}, round = 1,
  }
  visitor.printer = t:printer(model, {
    name = model .. (websocket and "-ws" or ""), registered = false, websocket = websocket,
    files = { [visitor.path] = visitor.content },
  })
  return visitor
end

-- Once in a round of a visitor.
local function once(visitor, what)
  local first = not visitor.done[what]
  visitor.done[what] = true
  return first
end

-- Whether something that was noted is so long ago.
local function ago(t, visitor, what, seconds)
  return visitor.at[what] ~= nil and t:now() - visitor.at[what] >= seconds
end

local function note(t, visitor, what)
  visitor.at[what] = t:now()
  visitor.done[what] = true
end

local function upload(t, visitor)
  visitor.upload = ("%suploaded-%d.gcode"):format(visitor.kind.folder, visitor.round)
  visitor.served = t.connect:serve(content(), { bytes_per_second = visitor.pace.bytes_per_second })
  visitor.fetch = t.connect:download(visitor.printer, visitor.served, visitor.upload, { encrypted = visitor.family == "buddy" })
end

local function put_back(_, visitor)
  visitor.printer:attach(visitor.kind.medium)
  if visitor.family == "buddy" then -- what was on it
    visitor.printer:put_file(visitor.path, visitor.content)
    visitor.printer:put_file(visitor.upload, content())
  end
end

-- The server's pause: meanwhile somebody pulls the drive and puts it back.
local function paused(t, visitor)
  if not visitor.done["pulled"] then
    visitor.printer:detach(visitor.kind.medium.name)
    note(t, visitor, "pulled")
  elseif ago(t, visitor, "pulled", visitor.pace.out) and once(visitor, "put back") then
    put_back(t, visitor)
    note(t, visitor, "back")
  elseif ago(t, visitor, "back", visitor.pace.rest)
    and (not visitor.at.resumed or ago(t, visitor, "resumed", visitor.pace.again)) then
    t.connect:command(visitor.printer, "RESUME_PRINT")
    note(t, visitor, "resumed")
  end
end

local function printing(t, visitor)
  local readings = visitor.printer:readings()
  if once(visitor, "upload") then
    upload(t, visitor)
  elseif (readings.progress or 0) >= 1 and not visitor.done["pause"] and
    visitor.printer:file_content(visitor.upload) == content() then
    t.connect:command(visitor.printer, "PAUSE_PRINT")
    note(t, visitor, "pause")
  elseif visitor.done["resumed"] and not visitor.done["fan"] then
    visitor.printer:fault(visitor.family == "sl1" and "rear-fan-stalled" or "hotend-fan-stalled")
    note(t, visitor, "fan")
  end
end

local function attend(t, visitor)
  local state = visitor.printer:state()
  if ago(t, visitor, "fan", visitor.pace.still) and once(visitor, "fan repaired") then
    visitor.printer:fault(visitor.family == "sl1" and "rear-fan-stalled" or "hotend-fan-stalled", false)
  end
  if visitor.printer.token and t:now() > 20 and once(visitor, "start") then
    t.connect:command(visitor.printer, "SEND_INFO") -- what came before the token nobody was told (connect-sdk.md 3.3)
    t.connect:command(visitor.printer, "START_PRINT", { path = visitor.path })
  elseif state == "PRINTING" then
    printing(t, visitor)
  elseif state == "PAUSED" and visitor.done["pause"] then
    paused(t, visitor)
  elseif state == "ATTENTION" then
    visitor.done["asked"] = true
    visitor.printer:confirm()
  elseif state == "FINISHED" and once(visitor, "finished") then
    note(t, visitor, "end")
  end
end

-- Everyone registers, and is attended to until then.
local function spend(t, visitors, seconds, after_round)
  t:wait "15s" -- by then every host has found its printer
  for _, visitor in ipairs(visitors) do
    visitor.printer:register()
  end
  while t:now() < seconds do
    for _, visitor in ipairs(visitors) do
      attend(t, visitor)
      after_round(visitor)
    end
    t:wait(visitors[1].pace.step)
  end
end

local STATIONS = { "upload", "pause", "pulled", "put back", "resumed", "fan", "fan repaired", "finished" }

local function been_through(t, visitor, stations)
  local name = visitor.printer.name
  for _, what in ipairs(stations) do
    t:expect(visitor.done[what], name .. ": " .. what):equals(true)
  end
  t:expect(visitor.printer:file_content(visitor.upload) == content(), name .. ": the file that came"):equals(true)
end

scenario "an hour of everyone" {
  "whatever a printer goes through, at the end the server knows it as it is",
  virtual_only = "it is an hour",
  run = function(t)
    local visitors = {}
    for _, model in ipairs(MODELS) do
      visitors[#visitors + 1] = enter(t, model, LEISURELY, false)
      if t:family(model) == "buddy" then
        visitors[#visitors + 1] = enter(t, model, LEISURELY, true)
      end
    end
    spend(t, visitors, 3600, function() end)
    local last = 0
    for _, visitor in ipairs(visitors) do
      been_through(t, visitor, STATIONS)
      been_through(t, visitor, { "asked" }) -- for other filament, or to pour in resin
      t:expect_view(visitor.printer):within "6m"
      last = math.max(last, visitor.at["end"])
    end
    t:note("%d printers, the last of them finished after %d s", #visitors, last)
  end,
}

-- A print without heat, of a few seconds.
local function strokes()
  local lines = { "M73 P0 R0", "G90", "M83", "M73 P1 R0" }
  for i = 1, 12 do
    lines[#lines + 1] = ("G1 X%d F6000"):format(i % 2 * 100)
  end
  lines[#lines + 1] = "M73 P100 R0\n"
  return table.concat(lines, "\n")
end

-- The same on sockets with `--real`, in rounds as long as the time suffices for one more.
local function minutes(name, seconds)
  scenario(name) {
    "printers over HTTP and WebSocket print and are disturbed again and again; at the end the server knows each as it is",
    run = function(t)
      local visitors = {}
      for i, model in ipairs { "mk3s", "mk2.5s", "mini", "mk4", "xl", "coreone", "ix" } do
        visitors[i] = enter(t, model, BRISK, i % 2 == 0 and t:family(model) == "buddy", strokes())
      end
      local rounds = 0
      spend(t, visitors, seconds, function(visitor)
        local rested = ago(t, visitor, "end", 15) and visitor.done["fan repaired"]
        if rested and t:now() < seconds - 45 then
          visitor.done, visitor.at, visitor.round = {}, {}, visitor.round + 1
          rounds = rounds + 1
        end
      end)
      for _, visitor in ipairs(visitors) do
        been_through(t, visitor, STATIONS)
        t:expect_view(visitor.printer):within "1m"
      end
      t:note("%d printers, %d prints", #visitors, rounds + #visitors)
    end,
  }
end

minutes("a minute of both transports", 75)
minutes("five minutes of both transports", 300)
