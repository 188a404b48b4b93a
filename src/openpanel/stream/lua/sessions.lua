-- Sessions of a device: the form of its state, and what is said of a session that ends.
-- Loaded in front of commit.lua and sweep.lua; the constants in capitals come from scripts.py.
--
-- State of a device: packed numbers and texts under <session prefix><project>:<device hex>
--   SID, STARTED, ENDED        the device's newest session; times in ms
--   SEEN                       wall clock of its last activity
--   TOUCHED                    the score that its device got in the live set, at most LIVE_STEP_MS before SEEN
--   VIEWS, EVENTS, PROFILE, PATH
--   CLOSED                     1 once its end was handed to the worker: counted and extended no more
--   PSID, PSTARTED, PENDED     the session before it, closed; PSID NOBODY when there is none
-- STARTED never changes (it is part of the key of a session's rows). Ids are 8 raw bytes: a Lua number holds no
-- 64 bits.

local SID, STARTED, ENDED, SEEN, TOUCHED, VIEWS, EVENTS, CLOSED, PSID, PSTARTED, PENDED, PROFILE, PATH =
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
local STATE = '>c8i8i8i8i8I4I4Bc8i8i8I4c0I4c0'
local NOBODY = string.rep('\0', 8)
local HEX = string.rep('%02x', 8)

local function hex(id)
  return string.format(HEX, string.byte(id, 1, 8))
end

-- Of an id.
local function raw(digits)
  return struct.pack('>I4I4', tonumber(string.sub(digits, 1, 8), 16), tonumber(string.sub(digits, 9), 16))
end

local function unpacked(packed)
  return {struct.unpack(STATE, packed)}
end

local function packed(state)
  local profile, path = state[PROFILE], state[PATH]
  return struct.pack(
    STATE, state[SID], state[STARTED], state[ENDED], state[SEEN], state[TOUCHED], state[VIEWS], state[EVENTS],
    state[CLOSED], state[PSID], state[PSTARTED], state[PENDED], #profile, profile, #path, path)
end

-- A live state stays until the sweep closes it: while it lives its device is in the live set of its project. Where
-- nobody sweeps any more, of a pool that was given up, it passes by itself.
local function save_live(key, state)
  redis.call('SET', key, packed(state), 'PX', LIVE_STATE_MS)
end

-- A closed one stays for late events only.
local function save_closed(key, state)
  redis.call('SET', key, packed(state), 'PX', CLOSED_STATE_MS)
end

-- The row of an ended session, in the order of outcomes.EndedRow.
local function ended_row(project, device, state)
  return {project, device, hex(state[SID]), state[STARTED], state[ENDED], state[VIEWS], state[EVENTS],
          state[PATH], state[PROFILE]}
end
