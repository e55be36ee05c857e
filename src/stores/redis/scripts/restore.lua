-- Brings a task back from the archive, without its events. Answers 1, 0 if a log is there, -1 if it was deleted, or -2
-- if a task has left since the archive was read: it may have been this one, and then the archive has more by now.
local stored = redis.call('HMGET', task, 'stamp', 'tomb')
if stored[1] or stored[2] then
  return stored[1] and 0 or -1
end
if has_departed(take()) then
  return -2
end
local stamp, life = take(), take()
local head, status, key, due, imported = take(), take(), take(), take(), take()
local checkpoint, state = take(), take()
local version = string.match(stamp, '^%d+%.(%d+)')
redis.call('HSET', task, 'stamp', stamp, 'archived', stamp, 'base', version)
redis.call('UNLINK', log, marks, touched)
redis.call('HSET', task, 'head', head, 'status', status, 'key', key, 'due', due, 'imported', imported)
if checkpoint ~= '' then
  redis.call('HSET', task, 'checkpoint', checkpoint, 'state', state)
end
index({}, { key = key, status = status, due = some(due) })
note_life(life, now())
return 1
