-- Notes that the archive lacks some of the tasks of one status, from one place of its index on. Answers where to go on.
local root, status, life, start, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local time = redis.call('TIME')
local at = time[1] * 1000 + math.floor(time[2] / 1000)
local members = redis.call('ZRANGEBYLEX', root .. 'status:' .. status, start, '+', 'LIMIT', 0, limit)
for _, member in ipairs(members) do
  local id = string.match(string.sub(member, 17), '^[^%z]*')
  redis.call('ZADD', root .. 'ahead', 'NX', at, id)
  redis.call('ZADD', root .. life, 'NX', at, id)
end
return { members[#members] or false }
