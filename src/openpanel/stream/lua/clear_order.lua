-- Clear the wake-up flag, unless something waits: the last thing a drain order does.
-- Called by drain.py (Shard.clear_order). A commit appends and sets the flag in one step too, so an entry comes
-- either before (then the flag stays, and the order goes on) or after (then that commit asks for a new order).
--
-- KEYS  1 stream   2 order (wake-up flag)
-- Returns 1 when nothing waits and the flag is gone, else 0.

if redis.call('XLEN', KEYS[1]) > 0 then return 0 end
redis.call('DEL', KEYS[2])
return 1
