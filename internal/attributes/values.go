package attributes

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/jsonwrite"
)

const (
	maxTextBytes  = 256     // of each text
	maxMethods    = 16      // in AMR
	maxDataBytes  = 1 << 10 // of Data
	maxLabelBytes = 128     // of the label of a session
)

// SetAuthentication sets ACR and AMR. It adds a fault for each text that is not
// valid. The option is the name of the function that the caller knows.
func (a *Attributes) SetAuthentication(f *faults.Collector, option, acr string, amr []string) {
	if acr != "" {
		checkText(f, option+": acr", acr)
	}
	for n, method := range amr {
		checkText(f, fmt.Sprintf("%s: amr[%d]", option, n), method)
	}
	if len(amr) > maxMethods {
		f.Add(option+": amr", "has %d methods; the maximum is %d", len(amr), maxMethods)
	}
	a.ACR, a.AMR = acr, amr
}

// SetData sets Data to the encoding of v. It adds a fault if v cannot be
// encoded, or is too long.
func (a *Attributes) SetData(f *faults.Collector, option string, v any) {
	text, err := json.Marshal(v)
	switch {
	case err != nil:
		f.Add(option+": v", "%s", jsonwrite.Fault(err))
	case len(text) > maxDataBytes:
		f.Add(option+": v", "is %d bytes of JSON; the maximum is %d", len(text), maxDataBytes)
	}
	a.Data = text
}

// SetCredentialVersion sets CredentialVersion, which may be empty. It adds a
// fault if the version is not valid.
func (a *Attributes) SetCredentialVersion(f *faults.Collector, option, version string) {
	if version != "" {
		checkText(f, option+": v", version)
	}
	a.CredentialVersion = &version
}

// SetConfirmation sets Confirmation. It adds a fault for each text that is not
// valid.
func (a *Attributes) SetConfirmation(f *faults.Collector, option, member, value string) {
	checkText(f, option+": member", member)
	checkText(f, option+": value", value)
	a.Confirmation = Confirmation{Member: member, Value: value}
}

// checkText adds a fault if a text cannot be kept with a session.
func checkText(f *faults.Collector, path, text string) {
	f.Name(path, text)
	if len(text) > maxTextBytes && len(text) <= faults.MaxNameBytes {
		f.Add(path, "is %d bytes long; the maximum is %d", len(text), maxTextBytes)
	}
}

// CleanLabel returns the part of text that can be the label of a session:
// printable characters, at most 128 bytes.
func CleanLabel(text string) string {
	if len(text) > 4*maxLabelBytes { // the text may be as long as a request header
		text = text[:4*maxLabelBytes]
	}
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text))
	for len(text) > maxLabelBytes {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}
