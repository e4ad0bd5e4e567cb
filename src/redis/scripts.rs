//! What happens in Redis in one atomic step, as Lua.
//!
//! Promises: every script may be repeated. A script that depends on the snapshot's place answers
//! `{incarnation, sequence, generation, …}` and has done nothing unless all three are as
//! expected.
//! Every key that is touched is passed as a key. An entity's change is one argument, packed by
//! [`Packed`], so that neither Lua's stack nor the protocol's number of arguments bounds it; and in
//! MessagePack, since Redis takes that apart in C, many times faster than Lua could.

use redis::Script;

/// Reads entities. KEYS: meta, entity…; ARGV: incarnation, sequence, generation.
const LOAD: &str = r"
local at = redis.call('HMGET', KEYS[1], 'incarnation', 'sequence', 'generation')
if at[1] ~= ARGV[1] or at[2] ~= ARGV[2] or at[3] ~= ARGV[3] then return at end
local entities = {}
for i = 2, #KEYS do entities[i - 1] = redis.call('HGETALL', KEYS[i]) end
return {at[1], at[2], at[3], entities}
";

/// Reads deadlines. KEYS: meta, due; ARGV: incarnation, sequence, generation, before, limit.
const DUE: &str = r"
local at = redis.call('HMGET', KEYS[1], 'incarnation', 'sequence', 'generation')
if at[1] ~= ARGV[1] or at[2] ~= ARGV[2] or at[3] ~= ARGV[3] then return at end
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[4], 'LIMIT', 0, ARGV[5])
return {at[1], at[2], at[3], due}
";

/// Moves on. KEYS: meta, due settled, due demand, entity…;
/// ARGV: from incarnation, sequence; to incarnation, sequence; generation; state; packed entity….
const ADVANCE: &str = r"
local at = redis.call('HMGET', KEYS[1], 'incarnation', 'sequence', 'generation')
if at[3] ~= ARGV[5] then return at end
if at[1] == ARGV[3] and at[2] == ARGV[4] then return {at[1], at[2], at[3], 1} end
if at[1] ~= ARGV[1] or at[2] ~= ARGV[2] then return at end
local function many(command, key, list)
  for i = 1, #list, 1000 do
    redis.call(command, key, unpack(list, i, math.min(i + 999, #list)))
  end
end
local due, done = {{}, {}}, {{}, {}}
for i = 4, #KEYS do
  local member, settled, demand, kept, gone = cmsgpack.unpack(ARGV[i + 3])
  for clock, score in ipairs({settled, demand}) do
    if score == '' then
      table.insert(done[clock], member)
    else
      table.insert(due[clock], score)
      table.insert(due[clock], member)
    end
  end
  many('HSET', KEYS[i], kept)
  many('HDEL', KEYS[i], gone)
  local may_be_empty = #gone > 0 or #kept == 2
  if may_be_empty and redis.call('HLEN', KEYS[i]) == 1 then redis.call('DEL', KEYS[i]) end
end
for clock = 1, 2 do
  many('ZADD', KEYS[clock + 1], due[clock])
  many('ZREM', KEYS[clock + 1], done[clock])
end
redis.call('HSET', KEYS[1], 'incarnation', ARGV[3], 'sequence', ARGV[4], 'state', ARGV[6])
return {ARGV[3], ARGV[4], at[3], 1}
";

/// Starts anew. KEYS: meta, garbage; ARGV: incarnation, sequence, generation, state.
const RESET: &str = r"
local old = redis.call('HGET', KEYS[1], 'generation')
if old and old ~= ARGV[3] then redis.call('SADD', KEYS[2], old) end
redis.call('HSET', KEYS[1], 'incarnation', ARGV[1], 'sequence', ARGV[2],
  'generation', ARGV[3], 'state', ARGV[4])
return 1
";

/// Raises the committed mark. KEYS: committed; ARGV: the position's text.
const NOTE: &str = r"
local known = redis.call('GET', KEYS[1])
if not known or known < ARGV[1] then redis.call('SET', KEYS[1], ARGV[1]) end
return 1
";

/// Deletes keys of a generation that is not the living one. KEYS: meta, key…; ARGV: generation.
const UNLINK: &str = r"
if redis.call('HGET', KEYS[1], 'generation') == ARGV[1] then return 0 end
for i = 2, #KEYS do redis.call('UNLINK', KEYS[i]) end
return 1
";

/// Reads entities and their deadlines, wherever the snapshot stands. KEYS: meta, due settled, due
/// demand, entity…; ARGV: generation, member….
const COPY: &str = r"
local at = redis.call('HMGET', KEYS[1], 'incarnation', 'sequence', 'generation')
if at[3] ~= ARGV[1] then return at end
local entities = {}
for i = 4, #KEYS do
  local member = ARGV[i - 2]
  local settled = redis.call('ZSCORE', KEYS[2], member) or ''
  local demand = redis.call('ZSCORE', KEYS[3], member) or ''
  entities[i - 3] = {redis.call('HGETALL', KEYS[i]), settled, demand}
end
return {at[1], at[2], at[3], entities}
";

/// Begins to build a generation. KEYS: staged, garbage; ARGV: generation.
const BEGIN: &str = r"
for _, other in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  redis.call('SMOVE', KEYS[1], KEYS[2], other)
end
redis.call('SADD', KEYS[1], ARGV[1])
return 1
";

/// Adds whole entities to it. KEYS: staged, fills, due settled, due demand, entity…;
/// ARGV: generation, number of the fill, packed entity….
const FILL: &str = r"
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then return 0 end
local filled, number = tonumber(redis.call('GET', KEYS[2]) or 0), tonumber(ARGV[2])
if filled ~= number and filled ~= number - 1 then return 2 end
for i = 5, #KEYS do
  local member, settled, demand, kept = cmsgpack.unpack(ARGV[i - 2])
  local is_there = #kept > 2
  redis.call('DEL', KEYS[i])
  for j = 1, is_there and #kept or 0, 1000 do
    redis.call('HSET', KEYS[i], unpack(kept, j, math.min(j + 999, #kept)))
  end
  for clock, score in ipairs({settled, demand}) do
    if is_there and score ~= '' then
      redis.call('ZADD', KEYS[clock + 2], score, member)
    else
      redis.call('ZREM', KEYS[clock + 2], member)
    end
  end
end
redis.call('SET', KEYS[2], ARGV[2])
return 1
";

/// Puts it in place. KEYS: meta, staged, garbage, fills;
/// ARGV: incarnation, sequence, generation, state, number of fills.
const FINISH: &str = r"
local old = redis.call('HGET', KEYS[1], 'generation')
if old == ARGV[3] then return 1 end
if redis.call('SISMEMBER', KEYS[2], ARGV[3]) == 0 then return 0 end
if tonumber(redis.call('GET', KEYS[4]) or 0) ~= tonumber(ARGV[5]) then return 2 end
redis.call('DEL', KEYS[4])
redis.call('SREM', KEYS[2], ARGV[3])
if old then redis.call('SADD', KEYS[3], old) end
redis.call('HSET', KEYS[1], 'incarnation', ARGV[1], 'sequence', ARGV[2],
  'generation', ARGV[3], 'state', ARGV[4])
return 1
";

/// What building says: another one was begun since.
pub const SUPERSEDED: i64 = 0;
/// It was done.
pub const DONE: i64 = 1;
/// Some of what it had been filled with is gone.
pub const LOST: i64 = 2;

/// The scripts, with their hashes.
pub struct Scripts {
    /// Reads entities.
    pub load: Script,
    /// Reads deadlines.
    pub due: Script,
    /// Moves on.
    pub advance: Script,
    /// Starts anew.
    pub reset: Script,
    /// Raises the committed mark.
    pub note: Script,
    /// Deletes keys of a dead generation.
    pub unlink: Script,
    /// Reads entities wherever the snapshot stands.
    pub copy: Script,
    /// Begins to build a generation.
    pub begin: Script,
    /// Fills it.
    pub fill: Script,
    /// Puts it in place.
    pub finish: Script,
}

impl Scripts {
    /// All scripts.
    pub fn new() -> Scripts {
        Scripts {
            load: Script::new(LOAD),
            due: Script::new(DUE),
            advance: Script::new(ADVANCE),
            reset: Script::new(RESET),
            note: Script::new(NOTE),
            unlink: Script::new(UNLINK),
            copy: Script::new(COPY),
            begin: Script::new(BEGIN),
            fill: Script::new(FILL),
            finish: Script::new(FINISH),
        }
    }
}

impl Default for Scripts {
    fn default() -> Scripts {
        Scripts::new()
    }
}

/// MessagePack's mark of a text whose length takes 32 bits.
const STR_32: u8 = 0xdb;
/// The same of a list.
const ARRAY_32: u8 = 0xdd;

/// Texts and lists of texts in MessagePack, one behind the other.
#[derive(Default)]
pub struct Packed(Vec<u8>);

impl Packed {
    /// Appends a text, or any other bytes.
    pub fn text(&mut self, text: &[u8]) {
        self.head(STR_32, text.len());
        self.0.extend_from_slice(text);
    }

    /// Begins a list of so many of the texts that follow.
    pub fn list(&mut self, texts: usize) {
        self.head(ARRAY_32, texts);
    }

    fn head(&mut self, of: u8, length: usize) {
        self.0.push(of);
        self.0.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    }

    /// All of it.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}
