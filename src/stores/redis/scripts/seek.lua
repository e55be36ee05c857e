-- Finds the first event later than a time in a log whose times never decrease: {stamp, base, imported, index}, of which
-- the index is missing in an imported log, whose times do as they like. Without a log: {'', tomb, tier}.
local task, root, id, at = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local stored = redis.call('HMGET', task, 'stamp', 'base', 'imported', 'tomb')
local stamp = stored[1]
if not stamp then
  return { '', stored[4], redis.call('GET', root .. 'tier') }
end
local base, imported = tonumber(stored[2] or '0'), stored[3] or ''
if imported ~= '' then
  return { stamp, tostring(base), imported }
end

local log, marks = root .. 'log:' .. id, root .. 'marks:' .. id
local function time_of(place)
  local entry = (place + 1) .. '-0'
  local found = redis.call('XRANGE', log, entry, entry)[1]
  local text = found and found[2][2] or redis.call('HGET', marks, place)
  return tonumber(string.match(text, '^%a?%[(-?%d+)'))
end

local low, high = base, tonumber(string.match(stamp, '^%d+%.(%d+)'))
while low < high do
  local middle = math.floor((low + high) / 2)
  if time_of(middle) <= at then
    low = middle + 1
  else
    high = middle
  end
end
return { stamp, tostring(base), imported, tostring(low) }
