-- Tasks nobody has written to for a while, those first that have ended: each as {stamp, archived, id}.
local root, finished, active, limit = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local answer = {}
for _, range in ipairs({ { 'finished', finished }, { 'active', active } }) do
  local left = limit - #answer
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', root .. range[1], '-inf', range[2], 'LIMIT', 0, left)) do
    local stored = redis.call('HMGET', root .. 'task:' .. id, 'stamp', 'archived')
    if stored[1] then
      answer[#answer + 1] = { stored[1], stored[2], id }
    end
  end
end
return answer
