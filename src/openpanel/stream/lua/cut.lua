-- Cut: write down that an insert of the open block was refused, before anything of it is inserted in halves.
-- Called by drain.py (Shard.cut). Doing it twice changes nothing; the acknowledgement of the block takes it away.
--
-- KEYS  1 fence (integer)   2 range (string: "first last messages")   3 cuts (set: tokens of inserts)
-- ARGV  1 fence of the owner   2 range   3 token of the insert
-- Returns 1, or 0 when the lease is lost or another range is open.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
redis.call('SADD', KEYS[3], ARGV[3])
return 1
