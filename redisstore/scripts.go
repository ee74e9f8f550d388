package redisstore

import "github.com/redis/go-redis/v9"

// Every script is about one hash, KEYS[1]: its fields are session ids, its values rows (see row.go).
// One more field, "cursor", which no id is, says where the sweep goes on.
//
// Numbers stay text, except to compare: Lua would print large ones in the form 1e+15.
// Nothing is newer than Redis 6.0: no PEXPIRE GT, no shebang flags.

// stay makes the key live for ARGV[n] more milliseconds at least. A time to live, not a time of the
// server's clock, which may be wrong.
const stay = `
local function stay(ttl)
	if redis.call('PTTL', KEYS[1]) < tonumber(ttl) then
		redis.call('PEXPIRE', KEYS[1], ttl)
	end
end
`

// create: id, row, ttl, and the time before which sessions have to have ended to be swept.
// It looks at about ten others, the next ten at the next login, so that what has ended is never more than a fraction.
var createScript = redis.NewScript(stay + `
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 and redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
	return 0
end
stay(ARGV[3])
if redis.call('HLEN', KEYS[1]) == 1 then
	return 1
end
local from = redis.call('HGET', KEYS[1], 'cursor') or '0'
local found = redis.call('HSCAN', KEYS[1], from, 'COUNT', '10')
for i = 1, #found[2], 2 do
	local id, row = found[2][i], found[2][i + 1]
	local expires = string.match(row, '^%-?%d+ %-?%d+ (%-?%d+) ')
	if expires and id ~= ARGV[1] and tonumber(expires) <= tonumber(ARGV[4]) then
		redis.call('HDEL', KEYS[1], id)
	end
end
if found[1] ~= '0' then
	redis.call('HSET', KEYS[1], 'cursor', found[1])
elseif from ~= '0' then
	redis.call('HDEL', KEYS[1], 'cursor')
end
return 1
`)

// load: id. A script, since a plain HGET may be sent to a replica.
var loadScript = redis.NewScript(`return redis.call('HGET', KEYS[1], ARGV[1])`)

// swap: id, from, next generation, rotated, expires, now, ttl.
var swapScript = redis.NewScript(stay + `
local row = redis.call('HGET', KEYS[1], ARGV[1])
if not row then
	return 0
end
local generation, rotated, expires, rest = string.match(row, '^(%-?%d+) (%-?%d+) (%-?%d+)( .*)$')
if not generation then
	return redis.error_reply('ERR jwtauth: not a session')
end
if tonumber(expires) <= tonumber(ARGV[6]) then
	return 0
end
if generation == ARGV[3] and rotated == ARGV[4] and expires == ARGV[5] then
	return 1
end
if generation ~= ARGV[2] then
	return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. ARGV[5] .. rest)
stay(ARGV[7])
return 1
`)

// forget removes the key once nothing but the cursor is left.
const forget = `
if redis.call('HLEN', KEYS[1]) == 1 and redis.call('HEXISTS', KEYS[1], 'cursor') == 1 then
	redis.call('DEL', KEYS[1])
end
return 1
`

// delete: id.
var deleteScript = redis.NewScript(`
redis.call('HDEL', KEYS[1], ARGV[1])
` + forget)

// delete all of a subject: subject.
var deleteSubjectScript = redis.NewScript(`
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
	local size, start = string.match(all[i + 1], '^%-?%d+ %-?%d+ %-?%d+ %-?%d+ %-?%d+ %-?%d+ (%d+) ()')
	if size and string.sub(all[i + 1], start, start + tonumber(size) - 1) == ARGV[1] then
		redis.call('HDEL', KEYS[1], all[i])
	end
end
` + forget)

// list: nothing.
var listScript = redis.NewScript(`return redis.call('HGETALL', KEYS[1])`)
