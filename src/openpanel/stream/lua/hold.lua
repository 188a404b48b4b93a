-- Hold: be the one who answers an idempotency key, unless it is answered or somebody else is at it.
-- Called by holds.py, in the home shard of the key. Asking again with the same claim changes nothing.
--
-- KEYS  1 answer of the key (outcome)   2 claim (string: who is at it)
-- ARGV  1 own claim   2 ms to keep it   3 claim whose place it may take; '': none
-- Returns {0, ''} when the claim is the caller's from now on, {1, answer}, or {2, the claim that is there}.

local answer = redis.call('GET', KEYS[1])
if answer then return {1, answer} end
local held = redis.call('GET', KEYS[2])
if held and held ~= ARGV[1] and held ~= ARGV[3] then return {2, held} end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return {0, ''}
