-- Puts a receipt in place of another one, or of none. Answers 1, or an empty text and what was there instead, if anything.
-- A receipt stands behind the time at which it is over and a colon.
local now, expected, receipt, expires, lifetime = unpack(ARGV)
local stored, held = redis.call('GET', KEYS[1]), nil
if stored then
  local colon = string.find(stored, ':', 1, true)
  if tonumber(string.sub(stored, 1, colon - 1)) > tonumber(now) then
    held = string.sub(stored, colon + 1)
  end
end
if (held or '') ~= expected then
  return { '', held }
end
redis.call('SET', KEYS[1], expires .. ':' .. receipt, 'PX', lifetime)
return 1
