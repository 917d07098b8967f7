-- Projects and binary g-code that are no good: broken off, packed into each other, lying about sizes and checksums,
-- bombs. The printer says so where a real one does, holds no more memory than for a good one, and takes the next job.

-- ---- Archives, made here so that every byte of them can lie ----

local table_of_crc = {}
for byte = 0, 255 do
  local value = byte
  for _ = 1, 8 do
    value = value & 1 == 1 and 0xEDB88320 ~ (value >> 1) or value >> 1
  end
  table_of_crc[byte] = value
end

local function crc32(text)
  local value = 0xFFFFFFFF
  for i = 1, #text do
    value = table_of_crc[(value ~ text:byte(i)) & 0xFF] ~ (value >> 8)
  end
  return value ~ 0xFFFFFFFF
end

-- entries: { name, bytes, crc =, size =, packed =, method = }: what is given instead of the truth is written.
local function zip(entries)
  local files, directory, offset = {}, {}, 0
  for _, entry in ipairs(entries) do
    local name, bytes = entry[1], entry[2]
    local common = string.pack("<I2I2I2I2I2I4I4I4I2I2", 20, 0, entry.method or 0, 0, 33, entry.crc or crc32(bytes),
      entry.packed or #bytes, entry.size or #bytes, #name, 0)
    local file = "PK\3\4" .. common .. name .. bytes
    directory[#directory + 1] = "PK\1\2\20\0" .. common .. string.pack("<I2I2I2I4I4", 0, 0, 0, 0, offset) .. name
    files[#files + 1] = file
    offset = offset + #file
  end
  local list = table.concat(directory)
  return table.concat(files) .. list .. "PK\5\6" .. string.pack("<I2I2I2I2I4I4I2", 0, 0, #entries, #entries, #list, offset, 0)
end

local config = [[{"jobDir": "part", "expTime": 2, "expTimeFirst": 10, "layerHeight": 0.05, "numFade": 2,
  "printerModel": "SL1", "usedMaterial": 1%s}]]

local function project(layer, more)
  return zip { { "config.json", config:format(more or "") }, layer }
end

-- Deflated zeros, a thousand times smaller than what they unpack to: pairs of "258 bytes from 1 back", 13 bits each.
local function bomb(megabytes)
  local bits, out, used, count = 0, {}, 0, 0
  local function put(value, size)
    bits, used = bits | value << used, used + size
    while used >= 8 do
      count = count + 1
      out[count] = string.char(bits & 0xFF)
      bits, used = bits >> 8, used - 8
    end
  end
  put(3, 3) -- the last block, fixed codes
  put(0x0C, 8) -- a zero, its code from the highest bit down
  local block = count
  for _ = 1, 8 do
    put(0xA3, 8)
    put(0, 5)
  end
  local pattern = table.concat(out, "", block + 1)
  return table.concat(out) .. pattern:rep(megabytes * 1048576 // (258 * 8)), megabytes * 1048576
end

local bytes, unpacked = bomb(64)
local inner = project({ "part0.png", "" })

-- Refused at once, or found when the project is checked: the state is ERROR then, until somebody has seen it.
local projects = {
  { "broken off in the directory", inner:sub(1, -10), refused = "#10539" },
  { "broken off in the middle", inner:sub(1, #inner // 2), refused = "#10539" },
  { "without layers", zip { { "config.json", config:format "" } }, refused = "#10540" },
  { "without a configuration", zip { { "part0.png", "" } }, refused = "#10539" },
  { "an archive in place of a picture", project { "part0.png", inner }, fails = 10541 },
  { "an archive in place of the configuration", zip { { "config.json", inner }, { "part0.png", "" } }, refused = "#10539" },
  { "a wrong checksum of a picture", project { "part0.png", "\137PNG\r\n\26\n", crc = 1 }, fails = 10541 },
  { "a wrong checksum of the configuration",
    zip { { "config.json", config:format "", crc = 1 }, { "part0.png", "" } }, refused = "#10539" },
  { "a picture of 4 GiB less one", project { "part0.png", "", size = 0xFFFFFFFE }, fails = 10541 },
  { "sizes of the 64-bit kind", project { "part0.png", "", size = 0xFFFFFFFF, packed = 0xFFFFFFFF }, refused = "#10539" },
  { "a picture that unpacks to 64 MiB", project { "part0.png", bytes, method = 8, size = unpacked, crc = 0 }, fails = 10541 },
  { "a picture that says 1 KiB and unpacks to 64 MiB",
    project { "part0.png", bytes, method = 8, size = 1024, crc = 0 }, fails = 10541 },
  { "a configuration that unpacks to 64 MiB",
    zip { { "config.json", bytes, method = 8, size = unpacked, crc = 0 }, { "part0.png", "" } }, refused = "#10539" },
  { "numbers out of all limits, which are cut", project({ "part0.png", "" }, [[, "calibrateRegions": 1e300]]), fails = 10541 },
}

for _, case in ipairs(projects) do
  scenario("a project is " .. case[1]) {
    "it is refused or fails with the firmware's number, and the printer opens the next one",
    run = function(t)
      local bad, good = "/local/bad.sl1", "/local/good.sl1"
      local printer = t:printer("sl1", { files = { [bad] = case[2], [good] = inner } })
      t:expect(printer):state("IDLE"):within "20s"
      t:expect(t.connect:command(printer, "SEND_FILE_INFO", { path = bad })):ended():within "10s"
      local start = t.connect:command(printer, "START_PRINT", { path = bad })
      if case.refused then
        t:expect(start):failed(case.refused):within "10s"
        t:expect(printer:state(), "state"):equals "IDLE"
      else
        t:expect(start):finished():within "10s"
        t:expect(printer):state("ATTENTION"):within "2m"
        printer:confirm()
        t:expect(printer):state("ERROR"):within "2m"
        t:expect(printer:readings().resin.code, "code"):equals(case.fails)
        printer:confirm()
        t:expect(printer):state("IDLE"):within "10s"
      end
      t:expect(t.connect:command(printer, "START_PRINT", { path = good })):finished():within "10s"
      t:expect(printer):state("ATTENTION"):within "2m"
    end,
  }
end

-- ---- Binary g-code on a printer that takes it (file-formats.md 4) ----

local function block(kind, data, options)
  options = options or {}
  local head = string.pack("<I2I2I4I2", kind, 0, options.size or #data, kind == 1 and 0 or options.encoding or 0)
  local body = head .. data
  return body .. string.pack("<I4", options.crc or crc32(body))
end

local function binary(...)
  return "GCDE" .. string.pack("<I4I2", 1, 1) .. block(3, "printer_model=MK4\n") .. block(2, "layer_height=0.2\n")
    .. table.concat { ... }
end

local lines = "G28\nG1 X10 Y10 F3000\n"
local whole = binary(block(1, lines))

-- What cannot be printed is asked about on the screen, what is damaged further on when the print is there: the codes are
-- those of the dialogs (connect-buddy.md 8.3).
local files = {
  { "good", whole },
  { "broken off in its g-code", whole:sub(1, -12), asks = "13807" },
  { "broken off in the head of a block", whole:sub(1, 24), asks = "13807" },
  { "without g-code", binary(), asks = "13807" },
  { "with a wrong checksum", binary(block(1, lines, { crc = 1 })), asks = "13807" },
  { "with a block of 4 GiB less one", binary(block(1, lines, { size = 0xFFFFFFFE })), asks = "13807" },
  { "with another one inside", binary(block(1, whole)) },
  { "text with its suffix", lines, asks = "13807" },
  { "broken off in its second block", binary(block(1, lines), block(1, lines)):sub(1, -12), stops = "13535" },
  { "with a wrong checksum of its second block", binary(block(1, lines), block(1, lines, { crc = 1 })), stops = "13534" },
}

for _, case in ipairs(files) do
  scenario("binary g-code is " .. case[1]) {
    "it is asked about, or printed as far as it is good, and the printer takes the next job",
    run = function(t)
      local printer = t:printer("mk4", { files = { ["/usb/bad.bgc"] = case[2], ["/usb/good.bgc"] = whole } })
      t:expect(printer):state("IDLE"):within "1m"
      t:expect(t.connect:command(printer, "SEND_FILE_INFO", { path = "/usb/bad.bgc" })):ended():within "1m"
      local start = t.connect:command(printer, "START_PRINT", { path = "/usb/bad.bgc" })
      t:expect(start):ended():within "1m"
      if case.asks or case.stops then
        t:expect(printer):state("ATTENTION"):within "5m"
        t:wait "2s"
        local changes = t.connect:events(printer, { event = "STATE_CHANGED", state = "ATTENTION" })
        t:expect(changes[#changes].data.code, "the dialog"):equals(case.asks or case.stops)
        printer:stop()
        t:expect(printer):state(case.asks and "IDLE" or "STOPPED"):within "1m"
        printer:confirm()
      else
        t:expect(printer):state("FINISHED"):within "10m"
        printer:confirm()
      end
      local again = t.connect:command(printer, "START_PRINT", { path = "/usb/good.bgc" })
      t:expect(again):finished():within "1m"
      t:expect(printer):state("FINISHED"):within "10m"
    end,
  }
end
