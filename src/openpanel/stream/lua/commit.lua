-- Commit: resolve the sessions of a group of requests and append their frame, or do nothing at all.
-- Called by commit.py (Link) once per shard and group commit; with seq 0 and no messages it only reads.
-- sessions.lua and rules.lua stand in front. What is done once per run is what a commit costs: no tables and no
-- calls more than needed there.
--
-- KEYS  1 stream   2 depth (integer)   3 order (wake-up flag)   4 projects (set)
--       5 commit memory of the writer (hash: seq, replies of the last few as r<seq modulo KEPT_REPLIES>)
--       6 session prefix   7 live prefix   8 idempotency prefix   9 profile prefix   10 guard prefix
--         (prefixes of keys in the same slot: <project>:<device>, <project>, <key>, <project>:<profile>, <window>)
-- ARGV  1 seq of the writer's commit, growing; 0: nothing to remember
--       2 now, wall-clock ms   3 high-water mark in messages   4 messages in the frame   5 frame
--       6 runs: msgpack array, 12 elements a run (plan.run_row): project, device, previous device or '', first ms,
--         last ms, views, events, candidate session, mode, profile, path, 1 if the profile's pointer is in this shard
--       7 requests with idempotency keys: '' or msgpack array of
--           {first run, runs, {message, …}, ttl ms, number of its first message in the frame}
--           message  {key or '', its run in the request or 0, the answer that the key is known to have got or ''}
--       8 guards: '' or msgpack array, 4 elements a message: key, run or 0, number in the frame, when it came (ms)
--       9 index of this shard
--      10 commit of this writer that must be in already, for calls sent ahead of its answer; 0: none
--         Runs are counted from 1, messages from 0; ids are hexadecimal.
-- Returns {state, reply, wake}
--   state  0 refused: past the mark   1 done   2 had been done by an earlier try   3 the commit in ARGV 10 is missing
--          0 and 3: nothing was changed
--   reply  the outcomes of the runs in order, 24 bytes each (outcomes.py); '' if no longer known
--   wake   1 if the wake-up flag is new
-- Entry appended: f = frame, s = reply, n = messages that count, d = msgpack array of those that do not,
--   c = msgpack array of the sessions that were closed: {run, counted from 0; row}.

local RUN = 12  -- elements of a run
local CHUNK = 2000  -- arguments of one command, an even number; Lua's stack holds about 8,000

local seq = tonumber(ARGV[1])
local now = tonumber(ARGV[2])
local count = tonumber(ARGV[4])

if seq > 0 then
  local done = tonumber(redis.call('HGET', KEYS[5], 'seq') or '0')
  if done >= seq then
    local kept = done - seq < KEPT_REPLIES and redis.call('HGET', KEYS[5], 'r' .. seq % KEPT_REPLIES)
    return {2, kept or '', 0}
  end
  if done < tonumber(ARGV[10]) then return {3, '', 0} end
end
if count > 0 and tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(ARGV[3]) then
  return {0, '', 0}
end

local runs = cmsgpack.unpack(ARGV[6])
local last_run = #runs / RUN
local outcomes = {}
local closed = {}    -- {run, row} of sessions that end here
local dropped = {}   -- numbers of messages that do not count
local repeated = {}  -- runs whose only message was sent a moment ago: looked up, not counted
local fetched = {}   -- key → packed state, false when there is none
local states = {}    -- key → state, false when there is none
local changed = {}   -- keys of changed states
local is_changed = {}
local touched = {}   -- project → arguments of ZADD for devices whose score is to be moved
local opened = 0     -- number of sessions that were opened
local missed = {}    -- late runs that found no session: {where the run's elements begin, if it counts, `opened` then}
local prefixes = {}  -- project → what the keys of its devices begin with

local function in_pieces(list, call)
  for first = 1, #list, CHUNK do
    call(unpack(list, first, math.min(first + CHUNK - 1, #list)))
  end
end

local function key_of(project, device)
  local prefix = prefixes[project]
  if not prefix then
    prefix = KEYS[6] .. project .. ':'
    prefixes[project] = prefix
  end
  return prefix .. device
end

-- Reads the states of all devices at once.
local function fetch()
  local keys = {}
  for at = 0, #runs - 1, RUN do
    if runs[at + 9] <= PEEK then
      local key = key_of(runs[at + 1], runs[at + 2])
      if fetched[key] == nil then
        fetched[key] = false
        keys[#keys + 1] = key
      end
    end
  end
  local place = 0
  in_pieces(keys, function(...)
    for _, kept in ipairs(redis.call('MGET', ...)) do
      place = place + 1
      fetched[keys[place]] = kept
    end
  end)
end

local function state_of(project, device)
  local key = key_of(project, device)
  local state = states[key]
  if state == nil then
    local kept = fetched[key]
    if kept == nil then kept = redis.call('GET', key) end
    state = kept and unpacked(kept)
    states[key] = state
  end
  return state, key
end

local function change(key)
  if not is_changed[key] then
    is_changed[key] = true
    changed[#changed + 1] = key
  end
end

-- The device is active now. Its score follows in steps: moving it costs as much as all else.
local function touch(project, device, state)
  if now > state[SEEN] then state[SEEN] = now end
  if state[SEEN] - state[TOUCHED] < LIVE_STEP_MS then return end
  state[TOUCHED] = state[SEEN]
  local scores = touched[project]
  if not scores then
    scores = {}
    touched[project] = scores
  end
  scores[#scores + 1] = state[SEEN]
  scores[#scores + 1] = device
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
  local id = raw(candidate)
  while state and (id == state[SID] or id == state[PSID]) do
    id = raw(string.sub(redis.sha1hex(hex(id)), 1, 16))
  end
  return id
end

local function extend(at, state, key, slot)
  local last = runs[at + 5]
  if slot == 'before' then
    if last > state[PENDED] then state[PENDED] = last; change(key) end
    return
  end
  if state[CLOSED] == 0 then
    state[VIEWS] = state[VIEWS] + runs[at + 6]
    state[EVENTS] = state[EVENTS] + runs[at + 7]
    if runs[at + 10] ~= '' then state[PROFILE] = runs[at + 10] end
    if runs[at + 11] ~= '' and last >= state[ENDED] then state[PATH] = runs[at + 11] end
    change(key)
  end
  if last > state[ENDED] then state[ENDED] = last; change(key) end
end

-- A run older than the newest session of its device and no part of a known one (an outage's events, replayed
-- beside fresher ones): it gets a session that is opened and closed at once and remembered as the one before.
local function open_in_the_past(at, device, state, key)
  local first, last = runs[at + 4], runs[at + 5]
  if state[PSID] ~= NOBODY and first < state[PSTARTED] then return outcome('', NOBODY, 0, 0) end
  local id = free_id(runs[at + 8], state)
  state[PSID], state[PSTARTED], state[PENDED] = id, first, last
  opened = opened + 1
  change(key)
  closed[#closed + 1] = {at / RUN, {runs[at + 1], device, hex(id), first, last, runs[at + 6], runs[at + 7],
                                    runs[at + 11], runs[at + 10]}}
  return outcome('', id, 1, first)
end

local function open(at, device, state, key)
  local project, first = runs[at + 1], runs[at + 4]
  if state and first < state[STARTED] then return open_in_the_past(at, device, state, key) end
  local id = free_id(runs[at + 8], state)
  local fresh = {id, first, runs[at + 5], 0, 0, runs[at + 6], runs[at + 7], 0, NOBODY, 0, 0, runs[at + 10],
                 runs[at + 11]}
  if state then
    if state[CLOSED] == 0 then closed[#closed + 1] = {at / RUN, ended_row(project, device, state)} end
    fresh[PSID], fresh[PSTARTED], fresh[PENDED] = state[SID], state[STARTED], state[ENDED]
  end
  states[key] = fresh
  opened = opened + 1
  change(key)
  touch(project, device, fresh)
  return outcome('', id, 1, first)
end

-- A profile's pointer: device, previous device, shard of the device; see keys.py.
local function point(at)
  local key = KEYS[9] .. runs[at + 1] .. ':' .. runs[at + 10]
  local value = runs[at + 2] .. (runs[at + 3] ~= '' and runs[at + 3] or NONE) .. ARGV[9]
  if runs[at + 9] == OPEN then
    redis.call('SET', key, value, 'PX', POINTER_MS)
  else
    redis.call('SET', key, value, 'NX', 'PX', POINTER_MS)
  end
end

local function pointed_devices(at)
  local value = redis.call('GET', KEYS[9] .. runs[at + 1] .. ':' .. runs[at + 10])
  if not value or string.sub(value, 33) ~= ARGV[9] then return '', '' end
  local previous = string.sub(value, 17, 32)
  return string.sub(value, 1, 16), previous ~= NONE and previous or ''
end

local function resolve_join(at)
  local device, previous = runs[at + 2], runs[at + 3]
  if device == '' then device, previous = pointed_devices(at) end
  if device == '' then return NOTHING end
  local found, state, _, slot = find(runs[at + 1], device, previous, JOIN, runs[at + 4], runs[at + 5])
  if not slot then return NOTHING end
  -- Whoever uses the device now may be somebody else than the one the pointer was written for.
  if state[PROFILE] ~= '' and state[PROFILE] ~= runs[at + 10] then return NOTHING end
  return outcome(found, state[SID], 0, state[STARTED])
end

-- The outcome of a run; `counts`: it extends its session or opens one, if its mode says so.
local function resolve(at, counts)
  local mode, named = runs[at + 9], runs[at + 2]
  if mode > JOIN then return outcome(named, raw(runs[at + 8]), 0, runs[at + 4]) end  -- resolved in another shard
  if mode == JOIN then return resolve_join(at) end
  local device, state, key, slot = find(runs[at + 1], named, runs[at + 3], mode, runs[at + 4], runs[at + 5])
  if runs[at + 12] == 1 and mode ~= LATE then point(at) end
  if not slot then
    if mode == OPEN and counts then return open(at, device, state, key) end
    if mode == LATE then
      missed[#missed + 1] = {at, counts, opened}
      return outcome('', NOBODY, 0, 0)
    end
    return outcome('', free_id(runs[at + 8], state), 0, 0)
  end
  if mode ~= PEEK and counts then
    if mode == OPEN and slot == 'newest' and state[CLOSED] == 0 then touch(runs[at + 1], device, state) end
    extend(at, state, key, slot)
  end
  local own = device == named and '' or device
  if slot == 'before' then return outcome(own, state[PSID], 0, state[PSTARTED]) end
  return outcome(own, state[SID], 0, state[STARTED])
end

-- Once more for the late runs that found none before another run opened one: of what was done out of reach the first
-- minutes come late and the last ones in time, in one call, and open the session that all of it is part of.
local function resolve_missed()
  local waiting = missed
  missed = {}
  for _, late in ipairs(waiting) do
    if late[3] < opened then
      outcomes[late[1] / RUN + 1] = resolve(late[1], late[2])
    else
      missed[#missed + 1] = late
    end
  end
end

-- Finds the messages whose bytes came a moment ago: by the clocks of those who took them, for a call may wait long
-- until it gets here, and by this one as well, for theirs may differ. Keys of half a second lie in one hash, each as
-- "until when it counts, in ms of the half second; when it came", so that they go together.
local function heed_guards(guards)
  local time = redis.call('TIME')
  local clock = time[1] * 1000 + math.floor(time[2] / 1000)
  local window = math.floor(clock / GUARD_WINDOW_MS)
  local since = clock % GUARD_WINDOW_MS
  local came, keys, fresh = {}, {}, {}  -- came: key → when the last that counts came
  for at = 1, #guards, 4 do keys[#keys + 1] = guards[at] end
  local function look(back)
    local name = KEYS[10] .. (window - back)
    local place = 0
    in_pieces(keys, function(...)
      for _, kept in ipairs(redis.call('HMGET', name, ...)) do
        place = place + 1
        local ends, moment = string.match(kept or '', '^(%d+) (%d+)$')
        if ends and not came[keys[place]] and ends - back * GUARD_WINDOW_MS > since then
          came[keys[place]] = tonumber(moment)
        end
      end
    end)
  end
  look(0)
  if since < GUARD_MS then look(1) end
  for at = 1, #guards, 4 do
    local key, run, moment = guards[at], guards[at + 1], guards[at + 3]
    if came[key] and math.abs(moment - came[key]) < GUARD_MS then
      dropped[#dropped + 1] = guards[at + 2]
      if run > 0 then repeated[run] = true end
    else
      came[key] = moment
      fresh[#fresh + 1] = key
      fresh[#fresh + 1] = string.format('%d %.0f', since + GUARD_MS, moment)
    end
  end
  if #fresh > 0 then
    local name = KEYS[10] .. window
    in_pieces(fresh, function(...) redis.call('HSET', name, ...) end)
    redis.call('PEXPIRE', name, 2 * GUARD_WINDOW_MS)
  end
end

local function unhexed(digits)
  return (string.gsub(digits, '%x%x', function(pair) return string.char(tonumber(pair, 16)) end))
end

-- Which messages of a request are repeats: marks them dropped, and says per run how many are not (nil: the run
-- has no messages) and what a repeat was answered (an answer, or the number of an earlier run of the request).
local function repeats(request)
  local alive, answers, mine = {}, {}, {}
  for place, message in ipairs(request[3]) do
    local key, run = message[1], message[2]
    local answer = nil
    if key ~= '' then
      answer = mine[key]
      if not answer and message[3] ~= '' then answer = unhexed(message[3]) end
      if not answer then answer = redis.call('GET', KEYS[8] .. key) end
      if not answer then mine[key] = run end
    end
    if answer then
      dropped[#dropped + 1] = request[5] + place - 1
      alive[run] = alive[run] or 0
      if answers[run] == nil then answers[run] = answer end
    else
      alive[run] = (alive[run] or 0) + 1
    end
  end
  return alive, answers, mine
end

-- What the messages of a run are answered, in a form that says the device; no run, no ids.
local function answer_of(request, run)
  local place = request[1] + run - 1
  if run == 0 or not outcomes[place] then return NOTHING end
  local _, session, word = struct.unpack(OUTCOME, outcomes[place])
  if word % 4 >= 2 then return outcomes[place] end
  return struct.pack(OUTCOME, raw(runs[(place - 1) * RUN + 2]), session, word + 2)
end

local function resolve_request(request)
  local alive, answers, mine = repeats(request)
  for run = 1, request[2] do
    local place = request[1] + run - 1
    local answer = answers[run]
    if alive[run] ~= 0 then
      outcomes[place] = resolve((place - 1) * RUN, true)
    elseif type(answer) == 'string' then
      outcomes[place] = answer
    else
      outcomes[place] = answer_of(request, answer)
    end
  end
  resolve_missed()
  for key, run in pairs(mine) do
    redis.call('SET', KEYS[8] .. key, answer_of(request, run), 'PX', request[4])
  end
end

if ARGV[8] ~= '' then heed_guards(cmsgpack.unpack(ARGV[8])) end
if #runs > 0 then fetch() end
local requests = ARGV[7] ~= '' and cmsgpack.unpack(ARGV[7]) or {}
local next_request = 1
local place = 1
while place <= last_run or next_request <= #requests do
  local request = requests[next_request]
  if request and request[1] <= place then
    resolve_request(request)
    next_request = next_request + 1
    place = place + request[2]
  else
    outcomes[place] = resolve((place - 1) * RUN, not repeated[place])
    place = place + 1
  end
end
resolve_missed()

for _, key in ipairs(changed) do
  local state = states[key]
  if state[CLOSED] == 1 then save_closed(key, state) else save_live(key, state) end
end
for project, scores in pairs(touched) do
  local added = 0
  in_pieces(scores, function(...) added = added + redis.call('ZADD', KEYS[7] .. project, 'GT', ...) end)
  -- Whoever is in a live set is among the projects already.
  if added > 0 then redis.call('SADD', KEYS[4], project) end
end

local reply = table.concat(outcomes)
local wake = 0
local messages = count - #dropped
if messages > 0 then
  local entry = {'f', ARGV[5], 's', reply, 'n', messages}
  if #dropped > 0 then
    entry[#entry + 1] = 'd'
    entry[#entry + 1] = cmsgpack.pack(dropped)
  end
  if #closed > 0 then
    entry[#entry + 1] = 'c'
    entry[#entry + 1] = cmsgpack.pack(closed)
  end
  redis.call('XADD', KEYS[1], '*', unpack(entry))
  redis.call('INCRBY', KEYS[2], messages)
  if redis.call('SET', KEYS[3], '1', 'NX', 'PX', ORDER_MS) then wake = 1 end
end
if seq > 0 then
  redis.call('HSET', KEYS[5], 'seq', ARGV[1], 'r' .. seq % KEPT_REPLIES, reply)
  redis.call('PEXPIRE', KEYS[5], COMMIT_MEMORY_MS)
end
return {1, reply, wake}
