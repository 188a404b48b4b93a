-- Claim: write down the range of entries of the next block, before anything is inserted from it.
-- Called by drain.py (Shard.next_block). Claiming the range that is already written down changes nothing.
--
-- KEYS  1 fence (integer)   2 range (string: "first last messages")
-- ARGV  1 fence of the owner   2 range
-- Returns 1, or 0 when the lease is lost or another range is open.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local open = redis.call('GET', KEYS[2])
if open then return open == ARGV[2] and 1 or 0 end
redis.call('SET', KEYS[2], ARGV[2])
return 1
