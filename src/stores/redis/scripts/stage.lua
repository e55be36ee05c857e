-- Keeps a piece of a large log aside until create.lua puts it in its place, or until it expires.
local stage, first, lifetime = KEYS[1], tonumber(ARGV[1]), ARGV[2]
local events, hidden = tonumber(ARGV[3]), tonumber(ARGV[4])
local taken = 4
local function take()
  taken = taken + 1
  return ARGV[taken]
end
if first == 0 then
  redis.call('UNLINK', stage, stage .. ':marks')
end
for place = first + 1, first + events do
  redis.call('XADD', stage, place .. '-0', 'm', take(), 's', take(), 'd', take())
end
for _ = 1, hidden do
  redis.call('HSET', stage .. ':marks', take(), 'h')
end
redis.call('PEXPIRE', stage, lifetime)
redis.call('PEXPIRE', stage .. ':marks', lifetime)
return 1
