-- Removes a task if its log is this incarnation. Answers 1, 0 if there is none, or -1 if it is another log.
local stored = redis.call('HMGET', task, 'stamp', 'key', 'status', 'due', 'over')
local incarnation, life = take(), take()
local stamp = stored[1]
if not stamp then
  return 0
end
if incarnation_of(stamp) ~= incarnation then
  return -1
end
forget({ key = stored[2], status = stored[3], due = some(stored[4]) })
redis.call('DEL', task)
if life ~= '' then
  redis.call('ZREM', root .. 'active', id)
  redis.call('ZREM', root .. 'finished', id)
  redis.call('HSET', task, 'tomb', '1', 'over', over_of(stored[5], stamp))
  note_ahead(now())
end
return 1
