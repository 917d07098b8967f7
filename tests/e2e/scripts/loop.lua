scenario "x" {
  "a sentence",
  run = function(_)
    while true do
    end
  end,
}
