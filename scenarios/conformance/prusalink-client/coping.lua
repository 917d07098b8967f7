-- How a client copes with printers that are busy, slow or broken: what prusalink.md 6 to 9 tells that happens. It has to
-- end by itself, to leave alone what is there, and not to hammer.

local client = include "common.lua"

-- The same request again and again, sooner than a second after its answer.
local function hammers(requests)
  local worst = 0
  for i, request in ipairs(requests) do
    local count = 1
    for k = i + 1, #requests do
      local other = requests[k]
      if other.method ~= request.method or other.target ~= request.target or other.at > request.at + 1 then
        break
      end
      count = count + 1
    end
    worst = math.max(worst, count)
  end
  return worst
end

local function ends_well(t, bed)
  bed:ended_by_itself()
  t:expect(hammers(bed.requests), bed.name .. ": times the same request came within a second, one after the other"):at_most(5)
end

-- check(id, { sentence, run })
local function coping(id, sentence, dialects, options, judge)
  check(id) {
    sentence, subject = "prusalink-client",
    run = client.on(dialects, options, function(t, bed)
      ends_well(t, bed)
      if judge then
        judge(t, bed)
      end
    end),
  }
end

coping("COPE-BUSY", "a printer that prints goes on printing", "PB", { printing = true }, function(t, bed)
  t:wait "4s" -- one that is stopped parks first
  t:expect(bed.printer:state(), bed.name .. ": state"):one_of { "PRINTING", "PAUSED" }
  local content = bed.printer:file_content(bed.root .. "/cube.gcode")
  t:expect(content and #content, bed.name .. ": bytes of the file that is printed"):equals(720 * 6)
end)

coping("COPE-401", "a refusal in the middle is no end: the request is repeated with the new nonce", "PB",
  { misbehave = { "expire@/api/v1:1" } }, function(_, bed)
    client.expect_repeated(bed)
  end)

check "COPE-SLOW" {
  "answers that come 3 s late are waited for: the client ends as with a printer that is quick",
  subject = "prusalink-client",
  run = function(t)
    local wishes = {}
    for dialect in client.each(t, "B") do
      wishes = { { dialect, {} }, { dialect, { misbehave = { "late=3" } } } }
    end
    local quick
    client.judge(t, client.beds(t, wishes), function(bed)
      ends_well(t, bed:visit())
      quick = quick or bed.code
      if bed.code then
        t:expect(bed.code, bed.name .. ": exit code of the client"):equals(quick)
      end
    end)
  end,
}

coping("COPE-HALF", "half of an answer's body is an error, and no end of the world", "PB", {
  misbehave = { "half-body@GET/api/v1:1" },
})

coping("COPE-JSON", "JSON that is cut is an error, and no end of the world", "PB", { misbehave = { "broken-json@GET/api/v1" } })

coping("COPE-GARBAGE", "an answer that is no HTTP is an error, and no end of the world", "B", {
  misbehave = { "garbage@GET/api/v1:1" },
})

coping("COPE-CLOSED", "a connection that closes instead of an answer is an error, and no end of the world", "PB", {
  misbehave = { "close@GET/api/v1:1" },
})

coping("COPE-RESIN", "SL1 has no /api/v1: that is no end of the world, and uploads go there by POST multipart", "S", {},
  function(t, bed)
    for _, request in ipairs(client.find(bed.requests, client.is_upload)) do
      t:expect(client.is_form(request), client.told(bed, request) .. ": whether it is multipart"):is_true()
    end
    local content = bed.printer:file_content(bed.root .. "/other part.sl1")
    t:expect(content and #content, bed.name .. ": bytes of the project that was there"):equals(72)
  end)

coping("COPE-CONFLICT", "a file that is there is replaced only with Overwrite: ?1", "PB", {
  files = { ["hotbed cube (1).gcode"] = "G28\n" },
}, function(t, bed)
  local content = bed.printer:file_content(bed.root .. "/hotbed cube (1).gcode")
  local wanted = client.find(bed.requests, function(request)
    return client.is_upload(request) and request.headers.Overwrite == "?1" and client.good(request)
  end)
  if #wanted == 0 then
    t:expect(content, bed.name .. ": content of the file that was there"):equals "G28\n"
  end
end)

coping("COPE-NAMES", "names with blanks, accents and colliding short forms stay as they are", "PB", {
  files = { ["žluťoučký kůň.gcode"] = "G28\n", ["hotbed part one.gcode"] = "G28\n", ["hotbed part two.gcode"] = "G28 X\n" },
}, function(t, bed)
  local wanted = {
    ["žluťoučký kůň.gcode"] = "G28\n", ["hotbed part one.gcode"] = "G28\n", ["hotbed part two.gcode"] = "G28 X\n",
  }
  for name, content in pairs(wanted) do
    t:expect(bed.printer:file_content(bed.root .. "/" .. name), ("%s: %s"):format(bed.name, name)):equals(content)
  end
end)
