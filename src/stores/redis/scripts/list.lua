-- Reads from the same place of several indexes at one moment, so that a task that moves between them is in one of them.
local root, order, start, stop, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local answer = {}
for n = 6, #ARGV do
  answer[#answer + 1] = redis.call(order, root .. ARGV[n], start, stop, 'LIMIT', 0, limit)
end
return answer
