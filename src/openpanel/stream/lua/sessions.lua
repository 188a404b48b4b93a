-- Sessions of a device: how a run finds its session, extends it, opens one, closes one.
-- Loaded in front of commit.lua and sweep.lua; the constants in capitals come from scripts.py.
--
-- State of a device: a msgpack array under <session prefix><project>:<device hex>
--   SID, STARTED, ENDED, VIEWS, EVENTS, PATH, PROFILE   the device's newest session; times in ms
--   CLOSED                     1 once its end was handed to the worker: counted and extended no more
--   PSID, PSTARTED, PENDED     the session before it, closed; PSID '' when there is none
-- STARTED never changes (it is part of the key of a session's rows). Ids are hex strings: a Lua number holds
-- no 64 bits.

local SID, STARTED, ENDED, VIEWS, EVENTS, PATH, PROFILE, CLOSED, PSID, PSTARTED, PENDED =
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11

-- A live state stays until the sweep closes it: while it lives its device is in the live set of its project.
-- A closed one stays for late events only.
local function save_closed(key, state)
  redis.call('SET', key, cmsgpack.pack(state), 'PX', CLOSED_STATE_MS)
end

-- The row of an ended session, in the order of records.EndedRow.
local function ended_row(project, device, state)
  return {project, device, state[SID], state[STARTED], state[ENDED], state[VIEWS], state[EVENTS],
          state[PATH], state[PROFILE]}
end
