-- Removes a task that the archive has, if it is still where it was archived. Answers whether it did.
local stored = redis.call('HMGET', task, 'stamp', 'archived', 'key', 'status', 'due')
local stamp = take()
if stored[1] ~= stamp or stored[2] ~= stamp then
  return 0
end
note_departure()
forget({ key = stored[3], status = stored[4], due = some(stored[5]) })
redis.call('DEL', task)
for _, set in ipairs({ 'active', 'finished', 'ahead' }) do
  redis.call('ZREM', root .. set, id)
end
return 1
