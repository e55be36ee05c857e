-- The marks of the slots from first up to last, or nothing if a log has none at all.
local function marks_of(marks, first, last)
  local places = {}
  for place = first, last - 1 do
    places[#places + 1] = tostring(place)
  end
  return redis.call('HMGET', marks, unpack(places))
end

-- Adds slots to an answer, each as four values: mark, m, s and d. A large event is read together with few others, so
-- that little more is read than is answered.
local function read_slots(answer, log, marks, from, behind, most, enough, mode)
  local marked = redis.call('EXISTS', marks) == 1
  local size, slots, bytes, step = #answer, 0, 0, 8
  while from < behind and slots < most and (slots == 0 or bytes < enough) do
    local first, stop = from, math.min(behind, from + step, from + most - slots)
    local found = marked and marks_of(marks, first, stop) or {}
    local entries = redis.call('XRANGE', log, (first + 1) .. '-0', stop .. '-0')
    local next_entry, read = 1, 0
    while from < stop and (slots == 0 or bytes < enough) do
      local mark, m, s, d = found[from - first + 1] or '', '', '', ''
      local entry = entries[next_entry]
      if entry and entry[1] == (from + 1) .. '-0' then
        next_entry = next_entry + 1
        m, s, d = entry[2][2], entry[2][4], entry[2][6]
        read = read + #d
        if mode == 'bare' or (mode == 'sparse' and string.byte(s) == 43) then
          mark, d = '-', ''
        end
      elseif mark == '' or mark == 'h' then
        mark = '?'
      end
      answer[size + 1], answer[size + 2], answer[size + 3], answer[size + 4] = mark, m, s, d
      size, slots, bytes, from = size + 4, slots + 1, bytes + #d, from + 1
    end
    local each = math.max(1, read / math.max(1, from - first))
    step = math.max(1, math.min(256, math.floor((enough - bytes) / each)))
  end
end

