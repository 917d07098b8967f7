scenario "x" {
  "a sentence",
  run = function(t)
    t:wait "5 parsecs"
  end,
}

scenario "y" {
  "a sentence",
  run = function(t)
    t:printer(5)
  end,
}

scenario "z" {
  "a sentence",
  run = function(t)
    local printer = t:printer "mk3s"
    t.connect:command(printer, "SEND_INFO", "all")
  end,
}

scenario "o" {
  "a sentence",
  run = function(t)
    t:printer("mk3s", { colour = "orange" })
  end,
}
