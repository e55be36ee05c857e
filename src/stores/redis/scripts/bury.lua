-- Removes a tombstone if the archive has forgotten everything it stands for. Answers whether it did.
local stored = redis.call('HMGET', task, 'tomb', 'over')
if not stored[1] or stored[2] ~= take() then
  return 0
end
redis.call('DEL', task)
redis.call('ZREM', root .. 'ahead', id)
return 1
