-- Removes a tombstone if the archive has forgotten everything it stands for. Answers whether it did.
local stored = redis.call('HMGET', task, 'tomb', 'over')
if not stored[1] or stored[2] ~= take() then
  return 0
end
-- Where everything is here, nobody brings anything back.
if redis.call('GET', root .. 'tier') ~= 'whole' then
  note_departure()
end
redis.call('DEL', task)
redis.call('ZREM', root .. 'ahead', id)
return 1
