package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// tokenErrors are all reasons to reject a token.
var tokenErrors = []error{
	jwtauth.ErrTokenMalformed, jwtauth.ErrTokenType, jwtauth.ErrKeyUnknown, jwtauth.ErrSignatureInvalid,
	jwtauth.ErrClaimsInvalid, jwtauth.ErrTokenExpired, jwtauth.ErrTokenNotYetValid, jwtauth.ErrTokenTooOld,
	jwtauth.ErrIssuerMismatch, jwtauth.ErrAudienceMismatch,
}

// checkRefusal checks that err is want and ErrTokenInvalid and no other error,
// and that it holds no part of the token.
func checkRefusal(t testing.TB, err, want error, token string) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted, want %v", want)
	}
	if !errors.Is(err, jwtauth.ErrTokenInvalid) {
		t.Errorf("%v is not ErrTokenInvalid", err)
	}
	for _, sentinel := range append(tokenErrors, jwtauth.ErrUnavailable, jwtauth.ErrTokenMissing, jwtauth.ErrInvalidRequest) {
		if is := errors.Is(err, sentinel); is != (sentinel == want) {
			t.Errorf("got %v, want %v: errors.Is(err, %v) is %v", err, want, sentinel, is)
		}
	}
	checkNoToken(t, err.Error(), token)
}

// checkNoToken checks that text holds no segment of token.
func checkNoToken(t testing.TB, text, token string) {
	t.Helper()
	for segment := range strings.SplitSeq(token, ".") {
		if len(segment) >= 4 && strings.Contains(text, segment) {
			t.Errorf("%q holds %q of the token", text, segment)
		}
	}
}

func TestVerifyStructure(t *testing.T) {
	eachForger(t, func(t *testing.T, f forger) {
		v := f.verifier(t)
		header, payload := b64(`{"alg":"`+string(f.alg)+`"}`), b64(goodClaims)
		good := f.segments(header, payload)
		signature := good[strings.LastIndex(good, ".")+1:]
		flip := func(i int) string { // another digit in the place of one
			c := "A"
			if good[i] == 'A' {
				c = "B"
			}
			return good[:i] + c + good[i+1:]
		}
		cases := []struct {
			name, token string
			want        error
		}{
			{"empty", "", jwtauth.ErrTokenMalformed},
			{"one segment", header, jwtauth.ErrTokenMalformed},
			{"two segments", header + "." + payload, jwtauth.ErrTokenMalformed},
			{"four segments", good + ".", jwtauth.ErrTokenMalformed},
			{"four segments, the signature last", header + "." + payload + "." + "x" + "." + signature, jwtauth.ErrTokenMalformed},
			{"five segments", good + ".x.y", jwtauth.ErrTokenMalformed},
			{"dots", "..", jwtauth.ErrTokenMalformed},
			{"no header", "." + payload + "." + signature, jwtauth.ErrTokenMalformed},
			{"no payload", header + ".." + signature, jwtauth.ErrSignatureInvalid},
			{"no payload, signed", f.segments(header, ""), jwtauth.ErrClaimsInvalid},
			{"no signature", header + "." + payload + ".", jwtauth.ErrSignatureInvalid},
			{"short signature", good[:len(good)-4], jwtauth.ErrSignatureInvalid},
			{"long signature", good + "AAAA", jwtauth.ErrSignatureInvalid},
			{"padded signature", good + "==", jwtauth.ErrSignatureInvalid},
			{"line break in the signature", good + "\n", jwtauth.ErrSignatureInvalid},
			{"changed signature", flip(len(good) - 10), jwtauth.ErrSignatureInvalid},
			{"changed payload", flip(len(header) + 10), jwtauth.ErrSignatureInvalid},
			{"payload of another", header + "." + b64(withClaims(`"sub":"admin"`)) + "." + signature, jwtauth.ErrSignatureInvalid},
			{"header padded, signed", f.segments(header+"=", payload), jwtauth.ErrTokenMalformed},
			{"header with a line break, signed", f.segments(header[:4]+"\n"+header[4:], payload), jwtauth.ErrTokenMalformed},
			{"payload padded, signed", f.segments(header, payload+"="), jwtauth.ErrClaimsInvalid},
			{"payload with a line break, signed", f.segments(header, payload+"\n"), jwtauth.ErrClaimsInvalid},
			{"payload in the standard alphabet, signed", f.segments(header, b64(withClaims(`"x":"`))+"+/+/"), jwtauth.ErrClaimsInvalid},
		}
		if _, err := v.VerifyToken(t.Context(), good); err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				for range 4 {
					_, err := v.VerifyToken(t.Context(), c.token)
					checkRefusal(t, err, c.want, c.token)
				}
			})
		}
		t.Run("another key's signature", func(t *testing.T) {
			other := map[jwtauth.Algorithm]func(testing.TB) forger{
				jwtauth.HS256: forgeHS256, jwtauth.ES256: forgeES256, jwtauth.EdDSA: forgeEdDSA,
			}[f.alg](t)
			token := other.segments(header, payload)
			_, err := v.VerifyToken(t.Context(), token)
			checkRefusal(t, err, jwtauth.ErrSignatureInvalid, token)
		})
		t.Run("changed header", func(t *testing.T) {
			token := b64(`{"alg":"`+string(f.alg)+`" }`) + "." + payload + "." + signature
			_, err := v.VerifyToken(t.Context(), token)
			checkRefusal(t, err, jwtauth.ErrSignatureInvalid, token)
		})
	})
}

// Payloads whose only fault is that unused bits are set.
func TestVerifyLeftOverBits(t *testing.T) {
	f := forgeHS256(t)
	v := f.verifier(t)
	payload := goodClaims
	for len(payload)%3 != 1 {
		payload = " " + payload
	}
	text := b64(payload)
	if _, err := v.VerifyToken(t.Context(), f.segments(b64(`{"alg":"HS256"}`), text)); err != nil {
		t.Fatal(err)
	}
	token := f.segments(b64(`{"alg":"HS256"}`), text[:len(text)-1]+string(text[len(text)-1]+1))
	_, err := v.VerifyToken(t.Context(), token)
	checkRefusal(t, err, jwtauth.ErrClaimsInvalid, token)
}

func TestVerifyLength(t *testing.T) {
	t.Parallel()
	cases := []struct{ option, limit int }{{0, 16 << 10}, {8 << 10, 8 << 10}, {64 << 10, 64 << 10}, {1 << 20, 1 << 20}}
	eachForger(t, func(t *testing.T, f forger) {
		for _, c := range cases {
			t.Run(fmt.Sprint(c.option), func(t *testing.T) {
				v := f.verifier(t, func(o *jwtauth.VerifierOptions) { o.MaxTokenBytes = c.option })
				longest := f.ofLength(t, c.limit)
				if _, err := v.VerifyToken(t.Context(), longest); err != nil {
					t.Errorf("a token of %d bytes: %v", len(longest), err)
				}
				_, err := v.VerifyToken(t.Context(), longest+"A")
				checkRefusal(t, err, jwtauth.ErrTokenMalformed, "")
				if !strings.Contains(err.Error(), "MaxTokenBytes") {
					t.Errorf("%v does not name MaxTokenBytes", err)
				}
			})
		}
	})
}

// A token never chooses how it is verified: no HMAC with the text of a public
// key, no other algorithm, no algorithm at all.
func TestVerifyKeyConfusion(t *testing.T) {
	public, secret := forgeES256(t), forgeHS256(t)
	for _, header := range []string{`{"alg":"HS256"}`, `{"alg":"none"}`, `{"alg":"ES384"}`, `{"alg":"RS256"}`} {
		token := secret.token(header, goodClaims)
		_, err := public.verifier(t).VerifyToken(t.Context(), token)
		checkRefusal(t, err, jwtauth.ErrKeyUnknown, token)
	}
	// A source that returns keys of other algorithms does not change that.
	all := keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) {
		return []jwtauth.Key{secret.key, {}, public.key}, nil
	})
	v := newVerifier(t, all, options())
	if _, err := v.VerifyToken(t.Context(), public.claims(goodClaims)); err != nil {
		t.Errorf("the right key behind two others: %v", err)
	}
	token := secret.token(`{"alg":"ES256"}`, goodClaims)
	_, err := v.VerifyToken(t.Context(), token)
	checkRefusal(t, err, jwtauth.ErrSignatureInvalid, token)
	token = secret.token(`{"alg":"HS512"}`, goodClaims) // signed with HS256
	_, err = v.VerifyToken(t.Context(), token)
	checkRefusal(t, err, jwtauth.ErrKeyUnknown, token)
	token = secret.token(`{"alg":"HS384"}`, goodClaims)
	_, err = newVerifier(t, keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) {
		return []jwtauth.Key{{}}, nil
	}), options()).VerifyToken(t.Context(), token)
	checkRefusal(t, err, jwtauth.ErrKeyUnknown, token)
}
