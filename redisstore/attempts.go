package redisstore

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-0a072700/jwtauth/internal/attempts"
)

// Attempts holds the counters of failed logins for package guard. It is a
// guard.Store for a service of several instances. Get it with [Store.Attempts].
// It is safe for concurrent use, also by several processes.
//
// All counters of an account and its devices are fields of one hash,
// "jwtauth:attempts:{ACCOUNT}". Each method is one script on that key. The key
// expires when all counters say no more than no key.
//
// Replication is asynchronous, so a failover can forget the attempts of the
// last moments. A server that loses its data forgets all counters, which pauses
// no account, and the effect of Guard.Reset.
type Attempts struct{ store *Store }

// Attempts returns counters with the client and the prefix of the store.
func (s *Store) Attempts() *Attempts { return &Attempts{s} }

// run runs a script on the key of an account, which returns integers.
func (a *Attempts) run(ctx context.Context, client redis.Scripter, script *redis.Script, account string, results int, args ...any) ([]int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	list, err := script.Run(ctx, client, []string{a.store.prefix + "attempts:{" + account + "}"}, args...).Int64Slice()
	if err == nil && len(list) != results {
		err = fmt.Errorf("the script returned %d values", len(list))
	}
	return list, err
}

// once is a client that sends a script once. Other clients repeat a script if
// its response is lost, although the server may have executed it.
type once struct{ redis.UniversalClient }

func (c once) EvalSha(ctx context.Context, hash string, keys []string, args ...any) *redis.Cmd {
	return c.send(ctx, "evalsha", hash, keys, args)
}

func (c once) Eval(ctx context.Context, text string, keys []string, args ...any) *redis.Cmd {
	return c.send(ctx, "eval", text, keys, args)
}

func (c once) send(ctx context.Context, name, script string, keys []string, args []any) *redis.Cmd {
	words := []any{name, script, len(keys)}
	for _, key := range keys {
		words = append(words, key)
	}
	cmd := redis.NewCmd(ctx, append(words, args...)...)
	cmd.SetFirstKeyPos(int8(len(words) - len(keys)))
	_ = c.Process(ctx, onceCmd{cmd}) // the command holds the error
	return cmd
}

type onceCmd struct{ *redis.Cmd }

// NoRetry implements redis.Cmder.
func (onceCmd) NoRetry() bool { return true }

// counters is the Lua form of package attempts. The fields of the hash are
// devices, and "-" for the account itself. Their values are "round used debt".
// The field "epoch" holds the epoch of the account, and "cursor" the position
// at which the removal of old counters continues.
//
// All numbers are integers below 2^53, which Lua represents exactly. They are
// printed with %.0f, because Lua would print large ones as 1e+15.
const counters = `
local function load(field)
	local value = redis.call('HGET', KEYS[1], field)
	if not value then
		return 0, 0, 0
	end
	local round, used, debt = string.match(value, '^(%-?%d+) (%d+) (%d+)$')
	return tonumber(round), tonumber(used), tonumber(debt)
end
local function save(field, round, used, debt)
	if used == 0 and debt == 0 then
		redis.call('HDEL', KEYS[1], field)
	else
		redis.call('HSET', KEYS[1], field, string.format('%.0f %.0f %.0f', round, used, debt))
	end
end
local function stay(ttl)
	if redis.call('PTTL', KEYS[1]) < ttl then
		redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ttl))
	end
end
`

// reserveScript has the arguments device, epoch, now, limit, window and
// longest. It returns whether the device is known, the epoch of the account,
// the round, the attempts left and the pause.
//
// If there are many counters, it checks about ten of them, and removes those
// that say no more than no counter. The next attempt continues with the next
// ten. Reading all of them would take longer the more devices a user makes
// known and then fails with, and would delay all other commands.
var reserveScript = redis.NewScript(counters + `
local now, limit, window, longest = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local cost = math.floor(longest / limit)
local level = cost * limit

local function length(debt)
	local n = window
	debt = debt + math.floor(cost / 2)
	while debt >= level and n < longest do
		debt = debt - level
		n = n * 2
	end
	return math.min(n, longest)
end

local epoch = redis.call('HGET', KEYS[1], 'epoch') or '0'
local field, known = '-', 0
if ARGV[1] ~= '' and tonumber(ARGV[2]) >= tonumber(epoch) then
	field, known = ARGV[1], 1
end
local round, used, debt = load(field)
local ends = round
if used > 0 then
	ends = round + length(debt)
end
if used == 0 or now >= ends or round > now + longest then
	local most, n = 0, window
	while n < longest do
		n = n * 2
		most = most + level
	end
	debt = math.min(math.max(0, debt - math.max(0, now - ends)), most)
	round, used = now, 0
	ends = round + length(debt)
end
if used >= limit then
	return {known, epoch, string.format('%.0f', round), 0, string.format('%.0f', ends - now)}
end
used, debt = used + 1, debt + cost
if redis.call('HLEN', KEYS[1]) >= 64 then
	local from = redis.call('HGET', KEYS[1], 'cursor') or '0'
	local found = redis.call('HSCAN', KEYS[1], from, 'COUNT', '10')
	local all = found[2]
	for i = 1, #all, 2 do
		local r, u, d = string.match(all[i + 1], '^(%-?%d+) (%d+) (%d+)$')
		if r and all[i] ~= field and tonumber(r) + length(tonumber(d)) + tonumber(d) <= now then
			redis.call('HDEL', KEYS[1], all[i])
		end
	end
	if found[1] ~= '0' then
		redis.call('HSET', KEYS[1], 'cursor', found[1])
	elseif from ~= '0' then
		redis.call('HDEL', KEYS[1], 'cursor')
	end
end
save(field, round, used, debt)
stay(length(debt) + debt)
return {known, epoch, string.format('%.0f', round), limit - used, 0}
`)

// refundScript has the arguments device, round and cost.
var refundScript = redis.NewScript(counters + `
local round, used, debt = load(ARGV[1])
if round == tonumber(ARGV[2]) and used > 0 then
	save(ARGV[1], round, used - 1, math.max(0, debt - tonumber(ARGV[3])))
end
return {}
`)

// resetScript has the arguments now and ttl.
var resetScript = redis.NewScript(counters + `
local old = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
redis.call('HSET', KEYS[1], 'epoch', string.format('%.0f', math.max(old + 1, tonumber(ARGV[1]))))
stay(tonumber(ARGV[2]))
return {}
`)

// epochScript is a script because the client may send a plain HGET to a
// replica.
var epochScript = redis.NewScript(`return {redis.call('HGET', KEYS[1], 'epoch') or '0'}`)

// field is the name of the counter of a device, or of the account itself.
func field(device string) string {
	if device == "" {
		return "-"
	}
	return device
}

// Reserve implements guard.Store.
func (a *Attempts) Reserve(ctx context.Context, account, device string, epoch int64, now time.Time, limit int, window, longest time.Duration) (
	known bool, current, round int64, left int, wait time.Duration, err error) {
	rule := attempts.NewRule(limit, window, longest)
	r, err := a.run(ctx, a.store.client, reserveScript, account, 5, device, epoch, now.UnixMilli(), rule.Limit, rule.Window, rule.Longest)
	if err != nil {
		return false, 0, 0, 0, 0, unavailable(ctx, "Attempts.Reserve", err)
	}
	return r[0] == 1, r[1], r[2], int(r[3]), time.Duration(r[4]) * time.Millisecond, nil
}

// Refund implements guard.Store. A second execution would take back the attempt
// of someone else, so it is not repeated.
func (a *Attempts) Refund(ctx context.Context, account, device string, round int64, limit int, longest time.Duration) error {
	cost := attempts.NewRule(limit, longest, longest).Cost()
	if _, err := a.run(ctx, once{a.store.client}, refundScript, account, 0, field(device), round, cost); err != nil {
		return unavailable(ctx, "Attempts.Refund", err)
	}
	return nil
}

// Reset implements guard.Store.
func (a *Attempts) Reset(ctx context.Context, account string, now, until time.Time) error {
	if _, err := a.run(ctx, a.store.client, resetScript, account, 0, now.UnixMilli(), ttl(until, now)); err != nil {
		return unavailable(ctx, "Attempts.Reset", err)
	}
	return nil
}

// Epoch implements guard.Store.
func (a *Attempts) Epoch(ctx context.Context, account string) (int64, error) {
	r, err := a.run(ctx, a.store.client, epochScript, account, 1)
	if err != nil {
		return 0, unavailable(ctx, "Attempts.Epoch", err)
	}
	return r[0], nil
}
