-- Everything the archive lacks of a task, at one moment and up to a bound: {stamp, base, imported, head, checkpoint,
-- state, archived, over, touched, all touched, first, slots...}. Without a log: {'', tomb, tier, over}.
local stored =
  redis.call('HMGET', task, 'stamp', 'base', 'imported', 'head', 'checkpoint', 'state', 'archived', 'over', 'tomb')
local most, enough = tonumber(take()), tonumber(take())
local stamp, archived = stored[1], stored[7]
if not stamp then
  return { '', stored[9], redis.call('GET', root .. 'tier'), stored[8] }
end
local version = tonumber(string.match(stamp, '^%d+%.(%d+)'))
local first = archived and tonumber(string.match(archived, '^%d+%.(%d+)')) or 0

-- Slots that the archive has, but differently. Those it lacks come as events.
local changed, seen, all = {}, 0, true
local entries
repeat
  entries = redis.call('ZRANGE', touched, seen, seen + 511, 'WITHSCORES')
  for n = 1, #entries, 2 do
    if #changed >= 3 * most then
      all = false
      break
    end
    if tonumber(entries[n]) < first then
      local state = string.sub(redis.call('HGET', marks, entries[n]) or '', 1, 1)
      changed[#changed + 1], changed[#changed + 2], changed[#changed + 3] = entries[n], entries[n + 1], state
    end
  end
  seen = seen + #entries / 2
until #entries == 0 or not all

local answer = { stamp, stored[2] or '0', stored[3] or '', stored[4], stored[5], stored[6], archived, stored[8] }
answer[9], answer[10], answer[11] = changed, all and '1' or '', tostring(first)
read_slots(answer, log, marks, first, version, most, enough, 'all')
return answer
