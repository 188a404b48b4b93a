-- Release: give the lease back, if it is still this owner's.
-- Called by drain.py (Shard.release).
--
-- KEYS  1 lease (string: owner)   2 fence (integer)
-- ARGV  1 fence of the owner
-- Returns 1 if it was given back.

if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
