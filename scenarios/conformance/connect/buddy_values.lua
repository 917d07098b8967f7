-- connect-buddy.md 12.5 to 12.7: what the models have that others have not, and SET_VALUE.

local buddy = include "buddy_common.lua"

check "BUD-TEL-10" {
  "slot is there with two enabled slots or more, by numbers from 1; an MMU adds state and command",
  side = "printer",
  run = function(t)
    for _, model in ipairs { "mk4-mmu3", "xl", "mk4" } do
      local printer = buddy.model(t, model)
      t:wait "5s"
      for _, telemetry in ipairs(buddy.full(t, printer)) do
        local slot = telemetry.json.slot
        if model == "mk4" then
          t:expect(slot, "slot of one without an MMU"):is_nil()
        else
          local keys = {}
          for key in pairs(slot) do
            keys[#keys + 1] = key
          end
          table.sort(keys)
          t:expect(keys, "members of slot of " .. model):equals(
            model == "xl" and { "1", "2", "3", "4", "5", "active" }
              or { "1", "2", "3", "4", "5", "active", "command", "state" })
          t:expect(slot["1"], "slot 1"):satisfies {
            material = type_of "string", temp = type_of "number", fan_hotend = type_of "number",
            fan_print = type_of "number",
          }
          t:expect(#(slot.command or ""), "length of command"):at_most(1)
          t:expect(slot.active, "active"):one_of { 0, 1, 2, 3, 4, 5 }
        end
      end
    end
  end,
}

check "BUD-TEL-11" {
  "a full telemetry of a Core One always has chamber with its six members; fan_pwm_target is -1 while it is automatic",
  side = "printer",
  run = function(t)
    local printer = buddy.model(t, "coreone")
    t:wait "5s"
    for _, telemetry in ipairs(buddy.full(t, printer)) do
      t:expect(buddy.keys(telemetry.body:match '"chamber":(%b{})'), "members of chamber"):equals {
        "temp", "target_temp", "fan_1_rpm", "fan_2_rpm", "fan_pwm_target", "led_intensity",
      }
      t:expect(telemetry.json.chamber.fan_pwm_target, "fan_pwm_target"):equals(-1)
    end
  end,
}

check "BUD-TEL-12" {
  "an XL tells of its enclosure only while that is active; its filter is used for 2160000 s at most",
  side = "printer",
  run = function(t)
    local printer = buddy.model(t, "xl")
    t:wait "5s"
    for _, telemetry in ipairs(buddy.full(t, printer)) do
      t:expect(telemetry.json, "telemetry without the enclosure"):lacks "enclosure"
    end
    local since = t:now()
    t:expect(t.connect:command(printer, "SET_VALUE", { enclosure_enabled = true })):finished():within "15s"
    t:expect(t.connect:gcode(printer, "M104 S40")):answered("FINISHED"):within "20s" -- a change makes it a full one
    t:wait "10s"
    local list = buddy.full(t, printer, since)
    local last = list[#list].json.enclosure
    t:expect(last, "enclosure"):satisfies {
      temp = type_of "integer", fan_rpm = type_of "integer", time_in_use = type_of "integer",
    }
    t:expect(last.time_in_use, "time_in_use"):at_most(2160000)
  end,
}

check "BUD-CMD-08" {
  "tool_mapping: tools out of range are REJECTED, so is a mapping without an MMU; a MINI takes no notice of it",
  side = "printer",
  run = function(t)
    local xl = buddy.model(t, "xl", { files = buddy.files() })
    for _, mapping in ipairs { '{"1":[1,2,3,4,5,1,2]}', '{"7":[1]}' } do
      local body = ('{"command":"START_PRINT","kwargs":{"path":"%s","tool_mapping":%s}}'):format(buddy.file, mapping)
      t:expect(t.connect:raw(xl, { name = "START_PRINT", body = body })):rejected("Tool index out of range"):within "15s"
    end
    local mapped = { path = buddy.file, tool_mapping = { ["1"] = { 1 } } }
    local order = ('{"command":"START_PRINT","kwargs":{"path":"%s","tool_mapping":{"1":[1]}}}'):format(mapped.path)
    local mk4 = buddy.model(t, "mk4", { files = buddy.files() })
    t:expect(t.connect:raw(mk4, { name = "START_PRINT", body = order }))
      :rejected("MMU not enabled, can't use tools mapping"):within "15s"
    local mini = buddy.model(t, "mini", { files = buddy.files() })
    t:expect(t.connect:raw(mini, { name = "START_PRINT", body = order })):answered("JOB_INFO"):within "15s"
  end,
}

check "BUD-CMD-19" {
  'SET_VALUE of what the model does not have is REJECTED, "Missing or broken parameters"; of two values the last counts',
  side = "printer",
  run = function(t)
    local printer = buddy.model(t, "mk4")
    for _, kwargs in ipairs { { colour = "red" }, { ["chamber.target_temp"] = 40 }, { ["tools.2.hardened"] = true } } do
      buddy.rejected(t, printer, "Missing or broken parameters", "SET_VALUE", kwargs)
    end
    local command = t.connect:raw(printer, {
      name = "SET_VALUE",
      body = '{"command":"SET_VALUE","kwargs":{"tools.1.hardened":true,"tools.1.high_flow":true}}',
    })
    t:expect(command):finished():within "15s"
    local told = t:expect(t.connect:command(printer, "SEND_INFO")):answered("INFO"):within "15s"
    t:expect(told.data.tools["1"], "tool 1"):satisfies { hardened = false, high_flow = true }
  end,
}

check "BUD-CMD-20" {
  "the time of the XL's filtration after a print is whole minutes, 60 s to 600 s",
  side = "printer",
  run = function(t)
    local printer = buddy.model(t, "xl")
    local key = "enclosure_postprint_filtration_time"
    buddy.rejected(t, printer, "Value should be whole minutes", "SET_VALUE", { [key] = 90 })
    buddy.rejected(t, printer, "Value out of range", "SET_VALUE", { [key] = 660 })
    t:expect(t.connect:command(printer, "SET_VALUE", { [key] = 600 })):finished():within "15s"
    t:expect(t.connect:command(printer, "SET_VALUE", { enclosure_enabled = true })):finished():within "15s"
    local told = t:expect(t.connect:command(printer, "SEND_INFO")):answered("INFO"):within "15s"
    t:expect(told.data.enclosure.post_print_filtration_time, "post_print_filtration_time"):equals(600)
  end,
}

check "BUD-CMD-21" {
  "the fan of a Core One's chamber takes 8 bits: -1 is automatic, 100 is full, 200 is too much",
  side = "printer",
  run = function(t)
    local printer = buddy.model(t, "coreone")
    local key = "chamber.fan_pwm_target"
    local function told(value)
      t:expect(t.connect:command(printer, "SET_VALUE", { [key] = value })):finished():within "15s"
      local since = t:now()
      -- It is not among what makes a telemetry a full one (4.3): a target is.
      t:expect(t.connect:gcode(printer, value < 0 and "M104 S40" or "M104 S41")):answered("FINISHED"):within "20s"
      t:wait "5s"
      local list = buddy.full(t, printer, since)
      return list[#list].json.chamber.fan_pwm_target
    end
    buddy.rejected(t, printer, "Invalid int8_t value", "SET_VALUE", { [key] = 200 })
    t:expect(told(100), "fan_pwm_target"):equals(100)
    t:expect(told(-1), "fan_pwm_target"):equals(-1)
  end,
}

-- Two objects that the file tells apart, by name.
local function with_objects(t)
  local text = "M486 T2\nM486 S0\nM486 ALeft.stl\nM486 S1\nM486 ARight.stl\nM486 S-1\n" .. buddy.gcode(5)
  local printer = buddy.printer(t, { files = { [buddy.file] = text } })
  printer:start_print(buddy.file)
  printer:wait_state("PRINTING", "2m")
  t:wait "5s"
  return printer
end

check "BUD-EVT-21" {
  "CANCELABLE_CHANGED tells of each object its name, canceled and id",
  side = "printer",
  run = function(t)
    local printer = with_objects(t)
    local list = t.connect:events(printer, { event = "CANCELABLE_CHANGED" })
    t:expect(list[#list].data, "data"):equals {
      objects = {
        { name = "Left.stl", canceled = false, id = 0 },
        { name = "Right.stl", canceled = false, id = 1 },
      },
    }
    for _, post in ipairs(t.connect:requests(printer, { json = { event = "CANCELABLE_CHANGED", job_id = any } })) do
      for object in post.body:match('"objects":(%b[])'):gmatch "%b{}" do
        t:expect(buddy.keys(object), "members of an object"):equals { "name", "canceled", "id" }
      end
    end
  end,
}

check "BUD-CMD-22" {
  "CANCEL_OBJECT and UNCANCEL_OBJECT are answered CANCELABLE_CHANGED",
  side = "printer",
  run = function(t)
    local printer = with_objects(t)
    for _, name in ipairs { "CANCEL_OBJECT", "UNCANCEL_OBJECT" } do
      local command = t.connect:command(printer, name, { id = 1 })
      t:expect(command):answered("CANCELABLE_CHANGED"):within "15s"
      t:wait "3s"
      local list = t.connect:events(printer, { event = "CANCELABLE_CHANGED" })
      t:expect(list[#list].data.objects[2].canceled, "canceled"):equals(name == "CANCEL_OBJECT")
      t:expect(list[#list].data.objects[1].canceled, "canceled of the other one"):is_false()
    end
    t:expect(t.connect:command(printer, "CANCEL_OBJECT", { id = 40 })):answered("CANCELABLE_CHANGED"):within "15s"
  end,
}
