-- Acknowledge: the block is in the warehouse; remove its entries, take its messages off the depth, count its events.
-- Called by drain.py (Shard.acknowledge). Doing it twice changes nothing.
--
-- KEYS  1 stream   2 depth (integer)   3 fence (integer)   4 range (string: "first last messages")
--       5 cuts (set)   6 usage of the block's month (hash: project → events)
-- ARGV  1 fence of the owner   2 range   3 first id that stays   4 messages   5 seconds to keep the usage
--       6… project, events, project, events …
-- Returns 1, or 0 when the lease is lost or another range is open.

if redis.call('GET', KEYS[3]) ~= ARGV[1] then return 0 end
local open = redis.call('GET', KEYS[4])
if not open then return 1 end  -- the answer to the first try was lost
if open ~= ARGV[2] then return 0 end
redis.call('XTRIM', KEYS[1], 'MINID', ARGV[3])
redis.call('DECRBY', KEYS[2], ARGV[4])
redis.call('DEL', KEYS[4], KEYS[5])
for place = 6, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[6], ARGV[place], ARGV[place + 1])
end
if #ARGV > 5 then redis.call('EXPIRE', KEYS[6], ARGV[5]) end
return 1
