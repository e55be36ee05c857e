-- Brings a task back from the archive, without its events. Answers 1, 0 if a log is there, or -1 if it was deleted.
local stored = redis.call('HMGET', task, 'stamp', 'tomb')
if stored[1] or stored[2] then
  return stored[1] and 0 or -1
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
