-- Forgets that slots of a log were touched, unless they were touched again.
local incarnation = take()
local stamp = redis.call('HGET', task, 'stamp')
if not stamp or incarnation_of(stamp) ~= incarnation then
  return 0
end
while taken < #ARGV do
  local place, weight = take(), tonumber(take())
  local score = redis.call('ZSCORE', touched, place)
  if score and tonumber(score) == weight then
    redis.call('ZREM', touched, place)
  end
end
return 1
