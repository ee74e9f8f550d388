package redisstore

import (
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Every script uses one hash, KEYS[1]. Its fields are session IDs and its
// values are rows (see row.go). The field "cursor", which is not a valid ID,
// stores the position at which the removal of expired sessions continues.
//
// Numbers remain text, except in comparisons, because Lua would print large
// ones as 1e+15. The scripts use features of Redis 6.0 only: no PEXPIRE GT, no
// shebang flags.

// stay is a Lua function that keeps the key for at least ttl more milliseconds.
// It uses a time to live instead of a point in time, because the server's clock
// may be wrong.
const stay = `
local function stay(ttl)
	if redis.call('PTTL', KEYS[1]) < tonumber(ttl) then
		redis.call('PEXPIRE', KEYS[1], ttl)
	end
end
`

// createScript has the arguments ID, row, ttl and a time. It checks about ten
// other sessions and removes those that ended before that time. The next login
// continues with the next ten, so expired sessions are always a minority.
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
	local expires = string.match(row, '^%-?%d+ %-?%d+ %-?%d+ (%-?%d+) ')
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

// loadScript has the argument ID. It is a script because the client may send a
// plain HGET to a replica.
var loadScript = redis.NewScript(`return redis.call('HGET', KEYS[1], ARGV[1])`)

// swapScript has the arguments ID, old row, new row, now and ttl.
var swapScript = redis.NewScript(stay + `
local row = redis.call('HGET', KEYS[1], ARGV[1])
if not row then
	return 0
end
local expires = string.match(row, '^%-?%d+ %-?%d+ %-?%d+ (%-?%d+) ')
if not expires then
	return redis.error_reply('ERR jwtauth: not a session')
end
if tonumber(expires) <= tonumber(ARGV[4]) then
	return 0
end
if row == ARGV[3] then
	return 1
end
if row ~= ARGV[2] then
	return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
stay(ARGV[5])
return 1
`)

// removeEmpty is Lua code that removes the key if only the cursor remains.
const removeEmpty = `
if redis.call('HLEN', KEYS[1]) == 1 and redis.call('HEXISTS', KEYS[1], 'cursor') == 1 then
	redis.call('DEL', KEYS[1])
end
`

// deleteScript has the argument ID.
var deleteScript = redis.NewScript(`
redis.call('HDEL', KEYS[1], ARGV[1])
` + removeEmpty + `return 1`)

// maxWhole is the number of fields up to which a script reads the whole hash.
// Larger hashes are read in pages of about pageSize fields, because the server
// runs nothing else during a script.
const (
	maxWhole = 500
	pageSize = 250
)

// tooLarge is the reply of a script that refuses to read a whole hash.
const tooLarge = "too large"

var whole = fmt.Sprintf(`
if redis.call('HLEN', KEYS[1]) > %d then
	return '%s'
end
`, maxWhole, tooLarge)

// page is a Lua function that returns the next position and the fields of a
// page. HSCAN returns each field that exists from the first page to the last
// one at least once.
var page = fmt.Sprintf(`
local function page(from)
	local found = redis.call('HSCAN', KEYS[1], from, 'COUNT', '%d')
	return found[1], found[2]
end
`, pageSize)

// deleteRows is a Lua function that deletes the rows of a subject.
const deleteRows = `
local function deleteRows(all, subject)
	for i = 1, #all, 2 do
		local size, start = string.match(all[i + 1], '^%-?%d+ %-?%d+ %-?%d+ %-?%d+ %-?%d+ %-?%d+ %-?%d+ (%d+) %d+ ()')
		if size and string.sub(all[i + 1], start, start + tonumber(size) - 1) == subject then
			redis.call('HDEL', KEYS[1], all[i])
		end
	end
end
`

// deleteSubjectScript has the argument subject. It returns 1 or tooLarge.
var deleteSubjectScript = redis.NewScript(deleteRows + whole + `
deleteRows(redis.call('HGETALL', KEYS[1]), ARGV[1])
` + removeEmpty + `return 1`)

// deletePageScript has the arguments position and subject. It returns the next
// position, which is "0" after the last page.
var deletePageScript = redis.NewScript(deleteRows + page + `
local position, fields = page(ARGV[1])
deleteRows(fields, ARGV[2])
` + removeEmpty + `return position`)

// listScript has no arguments. It returns all fields or tooLarge.
var listScript = redis.NewScript(whole + `return redis.call('HGETALL', KEYS[1])`)

// listPageScript has the argument position. It returns the next position, which
// is "0" after the last page, and fields.
var listPageScript = redis.NewScript(page + `return {page(ARGV[1])}`)
