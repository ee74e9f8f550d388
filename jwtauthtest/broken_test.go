package jwtauthtest_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"runtime"
	"strings"
	"sync/atomic"
)

// bug is a mistake that real middleware has made.
type bug string

const (
	noBug                 bug = "none"
	leavesRefusalToNext   bug = "always calls next and leaves the refusal to another handler"
	goesOnAfterRefusal    bug = "responds 401 and also calls next"
	acceptsNone           bug = "accepts alg none"
	checksNoSignature     bug = "does not check the signature"
	comparesPrefix        bug = "compares only as many bytes as the signature has"
	readsFirstField       bug = "reads the first Authorization header"
	readsLastField        bug = "reads the last Authorization header"
	decodesLeniently      bug = "decodes base64 leniently"
	passesLineBreaks      bug = "ignores line breaks, as encoding/base64 does in strict mode"
	acceptsStandardBase64 bug = "accepts base64 in either alphabet"
	acceptsPadding        bug = "accepts base64 with padding"
	fetchesKeys           bug = "connects to the address in jku"
	readsKeyFile          bug = "uses kid as the name of a file"
	hasEmptySecret        bug = "has an empty secret"
	usesUnknownKey        bug = "uses the zero value that a map returns for an unknown kid"
	hasWeakSecret         bug = "has a secret from a tutorial"
	responds500           bug = "responds 500 if it cannot parse the token"
	panics                bug = "panics if it cannot parse the token"
	responds200           bug = "responds 200 with an error page"
	redirects             bug = "redirects to a login page"
	echoesToken           bug = "repeats the token in the body"
	echoesKeyID           bug = "repeats the kid in the challenge"
	hasNoChallenge        bug = "has no challenge in a 401"
	challengesBasic       bug = "challenges for Basic"
	matchesSchemePrefix   bug = "accepts every scheme that starts with Bearer"
	ignoresScheme         bug = "accepts the last word of the header with every scheme"
	readsQuery            bug = "accepts a token in the query"
	readsForm             bug = "accepts a token in a form"
	readsCookie           bug = "accepts a token in a cookie"
	letsOptionsPass       bug = "accepts OPTIONS requests without a token"
	locksOut              bug = "refuses all requests after ten refusals"
	sharesState           bug = "stores the verdict in a variable that all requests share"
	acceptsMoreSegments   bug = "ignores segments after the third"
)

// handwritten is middleware for HS256 without a library. Without a bug it is
// correct, so every report of Attack is about the bug.
type handwritten struct {
	bug     bug
	secret  string
	next    http.Handler
	refused atomic.Int64
	verdict atomic.Bool
}

// newHandwritten returns middleware with a bug, and a function that returns
// valid requests.
func newHandwritten(b bug) (*handwritten, func() *http.Request) {
	input := encode(`{"alg":"HS256","typ":"JWT"}`) + "." + encode(`{"sub":"alice","exp":4102444800}`)
	for {
		h := &handwritten{bug: b, secret: rand.Text() + rand.Text()}
		switch b {
		case hasWeakSecret:
			h.secret = "secret"
		case hasEmptySecret:
			h.secret = ""
		}
		signature := base64.RawURLEncoding.EncodeToString(sign(h.secret, input))
		if b == acceptsStandardBase64 && !strings.ContainsAny(signature, "-_") {
			continue // it is the same in both alphabets
		}
		return h, bearer(input + "." + signature)
	}
}

func (h *handwritten) protect(next http.Handler) http.Handler {
	h.next = next
	return h
}

func (h *handwritten) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.bug == letsOptionsPass && r.Method == http.MethodOptions {
		h.next.ServeHTTP(w, r)
		return
	}
	token, status := h.find(r)
	kid := ""
	if status == 0 {
		var err error
		if kid, err = h.verify(token); err != nil {
			status = http.StatusUnauthorized
			if h.bug == responds500 {
				status = http.StatusInternalServerError
			}
		}
	}
	if h.bug == sharesState {
		h.verdict.Store(status == 0)
		runtime.Gosched()
		if h.verdict.Load() {
			status = 0
		} else if status == 0 {
			status = http.StatusUnauthorized
		}
	}
	if status != 0 {
		h.refused.Add(1)
	}
	if h.bug == locksOut && h.refused.Load() > 10 {
		status = http.StatusUnauthorized
	}
	if status == 0 || h.bug == leavesRefusalToNext {
		h.next.ServeHTTP(w, r)
		return
	}
	h.refuse(w, r, status, token, kid)
	if h.bug == goesOnAfterRefusal {
		h.next.ServeHTTP(w, r)
	}
}

func (h *handwritten) refuse(w http.ResponseWriter, r *http.Request, status int, token, kid string) {
	challenge := "Bearer"
	switch h.bug {
	case responds200:
		status = http.StatusOK
	case redirects:
		http.Redirect(w, r, "/login", http.StatusFound)
		return
	case hasNoChallenge:
		challenge = ""
	case challengesBasic:
		challenge = `Basic realm="Bearer tokens"`
	case echoesKeyID:
		challenge = fmt.Sprintf(`Bearer error="invalid_token", error_description="no key %s"`, kid)
	}
	if challenge != "" {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	w.WriteHeader(status)
	if h.bug == echoesToken {
		fmt.Fprintf(w, "invalid token %q", token)
	}
}

// find returns the token of a request, or the status that refuses it.
func (h *handwritten) find(r *http.Request) (string, int) {
	fields := r.Header["Authorization"]
	switch {
	case len(fields) == 0:
		token := ""
		switch h.bug {
		case readsQuery:
			token = r.URL.Query().Get("token")
		case readsForm:
			token = r.PostFormValue("access_token")
		case readsCookie:
			if cookie, err := r.Cookie("jwt"); err == nil {
				token = cookie.Value
			}
		}
		if token == "" {
			return "", http.StatusUnauthorized
		}
		return token, 0
	case h.bug == readsFirstField:
		fields = fields[:1]
	case h.bug == readsLastField:
		fields = fields[len(fields)-1:]
	}
	if len(fields) > 1 {
		return "", http.StatusBadRequest
	}
	scheme, token, _ := strings.Cut(fields[0], " ")
	switch {
	case h.bug == matchesSchemePrefix && len(scheme) >= 6:
		scheme = scheme[:6]
	case h.bug == ignoresScheme:
		words := strings.Fields(" x " + fields[0])
		return words[len(words)-1], 0
	}
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", http.StatusBadRequest
	}
	return token, 0
}

// verify returns the kid of a token, and an error if the token is invalid.
func (h *handwritten) verify(token string) (string, error) {
	if len(token) > 8<<10 {
		return "", fmt.Errorf("too long")
	}
	segments := strings.Split(token, ".")
	switch {
	case h.bug == panics:
		_ = segments[2]
	case h.bug == acceptsNone && len(segments) == 2:
		segments = append(segments, "")
	case h.bug == acceptsMoreSegments && len(segments) > 3:
		segments = segments[:3]
	}
	if len(segments) != 3 {
		return "", fmt.Errorf("not three segments")
	}
	var header struct {
		Algorithm string `json:"alg"`
		KeyID     any    `json:"kid"`
		Address   string `json:"jku"`
	}
	text, err := h.decode(segments[0])
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(text, &header); err != nil {
		return "", err
	}
	kid, _ := header.KeyID.(string)
	if h.bug == fetchesKeys && header.Address != "" {
		if address, err := url.Parse(header.Address); err == nil {
			if connection, err := net.Dial("tcp", address.Host); err == nil {
				_, _ = connection.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
				_, _ = connection.Read(make([]byte, 1)) // wait for the server
				_ = connection.Close()
			}
		}
	}
	if _, err := h.decode(segments[1]); err != nil {
		return kid, err
	}
	signature, err := h.decode(segments[2])
	if err != nil {
		return kid, err
	}
	if h.bug == acceptsNone && strings.EqualFold(header.Algorithm, "none") {
		return kid, nil
	}
	input := segments[0] + "." + segments[1]
	secret := h.secret
	switch {
	case h.bug == usesUnknownKey:
		secret = map[string]string{"": h.secret}[kid]
	case h.bug == readsKeyFile && kid != "":
		files := map[string]string{"/srv/keys/one": h.secret, "/dev/null": ""}
		content, ok := files[path.Join("/srv/keys", kid)]
		if !ok {
			return kid, fmt.Errorf("no such file")
		}
		secret = content
	}
	if header.Algorithm != "HS256" && h.bug != checksNoSignature {
		return kid, fmt.Errorf("another algorithm")
	}
	want := sign(secret, input)
	switch {
	case h.bug == checksNoSignature:
		return kid, nil
	case h.bug == comparesPrefix && len(signature) > 0 && bytes.HasPrefix(want, signature):
		return kid, nil
	case !hmac.Equal(signature, want):
		return kid, fmt.Errorf("bad signature")
	}
	return kid, nil
}

func sign(secret, input string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(input))
	return mac.Sum(nil)
}

func (h *handwritten) decode(segment string) ([]byte, error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	switch {
	case h.bug == decodesLeniently:
		return base64.RawURLEncoding.DecodeString(strings.TrimRight(segment, "="))
	case h.bug == acceptsStandardBase64:
		return base64.RawURLEncoding.Strict().DecodeString(strings.NewReplacer("+", "-", "/", "_").Replace(segment))
	case h.bug == acceptsPadding:
		return base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(segment, "="))
	case err == nil && h.bug != passesLineBreaks && strings.ContainsAny(segment, "\r\n"):
		return nil, fmt.Errorf("line break in base64")
	}
	return text, err
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
