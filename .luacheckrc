-- luacheck scenarios harness/script
std = "lua54"
max_line_length = 130
self = false

local scenario_api = {
  "scenario", "check", "include", "any", "absent", "like", "above", "below", "between", "one_of", "type_of",
  "different", "null", "array", "json",
}

files["scenarios"] = { read_globals = scenario_api }
files["scenarios/load"] = { read_globals = { "farm" } }
files["tests"] = { read_globals = scenario_api }
files["harness/script"] = {
  globals = {
    "any", "absent", "like", "above", "below", "between", "one_of", "type_of", "different", "scenario", "check", "print",
    "core",
  },
  read_globals = { "null", "json" },
}
exclude_files = { "scenarios/hotbed.d.lua" }
