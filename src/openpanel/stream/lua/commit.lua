-- Commit: resolve the sessions of a group of requests and append their frame, or do nothing at all.
-- Called by commit.py (Link.send) once per shard and group commit; with seq 0 and no messages it only reads.
-- sessions.lua stands in front.
--
-- KEYS  1 stream   2 depth (integer)   3 order (wake-up flag)   4 projects (set)
--       5 commit memory of the writer (hash: seq, reply)
--       6 session prefix   7 live prefix   8 idempotency prefix   9 profile prefix
--         (prefixes of keys in the same slot: <project>:<device>, <project>, <key>, <project>:<profile>)
-- ARGV  1 seq of the writer's commit, growing; 0: nothing to remember
--       2 now, wall-clock ms   3 high-water mark in messages   4 messages in the frame   5 frame
--       6 plan: msgpack array, an element per run, or per request that has idempotency keys
--           run      {project, device, previous device or '', first ms, last ms, views, events,
--                     candidate session, mode, profile, path, 1 if the profile's pointer is in this shard}
--           request  {{run, …}, {message, …}, ttl ms, number of its first message in the frame}
--           message  {key or '', index of its run or -1, outcome that the key is known to have got or ''}
--       7 index of this shard
--       8 commit of this writer that must be in already, for calls sent ahead of its answer; 0: none
-- Returns {state, reply, wake}
--   state  0 refused: past the mark, or the commit in ARGV 8 is missing; nothing was changed
--          1 done   2 had been done by an earlier try
--   reply  msgpack array, one outcome per run of the plan in order; '' if no longer known
--           {device or '' for the run's own, session, opened 0/1, started ms[, row of the session closed]}
--   wake   1 if the wake-up flag is new
-- Entry appended: f = frame, s = reply, n = messages that count, d = msgpack array of those that do not.

local OPEN, LATE, PEEK, JOIN = 1, 2, 3, 4
local NONE = '0000000000000000'
local CHUNK = 2000  -- arguments of one command, an even number; Lua's stack holds about 8,000

local seq = tonumber(ARGV[1])
local count = tonumber(ARGV[4])

if seq > 0 then
  local done = tonumber(redis.call('HGET', KEYS[5], 'seq') or '0')
  if done >= seq then
    return {2, done == seq and redis.call('HGET', KEYS[5], 'reply') or '', 0}
  end
  if done < tonumber(ARGV[8]) then return {0, '', 0} end
end
if count > 0 and tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(ARGV[3]) then
  return {0, '', 0}
end

local states = {}   -- key → state, false when there is none
local changed = {}  -- key → true
local touched = {}  -- project → arguments of ZADD for the devices that were active just now

local function state_of(project, device)
  local key = KEYS[6] .. project .. ':' .. device
  local state = states[key]
  if state == nil then
    local packed = redis.call('GET', key)
    state = packed and cmsgpack.unpack(packed) or false
    states[key] = state
  end
  return state, key
end

local function touch(project, device)
  local scores = touched[project]
  if not scores then
    scores = {}
    touched[project] = scores
  end
  scores[#scores + 1] = ARGV[2]
  scores[#scores + 1] = device
end

-- May this run belong to the newest session, going by what was or was not closed?
local function admits(state, mode, first)
  if state[CLOSED] == 0 then return true end
  if mode == OPEN then return first <= state[ENDED] end
  return mode == LATE
end

-- Does the run lie in the session or begin less than 30 minutes after it?
local function follows(first, last, started, ended)
  return first >= started and first - ended < SESSION_TIMEOUT_MS
end

-- Does the run begin before the session and end less than 30 minutes before it?
local function precedes(first, last, started, ended)
  return first < started and started - last < SESSION_TIMEOUT_MS
end

-- Which session of a device has the run by the rule `near`: 'newest', 'before', or nil.
local function slot_of(state, mode, first, last, near)
  if not state then return nil end
  if near(first, last, state[STARTED], state[ENDED]) and admits(state, mode, first) then return 'newest' end
  if mode <= LATE and state[PSID] ~= '' and near(first, last, state[PSTARTED], state[PENDED]) then
    return 'before'
  end
  return nil
end

-- The session that a run belongs to: device, state, key, slot. Following a session goes before preceding
-- one, today's device before yesterday's: a visit keeps its device over midnight.
local function find(project, device, previous, mode, first, last)
  local state, key = state_of(project, device)
  local slot = slot_of(state, mode, first, last, follows)
  if slot then return device, state, key, slot end

  local old_state, old_key = false, nil
  if previous ~= '' then
    old_state, old_key = state_of(project, previous)
    slot = slot_of(old_state, mode, first, last, follows)
    if slot then return previous, old_state, old_key, slot end
  end

  slot = slot_of(state, mode, first, last, precedes)
  if slot then return device, state, key, slot end
  slot = slot_of(old_state, mode, first, last, precedes)
  if slot then return previous, old_state, old_key, slot end
  return device, state, key, nil
end

-- The id of a new session: the candidate, unless a known session of the device has it already (its 30-minute
-- bucket is the same); then the first 16 hex digits of the SHA-1 of that id, and so on until it is free.
local function free_id(candidate, state)
  local id = candidate
  while state and (id == state[SID] or id == state[PSID]) do
    id = string.sub(redis.sha1hex(id), 1, 16)
  end
  return id
end

local function extend(run, state, key, slot)
  local last = run[5]
  if slot == 'before' then
    if last > state[PENDED] then state[PENDED] = last; changed[key] = true end
    return
  end
  if state[CLOSED] == 0 then
    state[VIEWS] = state[VIEWS] + run[6]
    state[EVENTS] = state[EVENTS] + run[7]
    if run[10] ~= '' then state[PROFILE] = run[10] end
    if run[11] ~= '' and last >= state[ENDED] then state[PATH] = run[11] end
    changed[key] = true
  end
  if last > state[ENDED] then state[ENDED] = last; changed[key] = true end
end

-- A run older than the newest session of its device and no part of a known one (an outage's events, replayed
-- beside fresher ones): it gets a session that is opened and closed at once and remembered as the one before.
local function open_in_the_past(run, device, state, key)
  if state[PSID] ~= '' and run[4] < state[PSTARTED] then return {'', NONE, 0, 0} end
  local id = free_id(run[8], state)
  state[PSID], state[PSTARTED], state[PENDED] = id, run[4], run[5]
  changed[key] = true
  return {'', id, 1, run[4],
          {run[1], device, id, run[4], run[5], run[6], run[7], run[11], run[10]}}
end

local function open(run, device, state, key)
  if state and run[4] < state[STARTED] then return open_in_the_past(run, device, state, key) end
  local id = free_id(run[8], state)
  local fresh = {id, run[4], run[5], run[6], run[7], run[11], run[10], 0, '', 0, 0}
  local outcome = {'', id, 1, run[4]}
  if state then
    if state[CLOSED] == 0 then outcome[5] = ended_row(run[1], device, state) end
    fresh[PSID], fresh[PSTARTED], fresh[PENDED] = state[SID], state[STARTED], state[ENDED]
  end
  states[key] = fresh
  changed[key] = true
  touch(run[1], device)
  return outcome
end

-- A profile's pointer: device, previous device, shard of the device; see keys.py.
local function point(run)
  local key = KEYS[9] .. run[1] .. ':' .. run[10]
  local value = run[2] .. (run[3] ~= '' and run[3] or NONE) .. ARGV[7]
  if run[9] == OPEN then
    redis.call('SET', key, value, 'PX', POINTER_MS)
  else
    redis.call('SET', key, value, 'NX', 'PX', POINTER_MS)
  end
end

local function pointed_devices(run)
  local value = redis.call('GET', KEYS[9] .. run[1] .. ':' .. run[10])
  if not value or string.sub(value, 33) ~= ARGV[7] then return '', '' end
  local previous = string.sub(value, 17, 32)
  return string.sub(value, 1, 16), previous ~= NONE and previous or ''
end

local function resolve_join(run)
  local device, previous = run[2], run[3]
  if device == '' then device, previous = pointed_devices(run) end
  if device == '' then return {NONE, NONE, 0, 0} end
  local found, state, _, slot = find(run[1], device, previous, JOIN, run[4], run[5])
  if not slot then return {NONE, NONE, 0, 0} end
  return {found, state[SID], 0, state[STARTED]}
end

local function resolve(run)
  local mode = run[9]
  if mode > JOIN then return {run[2], run[8], 0, run[4]} end  -- resolved in another shard
  if mode == JOIN then return resolve_join(run) end
  local device, state, key, slot = find(run[1], run[2], run[3], mode, run[4], run[5])
  if run[12] == 1 and mode ~= LATE then point(run) end
  if not slot then
    if mode == OPEN then return open(run, device, state, key) end
    if mode == PEEK then return {'', free_id(run[8], state), 0, 0} end
    return {'', NONE, 0, 0}
  end
  if mode ~= PEEK then extend(run, state, key, slot) end
  local own = device == run[2] and '' or device
  if slot == 'before' then return {own, state[PSID], 0, state[PSTARTED]} end
  if mode == OPEN and state[CLOSED] == 0 then touch(run[1], device) end
  return {own, state[SID], 0, state[STARTED]}
end

local outcomes = {}
local dropped = {}

-- Which messages of a request are repeats: marks them dropped, and says per run how many are not (nil: the run
-- has no messages) and what a repeat was answered (an outcome, packed or not, or the index of an earlier run).
local function repeats(keyed)
  local alive, answers, mine = {}, {}, {}
  for place, message in ipairs(keyed[2]) do
    local key, run = message[1], message[2] + 1
    local answer = nil
    if key ~= '' then
      answer = mine[key]
      if not answer and message[3] ~= '' then answer = message[3] end
      if not answer then answer = redis.call('GET', KEYS[8] .. key) end
      if not answer then mine[key] = run end
    end
    if answer then
      dropped[#dropped + 1] = keyed[4] + place - 1
      alive[run] = alive[run] or 0
      if answers[run] == nil then answers[run] = answer end
    else
      alive[run] = (alive[run] or 0) + 1
    end
  end
  return alive, answers, mine
end

-- What the messages of a run are answered, in a form that says the device; no run, no ids.
local function answer_of(keyed, base, index)
  local run, outcome = keyed[1][index], outcomes[base + index]
  if not run or not outcome then return {NONE, NONE, 0, 0} end
  return {outcome[1] ~= '' and outcome[1] or run[2], outcome[2], outcome[3], outcome[4]}
end

local function resolve_request(keyed)
  local base = #outcomes
  local alive, answers, mine = repeats(keyed)
  for index, run in ipairs(keyed[1]) do
    local answer = answers[index]
    if alive[index] ~= 0 then
      outcomes[base + index] = resolve(run)
    elseif type(answer) == 'string' then
      outcomes[base + index] = cmsgpack.unpack(answer)
    elseif type(answer) == 'table' then
      outcomes[base + index] = answer
    else
      outcomes[base + index] = answer_of(keyed, base, answer)
    end
  end
  for key, index in pairs(mine) do
    redis.call('SET', KEYS[8] .. key, cmsgpack.pack(answer_of(keyed, base, index)), 'PX', keyed[3])
  end
end

for _, element in ipairs(cmsgpack.unpack(ARGV[6])) do
  if type(element[1]) == 'string' then
    outcomes[#outcomes + 1] = resolve(element)
  else
    resolve_request(element)
  end
end

local live_states = {}
for key in pairs(changed) do
  local state = states[key]
  if state[CLOSED] == 1 then
    save_closed(key, state)
  else
    live_states[#live_states + 1] = key
    live_states[#live_states + 1] = cmsgpack.pack(state)
  end
end
for first = 1, #live_states, CHUNK do
  redis.call('MSET', unpack(live_states, first, math.min(first + CHUNK - 1, #live_states)))
end
for project, scores in pairs(touched) do
  for first = 1, #scores, CHUNK do
    redis.call('ZADD', KEYS[7] .. project, 'GT', unpack(scores, first, math.min(first + CHUNK - 1, #scores)))
  end
  redis.call('SADD', KEYS[4], project)
end

local reply = cmsgpack.pack(outcomes)
local wake = 0
local messages = count - #dropped
if messages > 0 then
  if #dropped > 0 then
    redis.call('XADD', KEYS[1], '*', 'f', ARGV[5], 's', reply, 'n', messages, 'd', cmsgpack.pack(dropped))
  else
    redis.call('XADD', KEYS[1], '*', 'f', ARGV[5], 's', reply, 'n', messages)
  end
  redis.call('INCRBY', KEYS[2], messages)
  if redis.call('SET', KEYS[3], '1', 'NX', 'PX', ORDER_MS) then wake = 1 end
end
if seq > 0 then
  redis.call('HSET', KEYS[5], 'seq', ARGV[1], 'reply', reply)
  redis.call('PEXPIRE', KEYS[5], COMMIT_MEMORY_MS)
end
return {1, reply, wake}
