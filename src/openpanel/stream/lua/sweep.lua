-- Sweep: sessions without activity for 30 minutes of wall-clock time end, and the worker hears of it, once.
-- Called by sweep.py. sessions.lua stands in front. The wake-up flag is left alone: who sweeps asks afterwards
-- which shards wait.
--
-- KEYS  1 stream   2 depth (integer)   3 projects (set)   4 session prefix   5 live prefix
-- ARGV  1 now, wall-clock ms   2 most sessions to look at in this call
-- Returns how many sessions ended.
-- Entry appended: e = msgpack array of rows of ended sessions, n = how many.

local ended = {}
local limit = tonumber(ARGV[2])
local looked = 0
local idle_since = tonumber(ARGV[1]) - SESSION_TIMEOUT_MS

-- Ends the device's session, unless it was active after the live set was last told.
local function close(project, device, live)
  local key = KEYS[4] .. project .. ':' .. device
  local kept = redis.call('GET', key)
  local state = kept and unpacked(kept)
  if state and state[CLOSED] == 0 then
    if state[SEEN] > idle_since then
      redis.call('ZADD', live, state[SEEN], device)
      return
    end
    state[CLOSED] = 1
    save_closed(key, state)
    ended[#ended + 1] = ended_row(project, device, state)
  end
  redis.call('ZREM', live, device)
end

for _, project in ipairs(redis.call('SMEMBERS', KEYS[3])) do
  local live = KEYS[5] .. project
  local idle = redis.call('ZRANGEBYSCORE', live, '-inf', idle_since, 'LIMIT', 0, limit - looked)
  looked = looked + #idle
  for _, device in ipairs(idle) do
    close(project, device, live)
  end
  if redis.call('EXISTS', live) == 0 then redis.call('SREM', KEYS[3], project) end
  if looked >= limit then break end
end

if #ended > 0 then
  redis.call('XADD', KEYS[1], '*', 'e', cmsgpack.pack(ended), 'n', #ended)
  redis.call('INCRBY', KEYS[2], #ended)
end
return #ended
