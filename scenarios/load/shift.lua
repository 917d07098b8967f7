-- A shift in a print shop: shops of different sizes that open one after another, each with its own share of printing
-- printers, which a YAML file would have to spell out.
--   hotbed mock connect --listen 127.0.0.1:8080 --adopt > mock.log &
--   hotbed farm scenarios/load/shift.lua --target connect=http://127.0.0.1:8080
local sizes = { north = 4, east = 8, south = 16 }
local models = { north = "mk3s", east = "mk3", south = "mk2.5s" }
local groups, stages, printers = {}, {}, 0

for _, shop in ipairs { "north", "east", "south" } do
    groups[#groups + 1] = {
        name = shop,
        model = models[shop],
        count = sizes[shop],
        token = shop .. "-{printer}",
        files = { "../examples/files/cube.gcode" },
        states = { { weight = 1 }, { weight = sizes[shop] // 4, print = "cube.gcode" } },
    }
    printers = printers + sizes[shop]
    stages[#stages + 1] = { ["for"] = "2s", printers = printers }
end

farm {
    name = "shift",
    duration = "15s",
    warm_up = "6s",
    arrival = { stages = stages },
    groups = groups,
    thresholds = { "telemetry.failed == 0", "telemetry.p99 < 500ms" },
}
