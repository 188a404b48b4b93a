-- Acquire: take the lease of a shard if nobody holds it, with a fencing token that grows each time.
-- Called by drain.py (Shard.acquire).
--
-- KEYS  1 lease (string: owner)   2 fence (integer)   3 epoch (string)
-- ARGV  1 owner   2 lease ms   3 epoch to set if there is none
-- Returns {fence, epoch}; fence 0: another owner has the lease.

local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {0, ''} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[3], ARGV[3], 'NX')
return {redis.call('INCR', KEYS[2]), redis.call('GET', KEYS[3])}
