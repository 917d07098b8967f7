-- Matchers and filters: what a value must be like, as data, and how values and wishes are told to a person.
-- `core` is what C gives (harness/script/bind_*.c); only the prelude sees it.

local core = core

local match = {}
core.match = match

local Matcher = {}
Matcher.__index = Matcher

local function matcher(text, test)
  return setmetatable({ text = text, test = test }, Matcher)
end

-- A value as a person reads it; long ones are cut.
local function show(value, depth)
  local kind = type(value)
  if kind == "string" then
    local text = value:sub(1, 200):gsub("[%c\"\\]", function(c)
      return c == "\n" and "\\n" or c == '"' and '\\"' or c == "\\" and "\\\\" or ("\\%d"):format(c:byte())
    end)
    return '"' .. text .. (#value > 200 and "…" or "") .. '"'
  elseif value == null then
    return "null"
  elseif kind ~= "table" then
    return kind == "function" and "a function's consent" or tostring(value)
  elseif getmetatable(value) == Matcher then
    return value.text
  elseif rawget(value, "told") then
    return value.told
  elseif (depth or 0) >= 4 then
    return "{…}"
  end
  local parts = {}
  for key, member in pairs(value) do
    if #parts == 12 then
      parts[#parts + 1] = "…"
      break
    end
    local text = show(member, (depth or 0) + 1)
    parts[#parts + 1] = type(key) == "string" and key .. " = " .. text or text
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end
match.show = show

local function equal(left, right)
  if left == right then
    return true
  elseif type(left) ~= "table" or type(right) ~= "table" then
    return false
  end
  for key, value in pairs(left) do
    if not equal(value, right[key]) then
      return false
    end
  end
  for key in pairs(right) do
    if left[key] == nil then
      return false
    end
  end
  return true
end
match.equal = equal

-- Does `value` fit `wish`? A table fits when each of the wish's members fits: extra members are fine.
local function fits(value, wish)
  if type(wish) == "function" then
    return not not wish(value)
  elseif type(wish) ~= "table" then
    return value == wish
  elseif getmetatable(wish) == Matcher then
    return not not wish.test(value)
  elseif type(value) ~= "table" then
    return false
  end
  for key, member in pairs(wish) do
    if not fits(value[key], member) then
      return false
    end
  end
  return true
end
match.fits = fits

function match.check_filter(filter, what)
  if filter ~= nil and type(filter) ~= "table" then
    core.bad_argument(what .. ": expected a table of what must be there, got " .. show(filter))
  end
  return filter
end

local function number_for(name, bound)
  if type(bound) ~= "number" then
    core.bad_argument(name .. ": expected a number, got " .. show(bound))
  end
  return bound
end

any = matcher("anything", function(value) return value ~= nil end)
absent = matcher("nothing", function(value) return value == nil end)

function like(pattern)
  if type(pattern) ~= "string" then
    core.bad_argument("like: expected a Lua pattern, got " .. show(pattern))
  end
  return matcher("a text like " .. show(pattern), function(value)
    return type(value) == "string" and value:find(pattern) ~= nil
  end)
end

function above(bound)
  number_for("above", bound)
  return matcher("above " .. bound, function(value) return type(value) == "number" and value > bound end)
end

function below(bound)
  number_for("below", bound)
  return matcher("below " .. bound, function(value) return type(value) == "number" and value < bound end)
end

function between(low, high)
  number_for("between", low)
  number_for("between", high)
  return matcher(("%s to %s"):format(low, high), function(value)
    return type(value) == "number" and value >= low and value <= high
  end)
end

function one_of(values)
  if type(values) ~= "table" then
    core.bad_argument("one_of: expected a list, got " .. show(values))
  end
  return matcher("one of " .. show(values), function(value)
    for _, candidate in ipairs(values) do
      if fits(value, candidate) then
        return true
      end
    end
    return false
  end)
end

local function is_type(value, name)
  return type(value) == name or math.type(value) == name or (name == "null" and value == null)
end
match.is_type = is_type

function type_of(name)
  return matcher("of type " .. show(name), function(value) return is_type(value, name) end)
end

function different(other)
  return matcher("different from " .. show(other), function(value)
    return value ~= nil and not equal(value, other)
  end)
end
