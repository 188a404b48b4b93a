-- Which session a run belongs to, by its times alone, and how that is told.
-- Loaded in front of commit.lua, after sessions.lua. Touches no key.

local OPEN, LATE, PEEK, JOIN = 1, 2, 3, 4  -- messages.RunMode
local OUTCOME = '>c8c8I8'  -- device, session, start in ms * 4 + 2 if the device is not the run's own + 1 if opened
local NONE = '0000000000000000'

-- May this run belong to the newest session, going by what was or was not closed?
local function admits(state, mode, first)
  if state[CLOSED] == 0 then return true end
  if mode == OPEN then return first <= state[ENDED] end
  return mode == LATE
end

-- Does the run lie in the session or begin less than 30 minutes after it, and end within 24 hours of its start?
local function follows(first, last, started, ended)
  return first >= started and first - ended < SESSION_TIMEOUT_MS and last - started < LONGEST_SESSION_MS
end

-- Does the run begin before the session and end less than 30 minutes before it, and both take less than 24 hours?
local function precedes(first, last, started, ended)
  return first < started and started - last < SESSION_TIMEOUT_MS
    and ended - first < LONGEST_SESSION_MS and last - first < LONGEST_SESSION_MS
end

-- Which session of a device has the run by the rule `near`: 'newest', 'before', or nil.
local function slot_of(state, mode, first, last, near)
  if not state then return nil end
  if near(first, last, state[STARTED], state[ENDED]) and admits(state, mode, first) then return 'newest' end
  if mode <= LATE and state[PSID] ~= NOBODY and near(first, last, state[PSTARTED], state[PENDED]) then
    return 'before'
  end
  return nil
end

-- `device` '': the run's own.
local function outcome(device, session, opened, started)
  if device == '' then return struct.pack(OUTCOME, NOBODY, session, started * 4 + opened) end
  return struct.pack(OUTCOME, raw(device), session, started * 4 + 2 + opened)
end

local NOTHING = outcome(NONE, NOBODY, 0, 0)
