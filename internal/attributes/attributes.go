// Package attributes encodes what an Issuer keeps with a session besides the
// fields that stores know. The text is opaque to stores, so new features do not
// change them.
package attributes

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
)

// MaxBytes is the length of the longest encoding.
const MaxBytes = 2 << 10

// Attributes are the attributes of one session. The zero value is encoded as
// the empty text.
type Attributes struct {
	ACR               string          // "acr" of the last authentication
	AMR               []string        // "amr" of the last authentication
	Data              json.RawMessage // data of the application, one JSON value
	CredentialVersion *string         // of the password that was checked; nil for none
	Confirmation      Confirmation    // the key that the session is bound to
	BrowserSession    bool            // cookies end with the browser
	Updates           int64           // number of updates since the login

	// unknown are the members that a newer version of this package has
	// written. They are kept.
	unknown map[string]json.RawMessage
}

// Confirmation is a member of "cnf" (RFC 7800), such as the thumbprint "jkt" of
// a key. The zero value means that the session is not bound to a key.
type Confirmation struct {
	Member string `json:"m"`
	Value  string `json:"v"`
}

var errMalformed = errors.New("the attributes of the session are malformed")

// Decode reads an encoding. Its errors do not contain the text.
func Decode(text string) (Attributes, error) {
	var a Attributes
	if text == "" {
		return a, nil
	}
	if len(text) > MaxBytes {
		return a, errMalformed
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &members); err != nil || members == nil {
		return a, errMalformed
	}
	for name, field := range a.fields() {
		raw, ok := members[name]
		if !ok {
			continue
		}
		if json.Unmarshal(raw, field) != nil {
			return Attributes{}, errMalformed
		}
		delete(members, name)
	}
	if len(members) > 0 {
		a.unknown = members
	}
	return a, nil
}

// fields returns the fields by the names of their members, which are short
// because they are stored with each session.
func (a *Attributes) fields() map[string]any {
	return map[string]any{
		"acr":  &a.ACR,
		"amr":  &a.AMR,
		"data": &a.Data,
		"cv":   &a.CredentialVersion,
		"cnf":  &a.Confirmation,
		"bs":   &a.BrowserSession,
		"upd":  &a.Updates,
	}
}

// Encode returns the text of a. Equal attributes have equal texts. It returns
// an error if the text would be longer than MaxBytes.
func (a Attributes) Encode() (string, error) {
	members := make(map[string]any)
	for name, raw := range maps.All(a.unknown) {
		members[name] = raw
	}
	for name, member := range map[string]struct {
		set   bool
		value any
	}{
		"acr":  {a.ACR != "", a.ACR},
		"amr":  {len(a.AMR) > 0, a.AMR},
		"data": {len(a.Data) > 0, a.Data},
		"cv":   {a.CredentialVersion != nil, a.CredentialVersion},
		"cnf":  {a.Confirmation != Confirmation{}, a.Confirmation},
		"bs":   {a.BrowserSession, a.BrowserSession},
		"upd":  {a.Updates != 0, a.Updates},
	} {
		if member.set {
			members[name] = member.value
		}
	}
	if len(members) == 0 {
		return "", nil
	}
	text, err := json.Marshal(members) // sorted by name
	switch {
	case err != nil:
		return "", errMalformed
	case len(text) > MaxBytes:
		return "", fmt.Errorf("acr, amr, session data, credential version and confirmation have %d bytes of JSON together; the maximum is %d", len(text), MaxBytes)
	}
	return string(text), nil
}
