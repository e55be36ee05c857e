-- Takes or keeps a lease. Answers whether the holder has it.
local holder, lifetime = ARGV[1], ARGV[2]
local present = redis.call('GET', KEYS[1])
if present and present ~= holder then
  return 0
end
redis.call('SET', KEYS[1], holder, 'PX', lifetime)
return 1
