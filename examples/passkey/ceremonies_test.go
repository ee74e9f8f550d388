package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
)

type base64URL []byte

func (b *base64URL) UnmarshalJSON(text []byte) error {
	var encoded string
	if err := json.Unmarshal(text, &encoded); err != nil {
		return err
	}
	decoded, err := base64.RawURLEncoding.DecodeString(encoded)
	*b = decoded
	return err
}

func TestCeremonyIsTakenOnce(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for name, test := range map[string]struct {
		purpose purpose
		subject string
		after   time.Duration
		want    error
	}{
		"the right one":   {toStepUp, "ann", 0, nil},
		"at its last":     {toStepUp, "ann", ceremonyTTL - 1, nil},
		"too late":        {toStepUp, "ann", ceremonyTTL, errNoCeremony},
		"another purpose": {toSignIn, "ann", 0, errNoCeremony},
		"another subject": {toStepUp, "bob", 0, errNoCeremony},
		"no subject":      {toStepUp, "", 0, errNoCeremony},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCeremonies()
			id, err := c.begin(ceremony{purpose: toStepUp, subject: "ann", data: webauthn.SessionData{Challenge: "x"}}, now)
			if err != nil {
				t.Fatal(err)
			}
			data, err := c.take(id, test.purpose, test.subject, now.Add(test.after))
			if !errors.Is(err, test.want) || (err == nil) != (data.Challenge == "x") {
				t.Errorf("take: %+v, %v, want %v", data, err, test.want)
			}
			if _, err := c.take(id, toStepUp, "ann", now); !errors.Is(err, errNoCeremony) {
				t.Errorf("a second time: %v", err)
			}
		})
	}
}

func TestCeremoniesAreLimited(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	c := newCeremonies()
	for range maxCeremoniesPerClient {
		if _, err := c.begin(ceremony{client: "client"}, now); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.begin(ceremony{client: "client"}, now); !errors.Is(err, errTooManyCeremonies) {
		t.Errorf("one client: %v", err)
	}
	if _, err := c.begin(ceremony{client: "another"}, now); err != nil {
		t.Errorf("another client: %v", err)
	}
	for i := len(c.byID); i < maxCeremonies; i++ {
		c.byID[fmt.Sprint(i)] = ceremony{expires: now.Add(ceremonyTTL)}
	}
	if _, err := c.begin(ceremony{client: "one more"}, now); !errors.Is(err, errTooManyCeremonies) {
		t.Errorf("all: %v", err)
	}
	if _, err := c.begin(ceremony{client: "client"}, now.Add(ceremonyTTL)); err != nil || len(c.byID) != 1 {
		t.Errorf("after their end: %v, %d are kept", err, len(c.byID))
	}
}
