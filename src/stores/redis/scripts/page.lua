-- Reads slots of a log: {stamp, base, imported, marks, slots...}, with the marks of the indexes below the base, if the
-- page begins there, and no slots then. Without a log: {'', tomb, tier}.
local task, root, id = KEYS[1], ARGV[1], ARGV[2]
local wanted, from, to = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local most, enough, mode = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
local stored = redis.call('HMGET', task, 'stamp', 'base', 'imported', 'tomb')
local stamp = stored[1]
if not stamp then
  return { '', stored[4], redis.call('GET', root .. 'tier') }
end
local incarnation, version = string.match(stamp, '^(%d+)%.(%d+)')
local base, below = tonumber(stored[2] or '0'), {}
local answer = { stamp, tostring(base), stored[3] or '', below }
if wanted ~= '' and wanted ~= incarnation then
  return answer
end

local log, marks = root .. 'log:' .. id, root .. 'marks:' .. id
local behind = math.min(to, tonumber(version))
if from >= base then
  read_slots(answer, log, marks, from, behind, most, enough, mode)
  return answer
end
behind = math.min(behind, base, from + most)
while from < behind do
  local stop = math.min(behind, from + 256)
  local found = marks_of(marks, from, stop)
  for n = 1, stop - from do
    below[#below + 1] = found[n] or ''
  end
  from = stop
end
return answer
