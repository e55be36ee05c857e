-- Notes that the archive has a log as it was at a stamp. Answers 2 if it is still there, 1 if it has gone on, 0 if this
-- is another log.
local stored = redis.call('HMGET', task, 'stamp', 'archived')
local stamp, done = stored[1], take()
if not stamp or incarnation_of(stamp) ~= incarnation_of(done) then
  return 0
end
if not stored[2] or weight_of(stored[2]) <= weight_of(done) then
  redis.call('HSET', task, 'archived', done)
  redis.call('HDEL', task, 'over')
  redis.call('ZREMRANGEBYSCORE', touched, '-inf', weight_of(done))
end
if stamp == done then
  redis.call('ZREM', root .. 'ahead', id)
  return 2
end
redis.call('ZADD', root .. 'ahead', 'XX', now(), id)
return 1
