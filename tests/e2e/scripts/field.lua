x = 1
scenario "x" { "a sentence", run = function() end, colour = 1 }
