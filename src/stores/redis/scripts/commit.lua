-- Writes a change if the log is where the change expects it. Answers 1, or 0 if it is elsewhere, or 1 and how often in
-- a row another writer has lost to this one, who is to let it go first now.
local stored = redis.call('HMGET', task, 'stamp', 'key', 'status', 'due', 'base', 'waiting')
local expected, writer = take(), take()

-- Who lost, how often in a row, when it last did, and whether somebody has given way since. Whoever has not tried for
-- ten seconds does so no more, and after two another one may take its place.
local loser, losses, lost_at, given = string.match(stored[6] or '', '^(%S+) (%d+) (%d+) ([01])$')
if loser and now() - lost_at > 10000 then
  loser = nil
end
if stored[1] ~= expected then
  local again = loser == writer
  if stored[1] and (again or not loser or now() - lost_at > 2000) then
    redis.call('HSET', task, 'waiting', writer .. ' ' .. (again and losses + 1 or 1) .. ' ' .. now() .. ' 0')
  end
  return 0
end
local gives_way = loser and loser ~= writer and given == '0'
if gives_way then
  redis.call('HSET', task, 'waiting', loser .. ' ' .. losses .. ' ' .. lost_at .. ' 1')
elseif stored[6] and (not loser or loser == writer) then
  redis.call('HDEL', task, 'waiting')
end
local old = { key = stored[2], status = stored[3], due = some(stored[4]) }
local base = tonumber(stored[5] or '0')

local stamp, version, life = take(), tonumber(take()), take()
local head, status, key, due, imported = take(), take(), take(), take(), take()
local checkpoint, state = take(), take()
local events, hidden, dropped, erased = tonumber(take()), tonumber(take()), tonumber(take()), tonumber(take())

for place = version + 1, version + events do
  redis.call('XADD', log, place .. '-0', 'm', take(), 's', take(), 'd', take())
end

-- A mark gives way only to a stronger one: h, d, e. Of an event that is not in this log it is all there is.
local function mark(place, new)
  local before = redis.call('HGET', marks, place) or ''
  local was = string.sub(before, 1, 1)
  if was == new or was == 'e' or (was == 'd' and new == 'h') then
    return
  end
  local text, found = new, nil
  if was == 'd' then
    text = new .. string.match(before, '^d([^\n]*)')
  elseif new ~= 'h' and tonumber(place) >= base then
    local entry = (place + 1) .. '-0'
    found = redis.call('XRANGE', log, entry, entry)[1]
    if found then
      text = new .. found[2][2] .. (new == 'd' and '\n' .. found[2][4] or '')
    end
  end
  redis.call('HSET', marks, place, text)
  if found then
    redis.call('XDEL', log, found[1])
  end
  if life ~= '' then
    redis.call('ZADD', touched, weight_of(stamp), place)
  end
end

for _ = 1, hidden do mark(take(), 'h') end
for _ = 1, dropped do mark(take(), 'd') end
for _ = 1, erased do mark(take(), 'e') end

local fields = { 'stamp', stamp }
local function set(...)
  for _, text in ipairs({ ... }) do
    fields[#fields + 1] = text
  end
end
if head ~= '' then
  set('head', head, 'status', status, 'key', key, 'due', due, 'imported', imported)
end
if checkpoint ~= '' and checkpoint ~= '-' then
  set('checkpoint', checkpoint, 'state', state)
end
redis.call('HSET', task, unpack(fields))
if checkpoint == '-' then
  redis.call('HDEL', task, 'checkpoint', 'state')
end
if head ~= '' then
  index(old, { key = key, status = status, due = some(due) })
end

if life ~= '' then
  local at = now()
  note_ahead(at)
  note_life(life, at)
end
return gives_way and 1 + losses or 1
