-- Creates a log. Answers 1, 2 if it took the place of another, 0 if the id is taken, -1 if what was staged is gone, or -2
-- if a task has left since the archive was found not to have this one.
local stored = redis.call('HMGET', task, 'stamp', 'key', 'status', 'due', 'over', 'tomb')
local departed = has_departed(take())
local stamp, life, replace, staged = take(), take(), take(), take()
local head, status, key, due, imported = take(), take(), take(), take(), take()
local events, hidden = tonumber(take()), tonumber(take())
local there, over = stored[1], stored[5]

local stage = root .. 'stage:' .. incarnation_of(stamp) .. ':' .. id
local raced = departed and not there and not stored[6]
if raced or (there and replace == '') then
  if staged ~= '' then
    redis.call('UNLINK', stage, stage .. ':marks')
  end
  return raced and -2 or 0
end
if staged ~= '' and redis.call('XLEN', stage) ~= tonumber(staged) then
  return -1
end
-- What takes memory comes first: a server that has none refuses it before anything is written.
redis.call('HSET', task, 'stamp', stamp, 'head', head, 'status', status, 'key', key, 'due', due, 'imported', imported)
redis.call('HDEL', task, 'checkpoint', 'state', 'base', 'archived', 'over', 'tomb')
if there then
  forget({ key = stored[2], status = stored[3], due = some(stored[4]) })
  over = over_of(over, there)
end
index({}, { key = key, status = status, due = some(due) })

if staged ~= '' then
  redis.call('RENAME', stage, log)
  redis.call('PERSIST', log)
  if redis.call('EXISTS', stage .. ':marks') == 1 then
    redis.call('RENAME', stage .. ':marks', marks)
    redis.call('PERSIST', marks)
  end
end
for place = 1, events do
  redis.call('XADD', log, place .. '-0', 'm', take(), 's', take(), 'd', take())
end
for _ = 1, hidden do
  redis.call('HSET', marks, take(), 'h')
end

if life ~= '' then
  if over then
    redis.call('HSET', task, 'over', over)
  end
  local at = now()
  note_ahead(at)
  note_life(life, at)
end
return there and 2 or 1
