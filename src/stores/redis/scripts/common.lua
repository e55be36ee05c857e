-- KEYS[1] is the hash of a task; ARGV[1] begins every key of its partition; ARGV[2] is its id.
local task, root, id = KEYS[1], ARGV[1], ARGV[2]
local log, marks, touched = root .. 'log:' .. id, root .. 'marks:' .. id, root .. 'touched:' .. id

local taken = 2
local function take()
  taken = taken + 1
  return ARGV[taken]
end

-- Milliseconds, by the clock of this server.
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A text, or nil where there is none.
local function some(text)
  return text and text ~= '' and text or nil
end

-- Enters a task into the indexes; whatever is the same as before stays.
local function index(old, new)
  if old.key and old.key ~= new.key then
    redis.call('ZREM', root .. 'all', old.key)
  end
  if old.key and (old.key ~= new.key or old.status ~= new.status) then
    redis.call('ZREM', root .. 'status:' .. old.status, old.key)
  end
  if old.due and old.due ~= new.due then
    redis.call('ZREM', root .. 'due', old.due)
  end
  if new.key and old.key ~= new.key then
    redis.call('ZADD', root .. 'all', 0, new.key)
  end
  if new.key and (old.key ~= new.key or old.status ~= new.status) then
    redis.call('ZADD', root .. 'status:' .. new.status, 0, new.key)
  end
  if new.due and old.due ~= new.due then
    redis.call('ZADD', root .. 'due', 0, new.due)
  end
end

-- Removes everything but the hash: in the background, since a log may be long.
local function forget(old)
  index(old, {})
  redis.call('UNLINK', log, marks, touched)
end

-- Notes when a task was last written to, apart for those that have ended.
local function note_life(life, at)
  if life == 'same' then
    life = redis.call('ZSCORE', root .. 'finished', id) and 'finished' or 'active'
  end
  redis.call('ZADD', root .. life, at, id)
  redis.call('ZREM', root .. (life == 'active' and 'finished' or 'active'), id)
end

-- Notes that the archive lacks something of this task, since when it first did.
local function note_ahead(at)
  redis.call('ZADD', root .. 'ahead', 'NX', at, id)
end

local function incarnation_of(stamp)
  return string.match(stamp, '^%d+')
end

-- Notes that a task has left this partition: whoever saw before that it was not here has to look again. From then on an
-- id that is not here may be in the archive.
local function note_departure()
  local count = string.match(redis.call('GET', root .. 'tier') or '', '^split:(%d+)$') or '0'
  redis.call('SET', root .. 'tier', string.format('split:%d', tonumber(count) + 1))
end

-- Whether a task has left this partition since its departures were counted; an empty count is not compared.
local function has_departed(counted)
  return counted ~= '' and counted ~= '=' .. (redis.call('GET', root .. 'tier') or '')
end

-- What a stamp has grown to: it grows with every commit.
local function weight_of(stamp)
  local version, revision = string.match(stamp, '^%d+%.(%d+)%.(%d+)$')
  return version + revision
end

-- The incarnations that the archive may hold once this log is gone.
local function over_of(over, stamp)
  if over and over ~= '' then
    return over .. ',' .. incarnation_of(stamp)
  end
  return incarnation_of(stamp)
end
