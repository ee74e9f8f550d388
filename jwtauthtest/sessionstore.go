package jwtauthtest

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// RunSessionStore tests a session store against the rules of
// [jwtauth.SessionStore]. Each rule is a subtest. A failure states the rule,
// its reason and the result that breaks it. Run the tests with the race
// detector.
//
// factory is called once for each rule, with the t of the subtest. It opens a
// store and closes it with t.Cleanup. It may return the same store every time,
// or a store that contains other sessions: the suite uses new subjects and IDs
// for each rule, and ends only sessions that it has created. The only exception
// is the rule about subjects with the same tag: its subjects, which start with
// "jwtauthtest ", are always the same, and it first ends their sessions. So two
// runs must not use the same data at once.
//
// The suite never sleeps. It uses times before and after the machine's clock.
// It expects no session back whose ExpiresAt that clock has passed, so the
// store may remove rows by a clock of its own, as Redis does. If a store sets
// such a deadline, it must test itself that Swap moves the deadline.
//
// The IDs have the form of an Issuer: [jwtauth.SubjectTag], "-" and more
// characters of any kind, at most 64 bytes in total. Subjects have at most 1
// KiB and labels at most 128 bytes. All of them are UTF-8 without NUL. Only IDs
// that no session has contain arbitrary bytes.
//
// Under contention a store may return [jwtauth.ErrUnavailable], for example if
// a transaction is chosen as the victim of a deadlock. The rules that call the
// store concurrently repeat such a call up to 100 times. In all other rules the
// error is a failure.
func RunSessionStore(t *testing.T, factory func(t *testing.T) jwtauth.SessionStore) {
	for _, rule := range storeRules {
		t.Run(rule.name, func(t *testing.T) {
			rule.check(&storeTest{
				T:     t,
				store: factory(t),
				rule:  rule,
				now:   time.Now().Truncate(time.Millisecond),
				nonce: strings.ToLower(rand.Text()[:10]),
			})
		})
	}
}

// storeRule is one rule for session stores.
type storeRule struct {
	name   string
	rule   string
	reason string
	check  func(*storeTest)
}

const (
	repeatsCommands = "Clients of a database repeat a command if the response is lost; the first attempt may have succeeded."
	atomicSwap      = "Swap must check that the session exists and change it in one atomic step, or a refresh undoes a logout."
)

var storeRules = []storeRule{
	{
		"fields-round-trip", "Load and List return every field as Create stored it, with times to the millisecond.",
		"The Issuer compares generations and times to decide about a refresh.", checkFields,
	}, {
		"labels-round-trip", "Labels are stored byte for byte: up to 128 bytes of UTF-8, or empty.",
		"A label may contain any text, and users recognize their devices by it.", checkLabels,
	}, {
		"ids-are-opaque", "IDs are stored and compared byte for byte.",
		"If two IDs compare as equal, one session takes the place of another.", checkIDs,
	}, {
		"subjects-are-opaque", "Subjects are stored and compared byte for byte: List and DeleteSubject apply to this subject only.",
		"Otherwise a user could see and end the sessions of another user.", checkSubjects,
	}, {
		"unknown-id", "If no session has the ID, Load returns an error that wraps ErrSessionEnded, Swap returns false and no error, and Delete returns no error. That holds for all IDs, including those with arbitrary bytes.",
		"IDs come from clients. The Issuer treats every other error as an outage of the store.", checkUnknownID,
	}, {
		"repeated-create", "Create returns no error if the store contains exactly this session.",
		repeatsCommands, checkRepeatedCreate,
	}, {
		"taken-id", "If another session has the ID, Create returns an error and does not change that session.",
		"A login must not replace the session of another user.", checkTakenID,
	}, {
		"ends-at-ExpiresAt", "A session has ended if the caller's now is not before ExpiresAt.",
		"The Issuer sets ExpiresAt and relies on the store to apply it exactly.", checkExpiry,
	}, {
		"no-clock", "The store compares times with the caller's now, and not with a clock of its own.",
		"The clocks of the store and of the service can differ, and tests set the time.", checkNoClock,
	}, {
		"swap-replaces-mutable-fields", "Swap replaces Revision, Generation, RotatedAt, ExpiresAt, AuthTime, Label and Attributes, and no other field.",
		"The other fields are set at login and must not change.", checkSwapFields,
	}, {
		"swap-compares-mutable-fields", "Swap returns true only if all mutable fields of the session equal those of old. Otherwise it returns false and no error, and changes no field.",
		"A rotation that overlaps an update must not undo it, and only one rotation from each generation may succeed, so that the reuse of a refresh token is detected.", checkSwapCompares,
	}, {
		"swap-repeated", "Swap also returns true if all mutable fields of the session equal those of next already, and now is before ExpiresAt. It does so in no other case.",
		repeatsCommands, checkSwapRepeated,
	}, {
		"swap-moves-ExpiresAt", "After Swap, the session ends at the new ExpiresAt, whether it is later or earlier.",
		"Each refresh sets how long the session may be idle.", checkSwapExpiry,
	}, {
		"swap-revives-nothing", "Swap of a session that has ended returns false and no error, and does not restore the session.",
		"A refresh that is in progress must not undo a logout.", checkSwapEnded,
	}, {
		"attributes-survive", "Attributes are stored byte for byte, up to 2 KiB, and stay the same in a rotation that does not change them.",
		"They hold how the user logged in, and data of the service.", checkAttributes,
	}, {
		"update-and-rotation", "If an update and a rotation start from the same row, Swap returns true for the first one only. Neither change is lost when the other one is repeated from the present row.",
		"Otherwise a refresh undoes a change of rights, or a change of rights restores a refresh token that was used.", checkUpdateAndRotation,
	}, {
		"repeated-swap-restores-nothing", "A Swap that is repeated after others returns false, even if all fields but the revision have the values of old again.",
		"A client of a database may repeat a command late. It must not bring back rights that the user has given up since.", checkRepeatedHistory,
	}, {
		"delete-ends-one", "Delete ends the session with this ID and no other. It returns no error if the session does not exist.",
		"A logout may be repeated, and it must not end other sessions.", checkDelete,
	}, {
		"delete-subject", "DeleteSubject ends all sessions of the subject that were created before the call, and no later ones.",
		"After a password change all old sessions must end, and the user must be able to log in again.", checkDeleteSubject,
	}, {
		"list", "List returns all sessions of the subject whose ExpiresAt is after now, each of them once.",
		"Users search this list for logins that are not their own.", checkList,
	}, {
		"subjects-with-one-tag", "List and DeleteSubject apply to one subject only, even if another one has the same SubjectTag.",
		"A tag has 40 bits, so subjects share tags by chance. A store that compares tags shows a user the sessions of another user.", checkOneTag,
	}, {
		"thousand-sessions", "List returns all of a thousand sessions of a subject, and DeleteSubject ends all of them.",
		"A store that reads pages must read all of them. A session that is missing cannot be ended.", checkThousand,
	}, {
		"context", "If the context has ended, every method returns the error of the context, or one that wraps ErrUnavailable, and has no effect.",
		"The context says nothing about the session, so the error must not wrap ErrSessionEnded.", checkContext,
	}, {
		"race-for-a-swap", "If several callers swap from one generation at once, exactly one of them succeeds.",
		"Swap must compare the generation and replace it in one atomic step, or two clients could use one refresh token.", checkSwapRace,
	}, {
		"race-for-an-id", "If several callers create one ID at once, exactly one of them succeeds.",
		"Create must check the ID and create the session in one atomic step.", checkCreateRace,
	}, {
		"delete-against-swap", "When Delete has returned, the session has ended for good, even if a Swap was running at the same time.",
		atomicSwap, checkDeleteAgainstSwap,
	}, {
		"delete-subject-against-swap", "When DeleteSubject has returned, the sessions have ended for good, even if a Swap was running at the same time.",
		atomicSwap, checkDeleteSubjectAgainstSwap,
	}, {
		"delete-subject-against-create", "DeleteSubject ends the sessions created before the call and keeps those created after it. For sessions created during the call, List and Load agree.",
		"If List does not return a session that Load returns, its user cannot end it.", checkDeleteSubjectAgainstCreate,
	}, {
		"concurrent-use", "The store is safe for concurrent use: every caller finds its own sessions unchanged.",
		"A service handles many requests at the same time.", checkConcurrentUse,
	},
}
