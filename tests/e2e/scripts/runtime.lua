scenario "x" {
  "a sentence",
  run = function(t)
    local nothing
    nothing.here = 1
  end,
}
