-- Decides one event: takes units of every SKU that it names, or of none.
-- ARGV: the bucket of what expires then, how long an id is remembered, the event's key, what it asks
-- for as text, and SKU, quantity for each line. The answer is 0 or 1, or 2 or 3 for a repeat.
local key = 'id:' .. ARGV[3]
local granted = true
for i = 5, #ARGV, 2 do
  if tonumber(redis.call('GET', 's:' .. ARGV[i]) or 0) < tonumber(ARGV[i + 1]) then
    granted = false
    break
  end
end
local answer = granted and 1 or 0
local before = redis.call('SET', key, answer .. ARGV[4], 'NX', 'GET', 'EX', ARGV[2])
if before then
  return 2 + tonumber(string.sub(before, 1, 1))
end
if granted then
  for i = 5, #ARGV, 2 do
    redis.call('DECRBY', 's:' .. ARGV[i], ARGV[i + 1])
  end
  redis.call('RPUSH', ARGV[1], ARGV[3])
end
return answer
