-- Renew: hold the lease for longer, as long as nobody took it since (an expired lease that nobody took counts).
-- Called by drain.py (Shard.renew).
--
-- KEYS  1 lease (string: owner)   2 fence (integer)
-- ARGV  1 owner   2 lease ms   3 fence of the owner
-- Returns 1, or 0 when the lease is lost.

if redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
