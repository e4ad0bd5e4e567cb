-- Decides many events in their order: each takes units of every SKU that it names, or of none.
-- ARGV: the bucket of what expires then, how long an id is remembered, and for each event its key,
-- what it asks for as text, the number of its lines, and SKU, quantity for each line.
-- The answers are 0 or 1, or 2 or 3 for a repeat.
local argv = ARGV
local count = #argv
local names, place = {}, {}
local i = 3
while i <= count do
  local last = i + 1 + 2 * tonumber(argv[i + 2])
  for at = i + 3, last + 1, 2 do
    local sku = argv[at]
    if not place[sku] then
      names[#names + 1] = 's:' .. sku
      place[sku] = #names
    end
  end
  i = last + 2
end
local left = redis.call('MGET', unpack(names))
local changed = {}
for n = 1, #names do
  left[n] = tonumber(left[n] or 0)
end
local answers, expiring = {}, {}
i = 3
while i <= count do
  local first, last = i + 3, i + 2 + 2 * tonumber(argv[i + 2])
  local taken = first
  while taken < last do
    local n = place[argv[taken]]
    local rest = left[n] - argv[taken + 1]
    if rest < 0 then
      break
    end
    left[n] = rest
    taken = taken + 2
  end
  local granted = taken > last
  local before = redis.call('SET', 'id:' .. argv[i], (granted and '1' or '0') .. argv[i + 1],
    'NX', 'GET', 'EX', argv[2])
  if before or not granted then
    for at = first, taken - 2, 2 do
      local n = place[argv[at]]
      left[n] = left[n] + argv[at + 1]
    end
  end
  if before then
    answers[#answers + 1] = 2 + tonumber(string.sub(before, 1, 1))
  else
    answers[#answers + 1] = granted and 1 or 0
    if granted then
      expiring[#expiring + 1] = argv[i]
      for at = first, last, 2 do
        changed[place[argv[at]]] = true
      end
    end
  end
  i = last + 1
end
local set = {}
for n in pairs(changed) do
  set[#set + 1] = names[n]
  set[#set + 1] = left[n]
end
if #set > 0 then
  redis.call('MSET', unpack(set))
  redis.call('RPUSH', argv[1], unpack(expiring))
end
return answers
