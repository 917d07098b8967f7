scenario "x" {
  "a sentence",
  run = function(_)
    local all = {}
    while true do
      all[#all + 1] = ("x"):rep(100000) .. #all
    end
  end,
}
